// The success of a training as a logistic step along a logarithmic axis (docs/analysis.md, section 2):
//
//   P(success at x) = sigmoid((log2 x - m) / s)                                              (1)
//   l(m, s) = sum over x of  k log P + (n - k) log(1 - P)       k successes of n seeds       (2)
//   l(m) = max over s in [0.05, 2] octaves of l(m, s)           the profile likelihood       (3)
//
// One Bernoulli trial for each seed: tokens of one model fail together. In (1/s, m/s) the likelihood is concave and the
// range of s convex, so (3) rises up to its maximum and falls after it: roots and maxima are found by bisection.
// Perfectly separated data put s at its least value instead of at 0.
#pragma once
#include <limits>
#include <span>
#include <vector>

namespace phasegrid::results::analysis {

constexpr double kSteepest = 0.05, kFlattest = 2;  // octaves
constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Response {
  double at;                 // log2 x
  double trials, successes;  // seeds
};

struct Profile {
  double s;               // the best slope at the given m
  double log_likelihood;  // (3)
  double score;           // of the successes: observed minus expected; its sign says on which side the maximum lies
};
Profile profile(std::span<const Response> responses, double m);

struct Step {
  double m;  // log2 of the transition; -infinity: every trial is a success, +infinity: none is
  double s;
  double log_likelihood;
};
Step fit_step(std::span<const Response> responses);

// The best m for a given slope, with its log-likelihood (2).
Step fit_step(std::span<const Response> responses, double s);

// {m: 2 (l - l(m)) <= cut}, looked for between the least and the greatest `at`: -infinity or +infinity where the set
// goes on beyond them.
struct Interval {
  double low, high;
};
Interval step_interval(std::span<const Response> responses, const Step& step, double cut);

}  // namespace phasegrid::results::analysis
