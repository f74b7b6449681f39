// Counting bounds and code estimates of docs/theory.md, as functions of integers. No task or model is known here.
//
//   log2_cells    log2 sum_{i=0}^{min(q,m)} C(m, i): the most cells into which m affine functions cut R^q (1)
//   needed_bits   n (log2 nu - h2(eps) - eps log2(nu - 1)): what n recalled values carry at an error rate of eps (2)
//   lower bound   the least q with (1) >= (2) at m = n nu (nu - 1) / 2 affine functions: real numbers of state (3)
//   least_error   the least eps at which (1) >= (2): no state of q numbers recalls with a smaller average error
//   jl_error      (nu - n) Q(v_out^-1/2) + (n - 1) Q(v_in^-1/2) for random +-1 codes of key length mk, value length mv:
//   (4)
//                 v_out = 1/mv + 2(n-1)/(mk mv),  v_in = 1/mk + 1/mv + 2(n-2)/(mk mv),  Q the normal tail
//
// n pairs, nu value symbols, eps the average error.
#pragma once
#include <cstdint>
#include <optional>

namespace phasegrid::sweeps {

std::int64_t bits_for(std::int64_t symbols);  // ceil(log2 symbols), at least 1
double log2_cells(std::int64_t q, double m);  // (1)
double binary_entropy(double p);              // h2
double needed_bits(std::int64_t n, std::int64_t nu, double eps = 0, bool distinct = false);              // (2)
std::int64_t lower_bound_state(std::int64_t n, std::int64_t nu, double eps = 0, bool distinct = false);  // (3)
double least_error(std::int64_t q, std::int64_t n, std::int64_t nu, bool distinct = false);

// Pieces that halvings need to tell apart what a function with so many jumps does on T points: 1 + sum_j min(2^j, jumps)
// over the levels of halving, at most T (theory 3.6, E32a).
std::int64_t most_pieces(std::int64_t jumps, std::int64_t T);

double normal_tail(double x);
double jl_error(std::int64_t n, std::int64_t nu, std::int64_t mk, std::int64_t mv);  // (4)
std::int64_t jl_coherence_dim(std::int64_t codes, double eps,
                              double delta);  // all |<c, c'>| < eps but with probability delta
std::optional<std::int64_t> jl_least_mv(std::int64_t n, std::int64_t nu, std::int64_t mk, double eps);

// The pair (mk, mv) with the least sum whose (4) is at most eps; mk up to 8 kappa + 1.
struct JlSizes {
  std::int64_t mk, mv;
};
std::optional<JlSizes> jl_sizes(std::int64_t kappa, std::int64_t n, std::int64_t nu, double eps);

}  // namespace phasegrid::sweeps
