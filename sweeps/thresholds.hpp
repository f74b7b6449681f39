// What theory says about a cell: the sizes from which on a task can be solved, or below which it cannot.
// Pure functions; formulas, conditions and sources in docs/theory.md, sections 3.7 and 3.9.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

// exact: a construction with these sizes solves the task. lower_bound: nothing smaller can. asymptotic: an order of
// growth or an average over random codes; constants are not proved.
enum class Bound { exact, lower_bound, asymptotic };
const char* to_text(Bound bound);

struct Threshold {
  Bound kind;
  std::string quantity;  // "d", "D", "N" or "state" (real state scalars of the layer)
  double value;
  std::string name;       // "s6_mqar_exact": stable, for readers of results.h5
  std::string condition;  // when it holds
  std::string reference;  // theorem or section
};

// What the table reads. vocab: the symbols of the task (induction heads: all; pointer value retrieval: the values).
// one_follower: of induction heads, where only the follower of one token, known beforehand, is asked for.
struct TheoryCase {
  std::string variant, task;
  std::int64_t kappa = 1, nu = 1, pairs = 1, vocab = 2, T = 1;
  std::int64_t N = 1, expand = 1, conv = 2, layers = 1;
  std::int64_t jumps = 0;  // of the function that is asked for
  bool plain_input = false, identity = false;  // the input does not feel the step size; no activation
  bool gate = true, distinct_values = true, normed = false;  // normed: a norm between mixer and head
  bool complex_modes = false, pointer_last = true, one_follower = false, random_filler = false;
  bool own_width = false;  // D is given by itself, not as expand*d
  std::string positional = "none";
  double error = 0;        // the lower bound allows this average error
  double jl_error = 0.01;  // random codes are sized for this average error
};

std::vector<Threshold> thresholds(const TheoryCase& theory);

// The construction that an exact threshold belongs to: the word behind the section in its reference ("C1"); "" if none.
std::string construction_named(const Threshold& threshold);

// All thresholds that hold for a cell with these settings. Where the cell starts from a theorem's weights, exact
// thresholds are those of that theorem alone.
// d and N of the cell itself are read only where a formula needs them.
std::vector<Threshold> thresholds(const Settings& settings);

// The least average error that a layer with so many real numbers of state can have on the cell's task (theory 3.7 LB1);
// nothing where no lower bound is known.
std::optional<double> least_error(const Settings& settings, std::int64_t state);

}  // namespace phasegrid::sweeps
