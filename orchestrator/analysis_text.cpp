#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "orchestrator/analysis_output.hpp"

namespace phasegrid::orchestrator {
namespace {

using namespace results::analysis;

constexpr std::size_t kMostRows = 60, kMostViolations = 10, kWidth = 112;

std::string number(double x) { return std::isnan(x) ? "-" : std::isinf(x) ? "inf" : fmt::format("{:.3g}", x); }

// "12.3 [11, 14.2]"; "> 64" where only a lower end is known; "< 4"; "?" where nothing is.
std::string transition_text(const Transition& t) {
  if (t.censored == unknown) return "?";
  if (std::isnan(t.x))
    return t.censored & above   ? "> " + number(t.low)
           : t.censored & below ? "< " + number(t.high)
                                : "in [" + number(t.low) + ", " + number(t.high) + "]";
  const std::string low = t.censored & below ? "(-" : "[" + number(t.low),
                    high = t.censored & above ? "-)" : number(t.high) + "]";
  return fmt::format("{} {}, {}", number(t.x), low, high);
}

std::string ratio_text(const Ratio& r) {
  if (r.low == 0 && std::isinf(r.high)) return "?";
  if (r.low == 0) return "< " + number(r.high);
  if (std::isinf(r.high)) return "> " + number(r.low);
  return fmt::format("{} [{}, {}]", number(r.value), number(r.low), number(r.high));
}

using Row = std::vector<std::string>;

// The first `left` columns begin at the left, the others end at the right.
void print_table(const std::vector<Row>& rows, std::size_t left, std::ostream& out) {
  std::vector<std::size_t> widths(rows[0].size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i < left ? fmt::format("  {:<{}}", row[i], widths[i]) : fmt::format("  {:>{}}", row[i], widths[i]);
    out << line << "\n";
  }
}

void print_transitions(const Report& report, std::ostream& out) {
  const Study& study = report.study;
  std::vector<Row> rows(1, Row{"column"});
  for (const double level : report.levels) rows[0].push_back(fmt::format("{}* at {}", study.axis, level));
  const bool constructed = std::ranges::any_of(study.columns, [](const Column& c) { return c.exact.has_value(); });
  const bool bounded = std::ranges::any_of(study.columns, [](const Column& c) { return c.state_needed.has_value(); });
  if (constructed) rows[0].insert(rows[0].end(), {"construction", fmt::format("gap at {}", report.options.level)});
  if (bounded) rows[0].push_back("state / bound");
  for (std::size_t i = 0; i < std::min(kMostRows, study.columns.size()); ++i) {
    const Column& column = study.columns[i];
    Row row{column.label.empty() ? "all" : column.label};
    for (const Transition& t : report.transitions[i]) row.push_back(transition_text(t));
    const Gap& gap = report.gaps[i];
    if (constructed)
      row.insert(row.end(),
                 {column.exact ? number(column.exact->value) : "-", column.exact ? ratio_text(gap.construction) : "-"});
    if (bounded) row.push_back(column.state_needed ? ratio_text(gap.lower_bound) : "-");
    rows.push_back(std::move(row));
  }
  print_table(rows, 1, out);
  if (study.columns.size() > kMostRows)
    out << fmt::format("  and {} more columns: --json lists them all\n", study.columns.size() - kMostRows);
}

void print_laws(const Report& report, const Scaling& scaling, std::ostream& out) {
  const std::string& group = report.study.groups[scaling.group].label;
  out << fmt::format("\nScaling laws{}, {} columns, {} points:\n", group.empty() ? "" : ", " + group, scaling.columns,
                     scaling.points);
  std::vector<const LawFit*> laws;
  for (const LawFit& law : scaling.laws) laws.push_back(&law);
  std::ranges::sort(laws, {}, [](const LawFit* law) { return law->aic; });
  std::vector<Row> rows(1, Row{report.study.axis + "* =", "coefficients", "slope", "AIC"});
  for (const LawFit* law : laws) {
    std::string text;
    for (const Coefficient& c : law->coefficients)
      text += fmt::format("{}{} = {} [{}, {}]", text.empty() ? "" : ", ", c.name, number(c.estimate),
                          c.low == -kInfinity ? "-inf" : number(c.low), number(c.high));
    rows.push_back({law->formula, text, number(law->slope), fmt::format("{:+.1f}", law->aic - laws[0]->aic)});
  }
  print_table(rows, 2, out);
  if (scaling.region)
    out << fmt::format(
        "  {} and {} trade off (correlation {:.2f}): quote them only with their joint region (--json, /analysis)\n",
        scaling.region->first, scaling.region->second, scaling.region->correlation);
}

void print_wrapped(const std::string& head, const std::string& text, std::ostream& out) {
  std::string line = "  " + head;
  std::size_t from = 0;
  while (from < text.size()) {
    std::size_t end = text.find(' ', from);
    if (end == std::string::npos) end = text.size();
    if (line.size() + 1 + end - from > kWidth) {
      out << line << "\n";
      line = "   ";
    }
    line += " " + text.substr(from, end - from);
    from = end + 1;
  }
  out << line << "\n";
}

void print_violations(const std::vector<Violation>& violations, const sweeps::Grid& grid, std::ostream& out) {
  for (std::size_t i = 0; i < std::min(kMostViolations, violations.size()); ++i) {
    const Violation& v = violations[i];
    out << fmt::format("    cell {} ({}): accuracy {:.4f}, theory {:.4f} with {} numbers of state, p = {:.1e}\n",
                       v.cell, grid.label(v.cell), v.accuracy, v.most_accuracy, v.state, v.p);
  }
  if (violations.size() > kMostViolations) out << fmt::format("    and {} more\n", violations.size() - kMostViolations);
}

}  // namespace

void print_analysis(const Report& report, const sweeps::Grid& grid, std::ostream& out) {
  const Study& study = report.study;
  out << fmt::format("{}: transitions along {} ({}); success {} with it\n", grid.name(), study.axis, study.why,
                     study.increasing ? "grows" : "falls");
  out << fmt::format("  {} trainings in {} columns count", study.counted, study.columns.size());
  if (study.left_out > 0) out << fmt::format(", {} failed ones say nothing", study.left_out);
  if (grid.search().mode == "grid" && grid.size() > study.results) out << fmt::format(", {} cells have no result yet", grid.size() - study.results);
  if (study.places > study.columns.size())
    out << fmt::format(", {} columns have none at all", study.places - study.columns.size());
  out << fmt::format("\n\nTransitions [profile likelihood, cut {}]; \"-\": open, the tested values do not bound it:\n",
                     study.searched ? kSearchCut : kCut);
  print_transitions(report, out);
  for (const Scaling& scaling : report.scalings) print_laws(report, scaling, out);
  out << "\nVerdicts:\n";
  for (const Verdict& v : report.verdicts) {
    const std::string who = v.group.empty() ? v.theorem : v.group + ", " + v.theorem;
    print_wrapped(who + (v.reference.empty() ? "" : " (" + v.reference + ")") + ":", v.sentence, out);
    if (v.theorem == "counting bound") print_violations(report.hard.violations, grid, out);
    if (v.theorem == "constructions") print_violations(report.constructions.inexact, grid, out);
  }
}

}  // namespace phasegrid::orchestrator
