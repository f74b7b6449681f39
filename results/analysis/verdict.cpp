// What the numbers of a report mean, one sentence for each theorem, law and bound.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "results/analysis/report.hpp"

namespace phasegrid::results::analysis {
namespace {

std::string number(double x) { return std::isinf(x) ? (x < 0 ? "-inf" : "inf") : fmt::format("{:.3g}", x); }
std::string interval(double low, double high) { return "[" + number(low) + ", " + number(high) + "]"; }
std::string p_value(double p) { return p < 1e-4 ? "p < 1e-4" : fmt::format("p = {:.2g}", p); }

struct Sides {
  std::size_t columns = 0, below = 0, above = 0, undecided = 0, silent = 0;  // silent: nothing is bounded
  double least = kInfinity, greatest = 0;                                    // of the construction's size
};

const LawFit* find_law(const Report& report, std::size_t group, const std::string& name) {
  for (const Scaling& scaling : report.scalings)
    for (const LawFit& law : scaling.laws)
      if (scaling.group == group && law.name == name) return &law;
  return nullptr;
}

std::string finding_of(const Sides& s) {
  if (s.silent == s.columns) return "undecided";
  if (s.above > 0 && s.below > 0) return "mixed";
  if (s.above > 0) return "search_failure";
  if (s.below > 0) return "not_minimal";
  return s.undecided > 0 ? "undecided" : "met";
}

std::string meaning(const std::string& finding, double level) {
  if (finding == "not_minimal")
    return "training gets by with less than the construction, which therefore is not the smallest: a finding, no error";
  if (finding == "search_failure")
    return fmt::format("weights of that size exist, but training does not find {} with them: the optimisation gap",
                       level);
  if (finding == "mixed") return "training gets by with less in some columns and does not find what exists in others";
  return "the data do not tell the transition from the construction's size";
}

std::string degrees(const Test& test) {
  return fmt::format("likelihood ratio {:.2f}, {} {}, {}", test.statistic, test.freedom,
                     test.freedom == 1 ? "degree of freedom" : "degrees of freedom", p_value(test.p));
}

// One theorem: the construction's size against the transitions of the columns in which it exists.
Verdict judge(const Report& report, std::size_t group, const Exact& exact, const Sides& sides) {
  const Study& study = report.study;
  const std::string finding = finding_of(sides);
  std::string text = fmt::format("weights that are exact exist from {} = {}{} on.", study.axis, number(sides.least),
                                 sides.greatest > sides.least ? " to " + number(sides.greatest) : "");
  const LawFit* pooled = find_law(report, group, "exact");
  if (pooled) {
    const Coefficient& a = pooled->coefficients[0];
    const Test& test = pooled->tests.back();
    text +=
        fmt::format(" Trained networks reach accuracy {} at {} {} times that over all columns together (1 is {}: {});",
                    report.options.level, number(a.estimate), interval(a.low, a.high),
                    test.p < 0.05 ? "rejected" : "not rejected", degrees(test));
  } else {
    text += fmt::format(" Trained networks reach accuracy {}", report.options.level);
  }
  text += fmt::format(" below it in {} of {} {}, above it in {}, not decided in {}: {}.", sides.below, sides.columns,
                      sides.columns == 1 ? "column" : "columns", sides.above, sides.undecided + sides.silent,
                      meaning(finding, report.options.level));
  return {study.groups[group].label, exact.name, exact.reference, finding, text};
}

void judge_theorems(const Report& report, std::vector<Verdict>& out) {
  for (std::size_t group = 0; group < report.study.groups.size(); ++group) {
    std::map<std::string, std::pair<Exact, Sides>> theorems;
    for (const std::size_t i : report.study.groups[group].columns) {
      const Column& column = report.study.columns[i];
      if (!column.exact || column.regression || column.constructed()) continue;  // nothing was trained to be exact
      auto& [exact, sides] = theorems[column.exact->name];
      exact = *column.exact;
      const Ratio& gap = report.gaps[i].construction;
      ++sides.columns;
      sides.below += gap.high<1, sides.above += gap.low> 1;
      const bool silent = gap.low == 0 && std::isinf(gap.high);
      sides.silent += silent, sides.undecided += !silent && gap.high >= 1 && gap.low <= 1;
      sides.least = std::min(sides.least, exact.value), sides.greatest = std::max(sides.greatest, exact.value);
    }
    for (const auto& [name, theorem] : theorems) out.push_back(judge(report, group, theorem.first, theorem.second));
  }
}

std::string with_intervals(const LawFit& law) {
  std::string text;
  for (const Coefficient& c : law.coefficients)
    text += fmt::format("{}{} = {} {}", text.empty() ? "" : ", ", c.name, number(c.estimate), interval(c.low, c.high));
  return text;
}

// Whether the theorem behind a law's special parameters is about the models of this group.
bool is_about(const LawFit& law, const Report& report, std::size_t group) {
  const std::string& variant = report.study.columns[report.study.groups[group].columns[0]].variant;
  if (law.name == "affine") return variant == "mamba" || variant == "mamba2";
  return law.name == "product" && variant == "mamba_s4d";
}

void judge_law(const Report& report, const Scaling& scaling, std::vector<Verdict>& out) {
  const std::string& group = report.study.groups[scaling.group].label;
  const LawFit& best = scaling.laws[scaling.best];
  std::string text = fmt::format("{}* = {} describes {} columns best: {}", report.study.axis, best.formula,
                                 scaling.columns, with_intervals(best));
  const LawFit* second = nullptr;
  for (const LawFit& law : scaling.laws)
    if (&law != &best && (!second || law.aic < second->aic)) second = &law;
  if (second) text += fmt::format("; the next, {}, has an AIC {:.1f} higher", second->formula, second->aic - best.aic);
  out.push_back({group, "scaling law", "theory 6.3", "best_law", text + "."});

  for (const LawFit& law : scaling.laws)
    for (const Test& test : law.tests) {
      if (!test.theorem || !is_about(law, report, scaling.group)) continue;
      const bool rejected = test.p < 0.05;
      out.push_back({group, law.name + " law", "theory 6.3", rejected ? "rejected" : "not_rejected",
                     fmt::format("{} with {} is {} ({}); the best fit has {}.", law.formula, test.name,
                                 rejected ? "rejected" : "not rejected", degrees(test), with_intervals(law))});
    }
  if (scaling.T_test) {
    const Coefficient& e = *scaling.T_exponent;
    const bool flat = scaling.T_test->p >= 0.05;
    out.push_back(
        {group, "length", "theory 6.5", flat ? "flat" : "depends_on_T",
         fmt::format("{}* grows like T^{} {}: {}.", report.study.axis, number(e.estimate), interval(e.low, e.high),
                     flat ? "no dependence on T is seen, as every exact threshold says"
                          : "it depends on T, which no exact threshold does: evidence about training or decay")});
  }
}

void judge_bounds(const Report& report, std::vector<Verdict>& out) {
  const HardBound& hard = report.hard;
  if (hard.cells > 0) {
    const bool violated = !hard.violations.empty();
    std::string text =
        fmt::format("{} of {} trainings have less state than exact recall needs; ", hard.tested, hard.cells);
    if (violated)
      text += fmt::format("{} of them recall more than their state can hold (Holm at 0.05): a bug, not a discovery",
                          hard.violations.size());
    else text += "none recalls more than its state can hold";
    out.push_back({"", "counting bound", "theory 3.7 LB1", violated ? "violated" : "holds", text + "."});
  }
  const ConstructionCheck& made = report.constructions;
  if (made.cells > 0) {
    const bool exact = made.inexact.empty();
    out.push_back({"", "constructions", "theory 3", exact ? "holds" : "violated",
                   exact ? fmt::format("all {} cells that are a theorem's weights are exact.", made.cells)
                         : fmt::format("{} of {} cells that are a theorem's weights are not exact: a bug.",
                                       made.inexact.size(), made.cells)});
  }
}

void judge_sharpness(const Report& report, std::vector<Verdict>& out) {
  for (const Sharpness& s : report.sharpness) {
    const std::string& group = report.study.groups[s.group].label;
    if (s.at_limit) {
      out.push_back({group, "sharpness", "", "at_limit",
                     fmt::format("transitions are as sharp as the tested values of {} can show: seeds disagree almost "
                                 "nowhere, so nothing is known about the width's dependence on kappa.",
                                 report.study.axis)});
      continue;
    }
    const bool flat = s.test.p >= 0.05;
    out.push_back(
        {group, "sharpness", "",
         flat                      ? "flat"
         : s.exponent.estimate < 0 ? "sharper"
                                   : "wider",
         fmt::format("transitions are {} octaves wide at kappa = {}; the width grows like kappa^{} {}{}.",
                     number(s.slope), number(s.middle_kappa), number(s.exponent.estimate),
                     interval(s.exponent.low, s.exponent.high), flat ? ": no change with kappa is seen" : "")});
  }
}

}  // namespace

std::vector<Verdict> verdicts(const Report& report) {
  std::vector<Verdict> out;
  judge_theorems(report, out);
  for (const Scaling& scaling : report.scalings) judge_law(report, scaling, out);
  judge_sharpness(report, out);
  judge_bounds(report, out);
  return out;
}

}  // namespace phasegrid::results::analysis
