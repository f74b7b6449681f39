// Sequences that lie in a file, as tasks see them: facts that are known before the first is read, and one sequence at a time.
//
// This folder knows no file format. Whoever does (the orchestrator, through results/) provides the opener, once per process.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace phasegrid::tasks {

struct Batch;

struct SourceFacts {
  std::string file;                            // where it lies
  std::string content;                         // a hash of what it holds
  std::int64_t sequences = 0;
  int T = 0, channels = 0, outputs = 0;        // channels 0: tokens and labels
  int most_scored = 0;                         // scored positions of one sequence, at most
  std::int64_t token = -1, token_row = 0;      // the largest token, and the first sequence that has it
  std::int64_t label = -1, label_row = 0;      // the same of labels
};

class Source {
 public:
  virtual ~Source() = default;
  virtual void append(std::int64_t row, Batch& batch) = 0;  // one sequence, as Task::draw does; throws std::runtime_error
};

// Throws std::runtime_error where the file is gone or is another one.
using OpenSource = std::function<std::shared_ptr<Source>(const SourceFacts&)>;
void provide_sources(OpenSource open);
std::shared_ptr<Source> open_source(const SourceFacts& facts);  // shared by all who read the same file at the same time

}  // namespace phasegrid::tasks
