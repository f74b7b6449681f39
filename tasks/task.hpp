// A task: seed in, tokens and targets out.
//
// One task is one file in this folder and one line in registry.cpp. A sequence is a pure function of a random stream
// (kernels/random.hpp) and its index in that stream, so that any worker, alone or in a pack, draws the same data.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/random.hpp"
#include "tasks/source.hpp"

namespace phasegrid::tasks {

constexpr std::int32_t kUnscored = -100;  // in files and dense targets; batches list scored positions only

// Sequences with their scored positions. Scored positions of sequence b are [first[b], first[b + 1]), ascending.
struct Batch {
  int sequences = 0, T = 0;
  std::vector<std::int32_t> tokens;    // [sequences][T]
  std::vector<std::int32_t> first;     // [sequences + 1]
  std::vector<std::int32_t> position;  // [scored]
  std::vector<std::int32_t> label;     // [scored]
  // Real-valued tasks: inputs instead of tokens, values instead of labels.
  int channels = 0, outputs = 0;
  std::vector<float> inputs;  // [sequences][T][channels]
  std::vector<float> values;  // [scored][outputs]
  // Noise on embeddings: its deviation, and one key per sequence from which it is drawn. 0: none.
  double noise = 0;
  std::vector<std::uint64_t> noise_key;  // [sequences]

  void clear(int T);
  void end_sequence() {
    first.push_back(static_cast<std::int32_t>(position.size()));
    ++sequences;
  }
  void score(int t, std::int32_t target) { position.push_back(t), label.push_back(target); }
  void score(int t, std::span<const float> target) {
    position.push_back(t), values.insert(values.end(), target.begin(), target.end());
  }
};

// One option of a task, for the schema of sweep files.
struct OptionKey {
  enum Kind { integer, real, boolean, word, file };  // file: the path of one, "none" where it may be left out
  std::string name;
  Kind kind;
  std::string fallback;  // as a sweep file would write it, or an expression of other options
  double least = 0, most = 1e9;
  std::vector<std::string> words;
  std::string help;
};

// The options of one cell; numbers and booleans (0, 1) under `numbers`, words and paths under `words`, what is known of
// files under `sources`, by option. `given` lists what the sweep said.
struct Options {
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> words;
  std::map<std::string, bool> given;
  std::map<std::string, SourceFacts> sources;

  const SourceFacts* source(const std::string& name) const {  // null: there is none, or nobody has looked
    return sources.contains(name) ? &sources.at(name) : nullptr;
  }
  bool has(const std::string& name) const { return given.contains(name) && given.at(name); }
  std::int64_t integer(const std::string& name) const { return static_cast<std::int64_t>(numbers.at(name)); }
  double real(const std::string& name) const { return numbers.at(name); }
  bool boolean(const std::string& name) const { return numbers.at(name) != 0; }
  const std::string& word(const std::string& name) const { return words.at(name); }
};

// Parts of a cell's random numbers. `target`: what a task keeps fixed for a seed, such as the function to be learned.
enum class Stream : std::uint32_t {
  train = 1,
  validation,
  test,
  initial,
  noise,
  shuffle,
  sample,
  target
};  // results depend on their order

struct Recipe;

class Task {
 public:
  virtual ~Task() = default;
  virtual int vocab() const = 0;  // input tokens are 0 .. vocab - 1; logits have vocab entries; 0 if real-valued
  // Real-valued tasks: numbers at each position, and numbers asked for at each scored one. Both 0, or both positive.
  virtual int channels() const { return 0; }
  virtual int outputs() const { return 0; }
  virtual double embedding_noise() const { return 0; }  // deviation of the noise on every embedding
  virtual int T() const = 0;
  virtual int most_scored() const = 0;          // scored positions of one sequence, at most
  virtual double ceiling() const { return 1; }  // the accuracy (real-valued: the R2) that no model can exceed
  // For one who knows all the rest, the chance to guess a label whose one token has been replaced; 1 where no single
  // unscored token carries the label.
  virtual double guess() const { return 1; }
  // Different sequences that a part of the data has; more are the same again.
  virtual std::int64_t available(Stream) const { return std::numeric_limits<std::int64_t>::max(); }
  // Appends one sequence to the batch (tokens, scored positions, end_sequence).
  virtual void draw(kernels::Random& random, Batch& batch) const = 0;
  virtual bool draws_alone() const { return true; }  // whatever others draw meanwhile, on other threads
  // The same as plain numbers (recipe.hpp), which point into this task; false: only draw() knows how.
  virtual bool recipe(Recipe&) const { return false; }
  // The role of each position of one drawn sequence ("key", "value", "filler", "query", "before", "after" ...): what
  // diagnostics are split by. Unless a task says more: "query" where scored, "token" elsewhere.
  virtual std::vector<std::string> roles(const Batch& batch, int sequence) const;
  // How drawn examples write a token: its number, or k1, v1, - where a task has kinds of symbols.
  virtual std::string symbol(std::int32_t token) const { return std::to_string(token); }
};

struct TaskEntry {
  std::string name;
  std::string help;  // one line
  std::vector<OptionKey> options;
  // Sets every option that was not given and whose default follows from others; may be null.
  void (*complete)(Options&);
  std::string (*fits)(const Options&);  // "" or why no such cell can exist
  std::function<std::unique_ptr<Task>(const Options&)> make;
  bool (*real)(const Options&) = nullptr;  // real-valued with these options; null: tokens
};

const std::vector<TaskEntry>& all_tasks();
const TaskEntry* find_task(const std::string& name);  // null if there is none

// The options of a task from those that were given: literal defaults first, then the task's `complete`. Nothing is
// checked.
Options complete_options(const TaskEntry& task, Options given);

// Sequences [begin, begin + count) of a stream, replacing what the batch held. `key` says which data (seed and task
// settings).
void draw_batch(const Task& task, std::uint64_t key, Stream stream, std::uint64_t begin, int count, Batch& batch);

// Every position scored instead, its label the next token: to measure what that costs.
void score_every_position(Batch& batch);

}  // namespace phasegrid::tasks
