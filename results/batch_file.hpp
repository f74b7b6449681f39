// Batch files (docs/design.md 4.4): sequences and what is asked of them, in HDF5.
//
//   tokens int32 [batch, T], targets int32 [batch, T], -100 where nothing is asked
//   or inputs float [batch, T, channels], values float [batch, T, outputs], not-a-number there; values [batch, outputs] ask at the end
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace phasegrid::results {

struct BatchFile {
  int batch = 0, T = 0;
  std::vector<std::int32_t> tokens, targets;  // [batch][T]
  int channels = 0, outputs = 0;              // 0: tokens
  std::vector<float> inputs, values;          // [batch][T][channels], [batch][T][outputs]
};

// Throws sweeps::SweepError: what is missing or malformed, by file, dataset and row.
class BatchReader {
 public:
  explicit BatchReader(const std::filesystem::path& path);
  ~BatchReader();
  std::int64_t sequences() const;
  int T() const;
  int channels() const;
  int outputs() const;
  BatchFile read(std::int64_t first, std::int64_t count) const;  // these rows alone are in memory

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

BatchFile read_batch(const std::filesystem::path& path);

// What a whole file holds, looked at block by block.
struct BatchFacts {
  std::int64_t sequences = 0;
  int T = 0, channels = 0, outputs = 0, most_scored = 0;
  std::int64_t token = -1, token_row = 0;  // the largest, and the first row that has it
  std::int64_t label = -1, label_row = 0;
  std::string content;                     // a hash of shapes and values, 32 hex digits: not of how they are stored
};
BatchFacts inspect_batch(const std::filesystem::path& path);

}  // namespace phasegrid::results
