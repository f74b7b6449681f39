// Turns events, in the order in which they happened, into the state of a run. The reader of journals and the
// coordinator that writes them both use it, so that a resumed run knows exactly what an undisturbed one knows.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>

#include "results/run_folder.hpp"

namespace phasegrid::results {

// What is acknowledged once is final; these outcomes depend on the machine, and a retry may replace them.
bool is_final(sweeps::Status status);

// Equal in every bit but `seconds`.
bool same_bits(const sweeps::CellResult& a, const sweeps::CellResult& b);

// Moves everything that is known of cells to their places in a sweep that extends the present one.
void relocate_cells(RunState& state, const sweeps::Relocation& relocation);

// The index of an origin in state.origins, where it is added if it is new.
std::uint16_t origin_index(RunState& state, const Origin& origin);

class History {
 public:
  explicit History(RunState& state) : state_(&state) {}

  void started(std::uint64_t cell, int attempt, std::string where, std::string utc, std::int64_t from_step = 0);
  void ended(std::uint64_t cell, int attempt, std::string where, std::string utc, std::string outcome);
  // A second final result of a cell changes nothing; if it differs, `source` goes into a warning.
  void finished(sweeps::CellResult result, int attempt, std::string where, std::string utc, const std::string& source);
  void checkpointed(std::uint64_t cell, Checkpoint checkpoint);
  void life_ended();  // attempts still open belonged to a coordinator that is gone: "interrupted"

 private:
  RunState* state_;
  std::unordered_map<std::uint64_t, std::size_t> open_;  // cell -> its running attempt
};

}  // namespace phasegrid::results
