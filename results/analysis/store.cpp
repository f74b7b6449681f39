#include "results/analysis/store.hpp"

#include <algorithm>
#include <map>

#include "results/cube.hpp"
#include "results/utc.hpp"

namespace phasegrid::results::analysis {
namespace {

using sweeps::kNaN;

constexpr const char* kListed =
    "logistic step in log2 of the axis, one Bernoulli trial for each seed; profile likelihood over transition and slope";
constexpr const char* kSearched =
    "logistic step with lapses in log2 of the axis, one Bernoulli trial for each seed, chosen by a boundary search; "
    "profile likelihood over transition and slope";

std::vector<std::string> with(std::vector<std::string> dims, const std::string& last) {
  dims.push_back(last);
  return dims;
}

class Writer {
 public:
  Writer(const Report& report, const sweeps::Grid& grid) : report_(report), cube_(grid) {
    for (const std::size_t dim : study().dims)
      out_.dimensions.push_back({cube_.dims()[dim].name, cube_.labels(dim), cube_.label_attributes(dim)});
    columns_ = cube_.names(study().dims);
  }

  LabelledGroup written() {
    attributes();
    transitions();
    gaps();
    if (!report_.scalings.empty()) laws();
    if (!report_.sharpness.empty()) sharpness();
    violations();
    verdicts();
    return std::move(out_);
  }

 private:
  const Study& study() const { return report_.study; }

  void variable(const std::string& name, const std::vector<std::string>& dims, Array values,
                const std::string& long_name, const std::string& units = "") {
    Attributes attributes{{"long_name", long_name}};
    if (!units.empty()) attributes.push_back({"units", units});
    out_.variables.push_back({name, dims, std::move(values), std::move(attributes)});
  }

  void attributes() {
    out_.attributes = {{"axis", study().axis},
                       {"axis_reason", study().why},
                       {"success", study().increasing ? "grows along the axis" : "falls along the axis"},
                       {"level", report_.options.level},
                       {"estimator", study().searched ? kSearched : kListed},
                       {"cut", study().searched ? kSearchCut : kCut},
                       {"lapse", study().searched ? kLapse : 0.0},
                       {"least_slope", kSteepest},
                       {"greatest_slope", study().searched ? kFlattestSearched : kFlattest},
                       {"bootstrap_replicates", std::int64_t{report_.options.replicates}},
                       {"results", static_cast<std::int64_t>(study().results)},
                       {"counted", static_cast<std::int64_t>(study().counted)},
                       {"left_out", static_cast<std::int64_t>(study().left_out)},
                       {"analysed_utc", utc_now()}};
  }

  // A number for each column and level, NaN in columns without any training.
  void by_level(const std::string& name, const std::string& long_name, const std::string& units,
                double (*of)(const Transition&)) {
    const std::size_t levels = report_.levels.size();
    std::vector<double> values(study().places * levels, kNaN);
    for (std::size_t i = 0; i < study().columns.size(); ++i)
      for (std::size_t level = 0; level < levels; ++level)
        values[study().columns[i].place * levels + level] = of(report_.transitions[i][level]);
    variable(name, with(columns_, "level"), std::move(values), long_name, units);
  }

  void transitions() {
    out_.dimensions.push_back(
        {"level", report_.levels, {{"long_name", "accuracy from which on a training counts as a success"}}});
    const std::string axis = study().axis;
    by_level("transition", axis + " at which half of the seeds succeed; NaN beyond the tested values", "1",
             [](const Transition& t) { return t.x; });
    by_level("transition_low", "lower end of its interval; 0: open", "1", [](const Transition& t) { return t.low; });
    by_level("transition_high", "upper end of its interval; infinity: open", "1",
             [](const Transition& t) { return t.high; });
    by_level("slope", "width s of the step", "octave", [](const Transition& t) { return t.slope; });
    by_level("bootstrap_low", "0.025 quantile of the transition over resampled seeds", "1",
             [](const Transition& t) { return t.bootstrap_low; });
    by_level("bootstrap_high", "0.975 quantile of the transition over resampled seeds", "1",
             [](const Transition& t) { return t.bootstrap_high; });

    const std::size_t levels = report_.levels.size();
    std::vector<std::int8_t> censored(study().places * levels, 4);
    for (std::size_t i = 0; i < study().columns.size(); ++i)
      for (std::size_t level = 0; level < levels; ++level)
        censored[study().columns[i].place * levels + level] = report_.transitions[i][level].censored;
    out_.variables.push_back({"censored",
                              with(columns_, "level"),
                              censored,
                              {{"long_name", "beyond which end of the tested values the transition may lie"},
                               {"flag_values", std::vector<std::int8_t>{0, 1, 2, 3, 4}},
                               {"flag_meanings", "no below above unknown no_data"}}});
    by_column("trainings", "trainings that count", [](const Column& c, const Gap&) {
      double sum = 0;
      for (const Point& point : c.points) sum += static_cast<double>(point.seeds.size());
      return sum;
    });
    by_column("least_tested", "least tested " + axis, [](const Column& c, const Gap&) { return c.least_x(); });
    by_column("greatest_tested", "greatest tested " + axis, [](const Column& c, const Gap&) { return c.greatest_x(); });
  }

  void by_column(const std::string& name, const std::string& long_name, double (*of)(const Column&, const Gap&)) {
    std::vector<double> values(study().places, kNaN);
    for (std::size_t i = 0; i < study().columns.size(); ++i)
      values[study().columns[i].place] = of(study().columns[i], report_.gaps[i]);
    variable(name, columns_, std::move(values), long_name, "1");
  }

  void gaps() {
    by_column("construction", study().axis + " of the theorem's construction that exists in the column",
              [](const Column& c, const Gap&) { return c.exact ? c.exact->value : kNaN; });
    by_column("gap", "transition over the construction's size",
              [](const Column&, const Gap& g) { return g.construction.value; });
    by_column("gap_low", "lower end of its interval",
              [](const Column& c, const Gap& g) { return c.exact ? g.construction.low : kNaN; });
    by_column("gap_high", "upper end of its interval",
              [](const Column& c, const Gap& g) { return c.exact ? g.construction.high : kNaN; });
    by_column("state_gap", "state at the transition over the least state of the counting bound",
              [](const Column&, const Gap& g) { return g.lower_bound.value; });
    by_column("state_gap_low", "lower end of its interval",
              [](const Column& c, const Gap& g) { return c.state_needed ? g.lower_bound.low : kNaN; });
    by_column("state_gap_high", "upper end of its interval",
              [](const Column& c, const Gap& g) { return c.state_needed ? g.lower_bound.high : kNaN; });
  }

  void laws() {
    std::vector<std::string> names, parameters, tests, groups, best;
    const auto place = [](std::vector<std::string>& all, const std::string& name) {
      const auto found = std::ranges::find(all, name);
      if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
      all.push_back(name);
      return all.size() - 1;
    };
    for (const Scaling& scaling : report_.scalings) {
      groups.push_back(study().groups[scaling.group].label);
      best.push_back(scaling.laws[scaling.best].name);
      for (const LawFit& law : scaling.laws) {
        place(names, law.name);
        for (const Coefficient& c : law.coefficients) place(parameters, c.name);
        for (const Test& test : law.tests) place(tests, test.name);
      }
      if (scaling.T_exponent) place(parameters, scaling.T_exponent->name), place(tests, scaling.T_test->name);
    }
    const std::size_t G = groups.size(), L = names.size(), P = parameters.size(), S = tests.size();
    std::vector<std::string> formulas(G * L);
    std::vector<double> aic(G * L, kNaN), likelihood(G * L, kNaN), slope(G * L, kNaN);
    std::vector<double> value(G * L * P, kNaN), low(G * L * P, kNaN), high(G * L * P, kNaN);
    std::vector<double> statistic(G * L * S, kNaN), freedom(G * L * S, kNaN), p(G * L * S, kNaN);
    for (std::size_t g = 0; g < G; ++g) {
      const Scaling& scaling = report_.scalings[g];
      const auto put = [&](std::size_t at, const Coefficient& c) {
        const std::size_t i = at * P + place(parameters, c.name);
        value[i] = c.estimate, low[i] = c.low, high[i] = c.high;
      };
      const auto put_test = [&](std::size_t at, const Test& test) {
        const std::size_t i = at * S + place(tests, test.name);
        statistic[i] = test.statistic, freedom[i] = test.freedom, p[i] = test.p;
      };
      for (const LawFit& law : scaling.laws) {
        const std::size_t at = g * L + place(names, law.name);
        formulas[at] = law.formula;
        aic[at] = law.aic, likelihood[at] = law.log_likelihood, slope[at] = law.slope;
        for (const Coefficient& c : law.coefficients) put(at, c);
        for (const Test& test : law.tests) put_test(at, test);
        if (scaling.T_exponent &&
            (law.name == "affine" || (law.name == "constant" && scaling.laws[0].name != "affine")))
          put(at, *scaling.T_exponent), put_test(at, *scaling.T_test);
      }
    }
    out_.dimensions.push_back({"group", groups, {{"long_name", "settings that a law's columns share"}}});
    out_.dimensions.push_back({"law", names, {{"long_name", "scaling law"}}});
    out_.dimensions.push_back({"parameter", parameters, {{"long_name", "coefficient of a law"}}});
    const std::vector<std::string> by_law = {"group", "law"}, by_parameter = {"group", "law", "parameter"};
    variable("formula", by_law, formulas, "the law");
    variable("aic", by_law, aic, "Akaike's information criterion", "1");
    variable("log_likelihood", by_law, likelihood, "greatest log-likelihood", "nat");
    variable("law_slope", by_law, slope, "width of the step around the law", "octave");
    variable("best_law", {"group"}, best, "the law with the least AIC");
    variable("coefficient", by_parameter, value, "coefficients of each law", "1");
    variable("coefficient_low", by_parameter, low, "lower end of the 95 % profile-likelihood interval", "1");
    variable("coefficient_high", by_parameter, high, "upper end of the 95 % profile-likelihood interval", "1");
    if (S > 0) {
      out_.dimensions.push_back({"test", tests, {{"long_name", "hypothesis"}}});
      variable("likelihood_ratio", {"group", "law", "test"}, statistic, "likelihood-ratio statistic", "1");
      variable("freedom", {"group", "law", "test"}, freedom, "degrees of freedom", "1");
      variable("p_value", {"group", "law", "test"}, p, "chi squared p-value", "1");
    }
    regions();
  }

  void regions() {
    std::size_t points = 0;
    for (const Scaling& scaling : report_.scalings)
      points = std::max(points, scaling.region ? scaling.region->x.size() : 0);
    if (points == 0) return;
    const std::size_t G = report_.scalings.size();
    std::vector<double> x(G * points, kNaN), y(G * points, kNaN), correlation(G, kNaN);
    std::vector<std::string> of(G);
    std::vector<std::int64_t> places(points);
    for (std::size_t i = 0; i < points; ++i) places[i] = static_cast<std::int64_t>(i);
    for (std::size_t g = 0; g < G; ++g) {
      const auto& region = report_.scalings[g].region;
      if (!region) continue;
      std::ranges::copy(region->x, x.begin() + static_cast<std::ptrdiff_t>(g * points));
      std::ranges::copy(region->y, y.begin() + static_cast<std::ptrdiff_t>(g * points));
      correlation[g] = region->correlation, of[g] = region->first + " " + region->second;
    }
    out_.dimensions.push_back({"outline", places, {{"long_name", "points around a joint region"}}});
    variable("region_of", {"group"}, of, "the two coefficients of the affine law whose joint 95 % region is outlined");
    variable("region_x", {"group", "outline"}, x, "outline, first coefficient", "1");
    variable("region_y", {"group", "outline"}, y, "outline, second coefficient", "1");
    variable("region_correlation", {"group"}, correlation, "correlation of the two estimates", "1");
  }

  void sharpness() {
    std::vector<std::string> groups;
    std::vector<double> slope, exponent, low, high, p;
    for (const Sharpness& s : report_.sharpness) {
      groups.push_back(study().groups[s.group].label);
      slope.push_back(s.slope), exponent.push_back(s.exponent.estimate), p.push_back(s.test.p);
      low.push_back(s.exponent.low), high.push_back(s.exponent.high);
    }
    out_.dimensions.push_back({"sharpness_group", groups, {{"long_name", "settings that the columns share"}}});
    variable("sharpness", {"sharpness_group"}, slope, "width of the step at the middle kappa", "octave");
    variable("sharpness_exponent", {"sharpness_group"}, exponent, "the width grows like kappa to this", "1");
    variable("sharpness_exponent_low", {"sharpness_group"}, low, "lower end of its interval", "1");
    variable("sharpness_exponent_high", {"sharpness_group"}, high, "upper end of its interval", "1");
    variable("sharpness_p_value", {"sharpness_group"}, p, "of exponent = 0", "1");
  }

  void violations() {
    std::vector<std::int64_t> cells;
    std::vector<double> state, accuracy, most, p;
    for (const auto* list : {&report_.hard.violations, &report_.constructions.inexact})
      for (const Violation& v : *list) {
        cells.push_back(static_cast<std::int64_t>(v.cell));
        state.push_back(v.state), accuracy.push_back(v.accuracy), most.push_back(v.most_accuracy), p.push_back(v.p);
      }
    out_.dimensions.push_back({"violation", cells, {{"long_name", "cell that contradicts a theorem: a bug"}}});
    variable("violation_state", {"violation"}, state, "real numbers of state", "1");
    variable("violation_accuracy", {"violation"}, accuracy, "test accuracy", "1");
    variable("violation_expected", {"violation"}, most,
             "greatest accuracy that theory allows; 1: what a construction must reach", "1");
    variable("violation_p_value", {"violation"}, p, "chance of so much by luck", "1");
  }

  void verdicts() {
    std::vector<std::int64_t> numbers;
    std::vector<std::string> group, theorem, reference, finding, sentence;
    for (const Verdict& v : report_.verdicts) {
      numbers.push_back(static_cast<std::int64_t>(numbers.size()));
      group.push_back(v.group), theorem.push_back(v.theorem), reference.push_back(v.reference);
      finding.push_back(v.finding), sentence.push_back(v.sentence);
    }
    out_.dimensions.push_back({"verdict", numbers, {{"long_name", "number of the sentence"}}});
    variable("verdict_group", {"verdict"}, group, "settings it is about");
    variable("verdict_theorem", {"verdict"}, theorem, "theorem, law or bound");
    variable("verdict_reference", {"verdict"}, reference, "where it is from");
    variable("verdict_finding", {"verdict"}, finding, "in one word");
    variable("verdict_sentence", {"verdict"}, sentence, "in words");
  }

  const Report& report_;
  Cube cube_;
  std::vector<std::string> columns_;
  LabelledGroup out_;
};

}  // namespace

LabelledGroup to_group(const Report& report, const sweeps::Grid& grid) { return Writer(report, grid).written(); }

}  // namespace phasegrid::results::analysis
