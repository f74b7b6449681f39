// The theorems as the program runs them: every construction of docs/theory.md, section 3, on fresh samples, in single
// and in double precision, at the size where it must be exact and one step below, where it must not be.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "worker/models/constructions/construction.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::worker {

struct VerifyRequest {
  std::string task, variant;                // only these; empty: all
  std::int64_t kappa = 8, nu = 16, T = 64;  // keys, values (and other vocabularies), sequence length
  std::uint64_t seed = 0;
  std::int64_t examples = 200;  // sequences of each test
};

// What is taken away, and what is left of the accuracy (in double precision).
struct Below {
  std::string what;  // "N = 7"
  double accuracy = 0;
};

struct Verified {
  std::string construction, variant, task;
  std::string setting;  // "kappa = 8, nu = 16, pairs = 8, T = 64, conv = 2, gate = false"
  Sizes sizes;
  double accuracy = 0, accuracy_double = 0;  // share of right answers; of Haar coefficients; of rates
  std::vector<Below> below;
  std::vector<std::pair<std::string, double>> measured;  // errors and slopes, of the lines that have some
  double least = 1;                                      // accuracy that theory asks for; below must stay under it
  bool holds() const;
};

// In the order of the theory, however many threads work. Throws sweeps::SweepError: sizes that a task cannot have.
std::vector<Verified> verify(const VerifyRequest& request, const Device& device);

// What is run on smaller sizes than asked for, and why: "mqar: pairs = 4 of kappa = 64 keys: ...".
std::vector<std::string> verify_limits(const VerifyRequest& request);

// One line of the work, and all lines; each is called once, on any thread.
using VerifyJob = std::function<Verified(const Device&)>;
std::vector<VerifyJob> recall_jobs(const VerifyRequest& request);  // C1 to C8
std::vector<VerifyJob> haar_jobs(const VerifyRequest& request);    // H1 to H3

// H3: squared L2 errors of best approximations, averaged over random functions with m jumps, as slopes of log2 error.
struct HaarRates {
  double per_level, per_N_over_3m;  // Haar: -1, -1
  double fourier, s4d_lin;          // against log2 N: -1, -1
};
HaarRates haar_rates(int jumps, int functions, std::uint64_t seed);

}  // namespace phasegrid::worker
