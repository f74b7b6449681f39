#include "results/analysis/bound_checks.hpp"

#include <algorithm>
#include <cmath>

namespace phasegrid::results::analysis {
namespace {

constexpr double kFalseAlarm = 0.05;
constexpr double kRounding = 1e-6;  // of R2, in single precision: sums over long sequences are never exact

// Kullback and Leibler's divergence of a coin with success p from one with success q, in nats.
double divergence(double p, double q) {
  const auto part = [](double a, double b) { return a > 0 ? a * std::log(a / b) : 0; };
  return part(p, q) + part(1 - p, 1 - q);
}

// The state at a size between the tested ones: a straight line between logarithms.
double state_at(const Column& column, double x) {
  const std::vector<Point>& points = column.points;
  if (x <= points.front().x) return points.front().state * (x / points.front().x);
  for (std::size_t i = 1; i < points.size(); ++i)
    if (x <= points[i].x && points[i].x > points[i - 1].x) {
      const double t = std::log(x / points[i - 1].x) / std::log(points[i].x / points[i - 1].x);
      return points[i - 1].state * std::pow(points[i].state / points[i - 1].state, t);
    }
  return points.back().state * (x / points.back().x);
}

}  // namespace

HardBound check_hard_bound(const Study& study) {
  HardBound bound;
  std::vector<Violation> suspects;
  for (const Column& column : study.columns)
    for (const Point& point : column.points) {
      if (!point.least_error) continue;
      bound.cells += point.seeds.size();
      if (*point.least_error <= 0) continue;
      bound.tested += point.seeds.size();
      const double most = 1 - *point.least_error;
      for (const Trained& trained : point.seeds)
        if (trained.accuracy > most) {
          const double p = std::exp(-static_cast<double>(study.eval_examples) * divergence(trained.accuracy, most));
          suspects.push_back({trained.cell, point.state, trained.accuracy, most, p});
        }
    }
  std::ranges::sort(suspects, {}, &Violation::p);
  if (!suspects.empty()) bound.least_p = suspects[0].p;
  for (std::size_t i = 0; i < suspects.size(); ++i) {
    if (suspects[i].p * static_cast<double>(bound.tested - i) > kFalseAlarm) break;  // Holm: the rest is kept, too
    bound.violations.push_back(suspects[i]);
  }
  return bound;
}

ConstructionCheck check_constructions(const Study& study) {
  ConstructionCheck check;
  for (const Column& column : study.columns)
    for (const Point& point : column.points) {
      if (!point.constructed || !column.exact || point.x < column.exact->value) continue;
      for (const Trained& trained : point.seeds) {
        ++check.cells;
        if (trained.accuracy < (column.regression ? 1 - kRounding : 1)) check.inexact.push_back({trained.cell, point.state, trained.accuracy, 1, 0});
      }
    }
  return check;
}

Gap find_gap(const Column& column, const Transition& transition) {
  Gap gap;
  if (column.exact && !column.regression) {  // an R2 is no share of exact answers
    const double size = column.exact->value;
    gap.construction = {transition.x / size, transition.low / size, transition.high / size};
  }
  if (column.state_needed) {
    const auto ratio = [&](double x) {
      return x == 0 || std::isinf(x) ? x : state_at(column, x) / *column.state_needed;
    };
    gap.lower_bound = {std::isnan(transition.x) ? sweeps::kNaN : ratio(transition.x), ratio(transition.low),
                       ratio(transition.high)};
  }
  return gap;
}

}  // namespace phasegrid::results::analysis
