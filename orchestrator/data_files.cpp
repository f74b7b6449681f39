#include "orchestrator/data_files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "results/batch_file.hpp"
#include "sweeps/data_files.hpp"
#include "sweeps/error.hpp"
#include "tasks/task.hpp"
#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

namespace fs = std::filesystem;

// One row in memory at a time.
class BatchSource final : public tasks::Source {
 public:
  explicit BatchSource(const tasks::SourceFacts& facts) : facts_(facts), reader_(facts.file) {
    if (reader_.sequences() != facts.sequences || reader_.T() != facts.T || reader_.channels() != facts.channels || reader_.outputs() != facts.outputs)
      changed();
  }

  void append(std::int64_t row, tasks::Batch& batch) override {
    const results::BatchFile read = reader_.read(row, 1);
    batch.tokens.insert(batch.tokens.end(), read.tokens.begin(), read.tokens.end());
    batch.inputs.insert(batch.inputs.end(), read.inputs.begin(), read.inputs.end());
    int scored = 0;
    for (int t = 0; t < read.T; ++t) {
      if (facts_.outputs > 0) {
        const std::span values(read.values.data() + static_cast<std::ptrdiff_t>(t) * facts_.outputs, static_cast<std::size_t>(facts_.outputs));
        if (values[0] == values[0]) batch.score(t, values), ++scored;
      } else {
        if (read.tokens[t] > facts_.token || read.targets[t] > facts_.label) changed();
        if (read.targets[t] != tasks::kUnscored) batch.score(t, read.targets[t]), ++scored;
      }
    }
    if (scored > facts_.most_scored) changed();
    batch.end_sequence();
  }

 private:
  [[noreturn]] void changed() const { throw std::runtime_error(facts_.file + ": is not the file that it was when the sweep was read"); }

  tasks::SourceFacts facts_;
  results::BatchReader reader_;
};

}  // namespace

void provide_batch_files() {
  tasks::provide_sources([](const tasks::SourceFacts& facts) { return std::make_shared<BatchSource>(facts); });
}

tasks::SourceFacts look_into(const std::string& path, const std::string& folder) {
  const fs::path file = fs::absolute(fs::path(folder) / path).lexically_normal();
  const results::BatchFacts found = results::inspect_batch(file);
  return {.file = file.string(), .content = found.content, .sequences = found.sequences, .T = found.T, .channels = found.channels, .outputs = found.outputs,
          .most_scored = found.most_scored, .token = found.token, .token_row = found.token_row, .label = found.label, .label_row = found.label_row};
}

sweeps::Grid read_sweep(const std::string& path) {
  const std::string text = sweeps::read_text(path), folder = fs::path(path).parent_path().string();
  const sweeps::NamedFiles named = sweeps::named_files(text, path, worker::make_schema());
  sweeps::DataFiles found;
  for (const auto& [name, place] : named.paths) {
    const auto known = named.recorded.find(name);
    const bool recorded = known != named.recorded.end();
    try {
      found[name] = worker::data_file(look_into(recorded ? known->second.file : name, folder));
    } catch (const sweeps::SweepError& error) {
      throw sweeps::SweepError(place + ": " + error.what());
    }
    if (recorded && found[name] != known->second)
      throw sweeps::SweepError(place + ": " + known->second.file + " no longer holds what [data] says: content is " + found[name].content + ", was " + known->second.content +
                               "; take [data] out of the sweep to use it as it is");
    if (!recorded && !named.recorded.empty()) throw sweeps::SweepError(place + ": " + name + " is not in [data], expected all files there, or no such section");
  }
  const bool complete = found.empty() || !named.recorded.empty();
  return sweeps::Grid::parse(complete ? text : sweeps::with_data(text, found), path, worker::make_schema());
}

}  // namespace phasegrid::orchestrator
