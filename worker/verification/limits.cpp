// Where a line of `verify` is run on smaller sizes than those asked for.
#include <fmt/format.h>

#include <algorithm>

#include "worker/verification/trial.hpp"

namespace phasegrid::worker {

Text Recall::with(const char* rest) const {
  return fmt::format("kappa = {}\nnu = {}\npairs = {}\nT = {}\n{}", kappa, nu, pairs, T, rest);
}

Recall recall_of(const VerifyRequest& r) {
  const std::int64_t T = std::max<std::int64_t>(4, r.T / 2 * 2);
  return {r.kappa, r.nu, T, std::min(r.kappa, T / 4)};
}

std::vector<std::string> verify_limits(const VerifyRequest& request) {
  const Recall r = recall_of(request);
  std::vector<std::string> limits;
  const auto say = [&](const char* task, bool when, std::string what) {
    if (when && (request.task.empty() || request.task == task)) limits.push_back(task + (": " + std::move(what)));
  };
  say("mqar", r.T != request.T, fmt::format("T = {}: queries stand at even distances", r.T));
  say("mqar", r.pairs < r.kappa,
      fmt::format("pairs = {} of kappa = {} keys: T = {} has no room for more, --T {} has", r.pairs, r.kappa, r.T, 4 * r.kappa));
  say("mqar", r.nu < r.pairs, fmt::format("C2a and C2c with pairs = {}: their values do not repeat, and nu = {}", r.nu, r.nu));
  say("mqar", r.nu > kMostLevels, fmt::format("C1' with nu = {}: levels of one channel, in single precision", kMostLevels));
  say("induction_heads", request.T > kLongestGap, fmt::format("C7b at T = {}: what it keeps halves at every step", kLongestGap));
  say("pointer_value_retrieval", request.T - 1 > kMostPointers,
      fmt::format("T = {}: its width grows with T", kMostPointers + 1));
  say("piecewise_constant", request.T > kMostSamples, fmt::format("H1 and H2 at T = {}", kMostSamples));
  say("piecewise_constant", request.T < kFewestSamples, fmt::format("H1 and H2 at T = {}: 31 wavelets", kFewestSamples));
  return limits;
}

}  // namespace phasegrid::worker
