// One line of `verify` on a task: a construction at its sizes, and what is taken away below.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "worker/verification/verify.hpp"

namespace phasegrid::worker {

using Text = std::string;

struct Step {  // one step below
  std::string what;
  Sizes sizes;
  Text task;                           // sequences to answer instead; "": those of the trial
  std::function<void(Weights&)> edit;  // what is broken by hand
};

struct Trial {
  std::string construction, variant, task;
  Text task_text, model_text;  // lines of [task] and [model], without sizes
  Sizes sizes;
  std::vector<Step> below;
  double least = 1;
  int seeds = 1;  // random codes are drawn anew for each
};

// Sizes that a line takes in place of what is asked for: verify_limits says so.
constexpr std::int64_t kMostPointers = 128, kMostLevels = 256;
constexpr std::int64_t kLongestGap = 100, kUnderflow = 1000;  // of C7b: exact in single precision, 0 in double
constexpr std::int64_t kFewestSamples = 32, kMostSamples = 1024;  // of H1 and H2

// MQAR as it is asked for, as far as T has room: an even length, and all queries behind all pairs.
struct Recall {
  std::int64_t kappa, nu, T, pairs;
  Text with(const char* rest) const;
};
Recall recall_of(const VerifyRequest& request);  // limits.cpp

std::vector<Trial> recall_trials(const VerifyRequest& request);  // C1 to C8

}  // namespace phasegrid::worker
