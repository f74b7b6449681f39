// Results and busy slots over wall time, from the attempts in the journals (to the second).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "orchestrator/report/report.hpp"
#include "orchestrator/tally.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr int kWidth = 860, kHeight = 190, kLeft = 60, kBottom = 28, kTop = 10;
constexpr std::size_t kMostPoints = 800;

struct Series {
  std::vector<std::pair<double, double>> points;  // seconds since the start, value; a staircase
  double last = 0, most = 0;
};

double x_of(double seconds, double span) { return kLeft + (kWidth - kLeft - 10) * seconds / span; }
double y_of(double value, double most) { return kHeight - kBottom - (kHeight - kBottom - kTop) * value / most; }

// At most kMostPoints of a staircase, the highest step of each stretch.
std::string path_of(const Series& series, double span) {
  std::string path;
  double before = 0;
  const std::size_t stride = 1 + series.points.size() / kMostPoints;
  for (std::size_t i = 0; i < series.points.size(); i += stride) {
    double value = 0;
    for (std::size_t k = i; k < std::min(i + stride, series.points.size()); ++k)
      value = std::max(value, series.points[k].second);
    if (i + stride >= series.points.size()) value = series.points.back().second;
    const double x = x_of(series.points[i].first, span);
    path += fmt::format("{}{:.1f} {:.1f}L{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y_of(before, series.most), x,
                        y_of(value, series.most));
    before = value;
  }
  return path + fmt::format("L{:.1f} {:.1f}", x_of(span, span), y_of(before, series.most));
}

std::string chart(const std::string& title, const Series& series, double span, const std::string& start, bool area) {
  if (series.points.empty() || series.most <= 0) return "";
  const std::string path = path_of(series, span);
  std::string svg;
  for (int i = 0; i <= 4; ++i) {
    const double value = series.most * i / 4, y = y_of(value, series.most), x = x_of(span * i / 4, span);
    svg += fmt::format(
        "<line class='g' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/><text class='l' x='{}' y='{:.1f}'>{:.4g}</text>",
        kLeft, kWidth - 10, y, y, kLeft - 6, y + 4, value);
    svg += fmt::format("<text class='x' x='{:.1f}' y='{}'>{}</text>", x, kHeight - 10,
                       i == 0 ? "0" : duration(span * i / 4));
  }
  if (area)
    svg += fmt::format("<path class='area' d='{}L{:.1f} {:.1f}L{:.1f} {:.1f}Z'/>", path, x_of(span, span), y_of(0, 1),
                       x_of(series.points[0].first, span), y_of(0, 1));
  svg += fmt::format("<path class='line' d='{}'/>", path);
  return fmt::format(
      "<figure><figcaption>{} (since {})</figcaption><svg width='{}' height='{}' viewBox='0 0 {} "
      "{}'>{}</svg></figure>\n",
      escaped(title), escaped(start), kWidth, kHeight, kWidth, kHeight, svg);
}

// The sum of steps at their times.
Series staircase(const std::map<double, int>& steps, double start) {
  Series series;
  double value = 0;
  for (const auto& [time, step] : steps) {
    value += step;
    series.points.emplace_back(time - start, value);
    series.most = std::max(series.most, value);
    series.last = time - start;
  }
  return series;
}

}  // namespace

std::string progress_html(const ReportData& data) {
  std::map<double, int> results, busy;
  std::string first = "9";
  double end = 0;
  for (const auto& attempt : data.state.attempts) {
    const double from = seconds_of_utc(attempt.started_utc), to = seconds_of_utc(attempt.ended_utc);
    if (!std::isnan(from)) first = std::min(first, attempt.started_utc), end = std::max(end, from);
    if (std::isnan(to)) continue;  // interrupted: nobody saw its end
    end = std::max(end, to);
    if (!attempt.outcome.starts_with("crashed")) ++results[to];
    if (std::isnan(from)) continue;
    ++busy[from];
    --busy[std::max(to, from + 1)];  // times are whole seconds: what was quicker counts as one
  }
  if (end == 0) return "<section><h2>Progress</h2><p>Nothing has run yet.</p></section>\n";
  const double start = seconds_of_utc(first), span = std::max(1.0, end - start);
  std::string out = "<section><h2>Progress</h2>\n" +
                    chart("cells with a result", staircase(results, start), span, first, false) +
                    "</section>\n<section><h2>Utilisation</h2>\n" +
                    chart("busy slots", staircase(busy, start), span, first, true) + "<ul>";
  for (const auto& note : data.state.notes)
    if (note.kind == "utilisation") out += "<li>" + escaped(note.utc + ": " + note.text) + "</li>";
  return out + "</ul></section>\n";
}

}  // namespace phasegrid::orchestrator
