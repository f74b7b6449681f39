// The checkpoints of cells that have no result yet, in a file that does not grow without end.
//
// checkpoints.G belongs to coordinator life G, is made when there is something to keep, and is removed when nothing in it is needed
// any more. A new checkpoint of a cell goes to a free region of the file; the region of the one before is free once the journal
// line that names the new one is durable. So the file takes the room of two checkpoints of each cell that runs, less than that of four
// while they grow, and one that is torn by a crash is never the one that the journal names.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "results/file.hpp"

namespace phasegrid::results {

// Where the newest checkpoint of a cell is.
struct Checkpoint {
  std::int64_t step = 0, steps = 0;            // done, and planned
  std::string host;                            // it is kept by this machine, in its scratch folder; "": in the run folder
  int file = 0;                                // checkpoints.`file`
  std::uint64_t offset = 0, length = 0;
  std::uint32_t checksum = 0;                  // CRC-32C
  std::uint16_t origin = 0;                    // into RunState::origins
};
using CheckpointMap = std::unordered_map<std::uint64_t, Checkpoint>;   // by cell

std::filesystem::path checkpoints_path(const std::filesystem::path& directory, int generation);

// The bytes of a checkpoint in the run folder; "" where they are missing or not what was written.
std::string read_checkpoint(const std::filesystem::path& directory, const Checkpoint& checkpoint);

class CheckpointFiles {
 public:
  // `known`: what the journals name; files that hold none of it are removed.
  CheckpointFiles(std::filesystem::path directory, int generation, const CheckpointMap& known);

  // Writes at once; durable after sync(). Throws RunError, DiskFull among them: then nothing has changed.
  Checkpoint write(std::string_view bytes);
  void release(const Checkpoint& checkpoint);  // it is not needed once the present journal lines are durable
  void sync();                                 // before the journal is made durable
  void committed();                            // after that

 private:
  std::uint64_t find_room(std::uint64_t bytes);
  void add_hole(std::uint64_t offset, std::uint64_t bytes);

  std::filesystem::path directory_;
  int generation_;
  Descriptor fd_;
  std::map<std::uint64_t, std::uint64_t> holes_;  // offset -> bytes
  std::uint64_t end_ = 0;
  std::map<int, std::uint64_t> used_;             // file -> checkpoints in it
  std::vector<Checkpoint> released_;
  bool dirty_ = false;
};

}  // namespace phasegrid::results
