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

std::vector<Trial> recall_trials(const VerifyRequest& request);  // C1 to C8

}  // namespace phasegrid::worker
