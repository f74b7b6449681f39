#include <nlohmann/json.hpp>

#include <cmath>
#include <ostream>

#include "orchestrator/analysis_output.hpp"

namespace phasegrid::orchestrator {
namespace {

using nlohmann::ordered_json;
using namespace results::analysis;

// JSON knows neither NaN nor infinity: null, and "inf" for ends that are open.
ordered_json number(double x) {
  if (std::isnan(x)) return nullptr;
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  return x;
}

const char* censored_text(std::int8_t censored) {
  constexpr const char* kTexts[] = {"no", "below", "above", "unknown"};
  return kTexts[censored];
}

ordered_json ratio_json(const Ratio& ratio) {
  return {{"value", number(ratio.value)}, {"low", number(ratio.low)}, {"high", number(ratio.high)}};
}

ordered_json column_json(const Report& report, std::size_t i) {
  const Column& column = report.study.columns[i];
  ordered_json curve = ordered_json::array(), transitions = ordered_json::array();
  for (const Point& point : column.points) {
    ordered_json accuracies = ordered_json::array();
    for (const Trained& trained : point.seeds) accuracies.push_back(trained.accuracy);
    curve.push_back({{report.study.axis, point.x}, {"accuracy", accuracies}});
  }
  for (std::size_t level = 0; level < report.levels.size(); ++level) {
    const Transition& t = report.transitions[i][level];
    transitions.push_back({{"level", report.levels[level]},
                           {"transition", number(t.x)},
                           {"low", number(t.low)},
                           {"high", number(t.high)},
                           {"slope", number(t.slope)},
                           {"censored", censored_text(t.censored)},
                           {"bootstrap_low", number(t.bootstrap_low)},
                           {"bootstrap_high", number(t.bootstrap_high)}});
  }
  ordered_json json{{"column", column.label},        {"group", report.study.groups[column.group].label},
                    {"kappa", number(column.kappa)}, {"nu", number(column.nu)},
                    {"T", number(column.T)},         {"transitions", transitions}};
  if (column.exact) {
    json["construction"] = {{"name", column.exact->name},
                            {"reference", column.exact->reference},
                            {"condition", column.exact->condition},
                            {report.study.axis, column.exact->value}};
    json["gap"] = ratio_json(report.gaps[i].construction);
  }
  if (column.state_needed) {
    json["state_needed"] = *column.state_needed;
    json["state_gap"] = ratio_json(report.gaps[i].lower_bound);
  }
  json["trained"] = curve;
  return json;
}

ordered_json coefficient_json(const Coefficient& c) {
  return {{"name", c.name}, {"estimate", number(c.estimate)}, {"low", number(c.low)}, {"high", number(c.high)}};
}

ordered_json test_json(const Test& test) {
  return {{"hypothesis", test.name},
          {"likelihood_ratio", number(test.statistic)},
          {"freedom", test.freedom},
          {"p", test.p}};
}

ordered_json scaling_json(const Report& report, const Scaling& scaling) {
  ordered_json laws = ordered_json::array();
  for (const LawFit& law : scaling.laws) {
    ordered_json coefficients = ordered_json::array(), tests = ordered_json::array();
    for (const Coefficient& c : law.coefficients) coefficients.push_back(coefficient_json(c));
    for (const Test& test : law.tests) tests.push_back(test_json(test));
    laws.push_back({{"law", law.name},
                    {"formula", law.formula},
                    {"coefficients", coefficients},
                    {"slope", law.slope},
                    {"log_likelihood", number(law.log_likelihood)},
                    {"aic", number(law.aic)},
                    {"tests", tests}});
  }
  ordered_json json{{"group", report.study.groups[scaling.group].label},
                    {"columns", scaling.columns},
                    {"points", scaling.points},
                    {"best", scaling.laws[scaling.best].name},
                    {"laws", laws}};
  if (scaling.region)
    json["region"] = {{"of", {scaling.region->first, scaling.region->second}},
                      {"correlation", scaling.region->correlation},
                      {"x", scaling.region->x},
                      {"y", scaling.region->y}};
  if (scaling.T_test)
    json["T"] = {{"exponent", coefficient_json(*scaling.T_exponent)}, {"test", test_json(*scaling.T_test)}};
  return json;
}

ordered_json violations_json(const std::vector<Violation>& violations, const sweeps::Grid& grid) {
  ordered_json list = ordered_json::array();
  for (const Violation& v : violations)
    list.push_back({{"cell", v.cell},
                    {"label", grid.label(v.cell)},
                    {"state", v.state},
                    {"accuracy", v.accuracy},
                    {"expected", v.most_accuracy},
                    {"p", v.p}});
  return list;
}

}  // namespace

void print_analysis_json(const Report& report, const sweeps::Grid& grid, std::ostream& out) {
  const Study& study = report.study;
  ordered_json columns = ordered_json::array(), scalings = ordered_json::array(), sharpness = ordered_json::array(),
               verdicts = ordered_json::array();
  for (std::size_t i = 0; i < study.columns.size(); ++i) columns.push_back(column_json(report, i));
  for (const Scaling& scaling : report.scalings) scalings.push_back(scaling_json(report, scaling));
  for (const Sharpness& s : report.sharpness)
    sharpness.push_back({{"group", study.groups[s.group].label},
                         {"slope", s.slope},
                         {"at_limit", s.at_limit},
                         {"middle_kappa", s.middle_kappa},
                         {"exponent", coefficient_json(s.exponent)},
                         {"test", test_json(s.test)}});
  for (const Verdict& v : report.verdicts)
    verdicts.push_back({{"group", v.group},
                        {"theorem", v.theorem},
                        {"reference", v.reference},
                        {"finding", v.finding},
                        {"sentence", v.sentence}});
  const ordered_json json{
      {"sweep", grid.name()},
      {"hash", grid.hash()},
      {"axis", study.axis},
      {"axis_reason", study.why},
      {"success", study.increasing ? "grows" : "falls"},
      {"level", report.options.level},
      {"estimator",
       {{"cut", report.study.searched ? kSearchCut : kCut},
        {"least_slope", kSteepest},
        {"greatest_slope", kFlattest},
        {"bootstrap_replicates", report.options.replicates}}},
      {"results", study.results},
      {"counted", study.counted},
      {"left_out", study.left_out},
      {"columns_without_results", study.places - study.columns.size()},
      {"columns", columns},
      {"scaling", scalings},
      {"sharpness", sharpness},
      {"bounds",
       {{"cells", report.hard.cells},
        {"tested", report.hard.tested},
        {"least_p", report.hard.least_p},
        {"violations", violations_json(report.hard.violations, grid)}}},
      {"constructions",
       {{"cells", report.constructions.cells}, {"inexact", violations_json(report.constructions.inexact, grid)}}},
      {"verdicts", verdicts}};
  out << json.dump(1) << "\n";
}

}  // namespace phasegrid::orchestrator
