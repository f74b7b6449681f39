#include "orchestrator/utilisation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "orchestrator/tally.hpp"

namespace phasegrid::orchestrator {

const char* to_text(Doing doing) {
  constexpr const char* kTexts[] = {"busy",          "starting", "no cells left", "nothing fits before the deadline",
                                    "disk was full", "stopping", "waiting for the rest of a gang"};
  return kTexts[static_cast<std::size_t>(doing)];
}

void Utilisation::set(SlotId slot, Doing doing, double now) {
  const auto [known, is_new] = slots_.try_emplace(slot, State{doing, now});
  State& state = known->second;
  if (is_new) most_slots_ = std::max(most_slots_, slots_.size());
  if (state.doing == doing) return;
  sums_[static_cast<std::size_t>(state.doing)] += now - state.since;
  state = {doing, now};
}

void Utilisation::leave(SlotId slot, double now) {
  const auto known = slots_.find(slot);
  if (known == slots_.end()) return;
  sums_[static_cast<std::size_t>(known->second.doing)] += now - known->second.since;
  slots_.erase(known);
}

void Utilisation::leave_rank(int rank, double now) {
  for (auto slot = slots_.lower_bound({rank, 0}); slot != slots_.end() && slot->first.rank == rank;) {
    const SlotId id = slot->first;
    ++slot;
    leave(id, now);
  }
}

std::array<double, kDoings> Utilisation::seconds(double now) const {
  auto sums = sums_;
  for (const auto& [id, state] : slots_) sums[static_cast<std::size_t>(state.doing)] += now - state.since;
  return sums;
}

double Utilisation::overhead_per_cell(double now) const {
  const double busy = seconds(now)[static_cast<std::size_t>(Doing::busy)];
  return cells_ == 0 ? 0 : std::max(0.0, busy - cell_seconds_) / static_cast<double>(cells_);
}

std::string Utilisation::text(double now) const {
  const auto sums = seconds(now);
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  if (total <= 0) return "nothing ran";
  std::string text;
  for (std::size_t i = 0; i < kDoings; ++i) {
    if (sums[i] <= 0) continue;
    text +=
        fmt::format("{}{} {:.1f} %", text.empty() ? "" : ", ", to_text(static_cast<Doing>(i)), 100 * sums[i] / total);
  }
  text += fmt::format(" of {} in {} slot{}", duration(total), most_slots_, most_slots_ == 1 ? "" : "s");
  if (cells_ > 0) text += fmt::format("; overhead {:.3g} ms per cell", 1e3 * overhead_per_cell(now));
  return text;
}

}  // namespace phasegrid::orchestrator
