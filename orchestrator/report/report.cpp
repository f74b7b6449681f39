#include "orchestrator/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/tally.hpp"
#include "results/listed_part.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr std::size_t kMostFailures = 40, kMostNotes = 60;

constexpr const char* kStyle = R"(
body{font:15px/1.45 system-ui,sans-serif;color:#1d2129;background:#fff;margin:2em auto;max-width:1180px;padding:0 1em}
h1{font-size:1.6em;margin:0}h2{font-size:1.15em;margin:1.8em 0 .5em;border-bottom:1px solid #dde1e7;padding-bottom:.2em}
.sub{color:#5b6470;margin:.2em 0 1em}table{border-collapse:collapse}td,th{padding:.2em .9em .2em 0;text-align:left;vertical-align:top}
th{font-weight:600;color:#5b6470}td.r{text-align:right;font-variant-numeric:tabular-nums}
.maps{display:flex;flex-wrap:wrap;gap:14px}figure{margin:0}figcaption{font-size:.85em;color:#333;padding:.2em 0}
svg text{font:11px system-ui,sans-serif;fill:#333}text.l{text-anchor:end}text.x,text.v{text-anchor:middle}text.v{font-size:10px;pointer-events:none}
svg .g{stroke:#e6e9ee}.line{fill:none;stroke:#1c7ed6;stroke-width:1.6}.area{fill:#1c7ed6;opacity:.18}
.legend b{display:inline-block;width:14px;height:14px;vertical-align:-2px}.legend svg,.theory svg{vertical-align:-2px}
.theory{padding:0;list-style:none;font-size:.9em}.bar{height:12px;display:flex;border-radius:3px;overflow:hidden;background:#e4e6ea;max-width:760px}
.bar i{display:block;height:100%}pre{white-space:pre-wrap;margin:0;font-size:.85em}
@media(prefers-color-scheme:dark){body{background:#16181d;color:#e4e7ec}svg text{fill:#cfd5dd}figcaption{color:#cfd5dd}h2{border-color:#333942}svg .g{stroke:#2a2f37}.bar{background:#333942}}
)";

constexpr const char* kHatch =
    "<svg width='0' height='0' style='position:absolute'><defs><pattern id='cannot' width='6' height='6' "
    "patternUnits='userSpaceOnUse' patternTransform='rotate(45)'>"
    "<rect width='6' height='6' fill='#f1f3f5'/><line x1='0' y1='0' x2='0' y2='6' stroke='#c3c9d1' "
    "stroke-width='2'/></pattern></defs></svg>\n";

std::string header_html(const ReportData& data) {
  const auto& from = data.state.provenance;
  std::string sub = "sweep hash " + data.grid.hash() + ", " + from.device_kind + ", numerics version " +
                    std::to_string(from.numerics_version) + ", " + from.host + ", started " + from.started_utc;
  if (!from.shard.whole()) sub += ", shard " + sweeps::to_text(from.shard);
  if (data.state.mixed()) sub += ", results of several device kinds or numerics versions";
  return "<h1>" + escaped(data.grid.name()) + "</h1>\n<p class='sub'>" + escaped(sub) + "</p>\n";
}

std::string summary_html(const ReportData& data) {
  const Overview& view = data.view;
  const auto share = [&](std::uint64_t n) {
    return 100.0 * static_cast<double>(n) / static_cast<double>(std::max<std::uint64_t>(1, view.cells));
  };
  std::string out = "<section><div class='bar'>";
  const std::uint64_t good = view.recorded - view.failed;
  out += fmt::format(
      "<i style='width:{:.3f}%;background:#2f9e44'></i><i style='width:{:.3f}%;background:#c0392b'></i><i "
      "style='width:{:.3f}%;background:#c3c9d1'></i></div>\n<table>",
      share(good), share(view.failed), share(view.infeasible));
  const auto row = [&](const std::string& name, const std::string& value) {
    out += "<tr><th>" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
  };
  row("cells", fmt::format("{}: {} with a result, {} missing, {} cannot exist", view.cells, view.recorded, view.missing,
                           view.infeasible));
  std::string statuses;
  for (std::size_t s = 0; s < view.by_status.size(); ++s)
    if (view.by_status[s] > 0)
      statuses += fmt::format("{}{} {}", statuses.empty() ? "" : ", ", view.by_status[s],
                              to_text(static_cast<sweeps::Status>(s)));
  if (!view.search.empty()) row("boundary search", view.search);
  row("results", statuses.empty() ? "none" : statuses);
  if (view.best_accuracy == view.best_accuracy)
    row("best accuracy", fmt::format("{:.4f} at {}", view.best_accuracy, data.grid.label(view.best_cell)));
  if (view.left > 0 && view.cells_per_second > 0)
    row("left", fmt::format("{} ± {} at the last speed", duration(view.seconds_left), duration(view.seconds_error)));
  row("lives of a coordinator", std::to_string(data.state.generation));
  return out + "</table></section>\n";
}

std::string failures_html(const ReportData& data) {
  const Overview& view = data.view;
  std::string out = fmt::format(
      "<section><h2>Failures</h2>\n<p>Failed cells: {}. Along the way: crashes {}, interruptions {}.</p>\n",
      view.failed, view.crashes, view.interrupted);
  if (view.failures.empty()) return out + "</section>\n";
  out += "<table><tr><th>cells</th><th>example</th><th>reason</th></tr>\n";
  for (std::size_t i = 0; i < std::min(kMostFailures, view.failures.size()); ++i) {
    const auto& f = view.failures[i];
    out += fmt::format("<tr><td class='r'>{}</td><td>{}: {}</td><td><pre>{}</pre></td></tr>\n", f.cells, f.example,
                       escaped(data.grid.label(f.example)), escaped(f.reason));
  }
  return out + "</table></section>\n";
}

std::string notes_html(const ReportData& data) {
  std::string out;
  for (const auto& warning : data.state.warnings) out += "<li><b>warning</b> " + escaped(warning) + "</li>\n";
  const auto& notes = data.state.notes;
  for (std::size_t i = notes.size() > kMostNotes ? notes.size() - kMostNotes : 0; i < notes.size(); ++i)
    if (notes[i].kind != "utilisation")
      out += "<li>" + escaped(notes[i].utc + " " + notes[i].kind + ": " + notes[i].text) + "</li>\n";
  if (!out.empty()) out = "<section><h2>Remarks of the journal</h2>\n<ul>\n" + out + "</ul></section>\n";
  return out + "<section><h2>Sweep</h2>\n<pre>" + escaped(data.grid.text()) + "</pre></section>\n";
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '\'') out += "&#39;";
    else if (c == '"') out += "&quot;";
    else if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') out += c;
  }
  return out;
}

std::string shown(const sweeps::Value& value) {
  const auto* word = std::get_if<std::string>(&value);
  return word ? *word : sweeps::to_text(value);
}

namespace {

// Between listed values a boundary search has few results: maps show the listed ones.
std::string maps_html(const ReportData& data) {
  if (!data.grid.search().boundary()) return heat_maps_html(data);
  const results::ListedPart part = results::listed_part(data.grid, data.state);
  return heat_maps_html({part.grid, part.state, data.view});
}

}  // namespace

std::string report_html(const ReportData& data) {
  return "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' "
         "content='width=device-width'><title>" +
         escaped(data.grid.name()) + "</title><style>" + kStyle + "</style></head><body>\n" + kHatch +
         header_html(data) + summary_html(data) + maps_html(data) + progress_html(data) + failures_html(data) +
         notes_html(data) + "</body></html>\n";
}

}  // namespace phasegrid::orchestrator
