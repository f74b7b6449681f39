// What an analysis looks at: the trained cells of a sweep, sorted into columns along the axis of the transition.
//
// A column is one choice of all axes but the searched one, the reduced ones and the seed; its points are the values of
// the searched axis, each with one accuracy for every seed that ended. Columns that differ only in what a task asks for
// (kappa, nu, pairs, vocab, T) form a group: one scaling law is fitted to each group.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/analysis/logistic.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::results::analysis {

struct Trained {
  std::uint64_t cell;
  double accuracy;  // a diverged training recalls nothing: 0
};

struct Point {
  double x = 0;  // on the searched axis
  double d = 0, N = 0, D = 0;
  double state = 0;                   // real numbers of state, D * N
  std::optional<double> least_error;  // of any model with so much state, theory 3.7
  bool constructed = false;           // a theorem's weights, neither trained nor perturbed
  std::vector<Trained> seeds;
};

// A theorem's construction that exists in this column, and its size on the searched axis.
struct Exact {
  std::string name, condition, reference;
  double value = 0;
};

struct Column {
  std::size_t place = 0;  // in the cube over Study::dims
  std::size_t group = 0;  // in Study::groups
  std::string label;      // "kappa=8 nu=16"
  std::string variant;
  bool regression = false;  // accuracy is R2
  double kappa = sweeps::kNaN, nu = sweeps::kNaN, pairs = sweeps::kNaN, T = sweeps::kNaN;
  double other_size = sweeps::kNaN;  // N where d is searched, d where N is
  std::optional<Exact> exact;
  std::optional<double> state_needed;  // theory 3.7, at error 0
  std::vector<Point> points;           // ascending in x

  bool constructed() const {
    return std::ranges::all_of(points, [](const Point& point) { return point.constructed; });
  }
  double least_x() const { return points.front().x; }
  double greatest_x() const { return points.back().x; }
};

struct Group {
  std::string label;  // "variant=mamba"; "" where there is one group only
  std::vector<std::size_t> columns;
};

struct Study {
  std::string axis;               // the key along which the transition is looked for
  std::string why;                // this one: in words
  bool increasing = true;         // success grows with x
  std::vector<std::size_t> dims;  // of the Cube, over which the columns lie
  std::vector<Column> columns;    // those with at least one ended training
  std::vector<Group> groups;
  std::size_t places = 0;    // columns of the whole sweep
  std::size_t counted = 0;   // trainings that count
  std::size_t left_out = 0;  // trainings that say nothing: failed, out of memory, timed out, inferred
  std::size_t results = 0;   // in the journals or the file
  std::size_t eval_examples = 0;
};

// Throws RunError when the sweep has no axis along which a transition could be.
Study make_study(const sweeps::Grid& grid, const RunState& state);

// Seeds with accuracy >= level at each point; `at` is log2 x, or -log2 x where success falls with x.
std::vector<Response> responses(const Study& study, const Column& column, double level);

}  // namespace phasegrid::results::analysis
