// Where the slots' time goes: what each slot does at each moment, summed up by cause.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "orchestrator/coordinator.hpp"

namespace phasegrid::orchestrator {

// What a slot does. `starting`: its executor is being started, again after a crash. The others are idle with a cause: no cell
// is left for it, none that would end before the deadline, the disk is full, the run is stopping, the rest of a gang is still at work.
enum class Doing : std::uint8_t { busy, starting, no_work, deadline, disk, stopping, gathering };
constexpr std::size_t kDoings = 7;
const char* to_text(Doing doing);

class Utilisation {
 public:
  void set(SlotId slot, Doing doing, double now);
  void leave(SlotId slot, double now);
  void leave_rank(int rank, double now);   // with all its slots
  void result(double seconds) { ++cells_, cell_seconds_ += seconds; }  // as its executor measured it

  std::array<double, kDoings> seconds(double now) const;  // by cause
  // Busy time beyond the cells' own: messages, making a model, waiting for the next cells.
  double overhead_per_cell(double now) const;
  // "busy 93.1 %, starting 0.4 %, no cells left 6.5 % of 12 h 30 min in 8 slots; overhead 1.3 ms per cell"
  std::string text(double now) const;

 private:
  struct State {
    Doing doing;
    double since;
  };
  std::map<SlotId, State> slots_;
  std::array<double, kDoings> sums_{};
  std::size_t most_slots_ = 0;
  std::uint64_t cells_ = 0;
  double cell_seconds_ = 0;
};

}  // namespace phasegrid::orchestrator
