#include "results/analysis/laws.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <set>

namespace phasegrid::results::analysis {
namespace {

using Columns = std::vector<const Column*>;

bool known(const Columns& columns, double Column::*number) {
  return std::ranges::all_of(columns, [&](const Column* c) { return !std::isnan(c->*number); });
}

double slowly(const Column& c) { return std::log2(c.nu); }

// Whether the coefficients of kappa, log2 nu and 1 (as chosen) can all be determined.
bool independent(const Columns& columns, bool kappa, bool nu) {
  Eigen::MatrixXd design(columns.size(), 1 + kappa + nu);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    Eigen::Index at = 0;
    if (kappa) design(row, at++) = columns[i]->kappa;
    if (nu) design(row, at++) = slowly(*columns[i]);
    design(row, at) = 1;
  }
  return Eigen::ColPivHouseholderQR<Eigen::MatrixXd>(design).setThreshold(1e-9).rank() == design.cols();
}

// What the theorem's kappa + log2 nu says where one of the two has one value, which then is part of c.
std::vector<double> one_value(const Columns& columns, double (*of)(const Column&)) {
  const bool same = std::ranges::all_of(columns, [&](const Column* c) { return of(*c) == of(*columns[0]); });
  return same ? std::vector<double>{1, of(*columns[0])} : std::vector<double>{};
}

Law affine(const Columns& columns) {
  if (independent(columns, true, true))
    return {"affine",
            "a kappa + b log2 nu + c",
            {"a", "b", "c"},
            [](const Column& c, std::span<const double> p) { return p[0] * c.kappa + p[1] * slowly(c) + p[2]; },
            {1, 1, 0},
            {{1, 1, 0}, {1, 0, 1}, {0.5, 0.5, 1}, {2, 1, 0}, {0.1, 1, 2}}};
  if (independent(columns, true, false))
    return {"affine",
            "a kappa + c",
            {"a", "c"},
            [](const Column& c, std::span<const double> p) { return p[0] * c.kappa + p[1]; },
            one_value(columns, slowly),
            {{1, 1}, {0.5, 2}, {2, 0}, {0.1, 4}}};
  return {"affine",
          "b log2 nu + c",
          {"b", "c"},
          [](const Column& c, std::span<const double> p) { return p[0] * slowly(c) + p[1]; },
          one_value(columns, [](const Column& c) { return c.kappa; }),
          {{1, 1}, {0.5, 4}, {4, 0}, {0.1, 16}}};
}

const std::vector<std::vector<double>> kFactors = {{0.25}, {1}, {4}, {16}};

}  // namespace

std::vector<Law> laws_for(const Columns& columns) {
  std::vector<Law> laws;
  std::set<std::pair<double, double>> demands;
  for (const Column* c : columns) demands.insert({c->kappa, c->nu});
  const bool recall = known(columns, &Column::kappa) && known(columns, &Column::nu) && demands.size() > 1 &&
                      std::ranges::all_of(columns, [](const Column* c) { return c->nu > 1; });
  if (recall) {
    if (independent(columns, true, false) || independent(columns, false, true)) laws.push_back(affine(columns));
    laws.push_back({"product",
                    "a kappa log2 nu",
                    {"a"},
                    [](const Column& c, std::span<const double> p) { return p[0] * c.kappa * slowly(c); },
                    {1},
                    kFactors});
    if (known(columns, &Column::pairs) && known(columns, &Column::other_size))
      laws.push_back(
          {"information",
           "a pairs log2 nu / other size",
           {"a"},
           [](const Column& c, std::span<const double> p) { return p[0] * c.pairs * slowly(c) / c.other_size; },
           {},
           {{0.25}, {1}, {4}, {16}, {64}}});
    if (independent(columns, true, false))
      laws.push_back({"power",
                      "a kappa^p",
                      {"a", "p"},
                      [](const Column& c, std::span<const double> p) { return p[0] * std::pow(c.kappa, p[1]); },
                      {},
                      {{1, 1}, {2, 0.5}, {4, 0.1}}});
  }
  if (std::ranges::all_of(columns, [](const Column* c) { return c->exact.has_value(); }))
    laws.push_back({"exact",
                    "a times the construction's size",
                    {"a"},
                    [](const Column& c, std::span<const double> p) { return p[0] * c.exact->value; },
                    {1},
                    kFactors});
  if (columns.size() > 1)
    laws.push_back({"constant",
                    "a",
                    {"a"},
                    [](const Column&, std::span<const double> p) { return p[0]; },
                    {},
                    {{2}, {8}, {32}, {128}}});
  return laws;
}

}  // namespace phasegrid::results::analysis
