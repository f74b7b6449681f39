// FILE: sequences of your own, from a batch file (docs/tasks.md).
//
//   tokens   tokens and targets, -100 where nothing is asked          numbers   inputs and values, not-a-number there
//
// Rows are sequences; none is ever kept, each is read when it is drawn. With n rows in `path`, pi the order into which the content of
// the file (nothing else) shuffles them, and h = round(held_out n) of them held out:
//
//   without test_path   validation: pi(0) .. pi(v - 1), v = h/2 rounded up    test: pi(v) .. pi(h - 1)
//   with test_path      validation: pi(0) .. pi(h - 1)                        test: the rows of test_path in their order
//   training            the other m = n - h rows, in passes: sequence i is the (i mod m)-th of them in the order into
//                       which the seed and the pass, i div m, shuffle them
//
// A part of the data that is asked for more sequences than it has begins again. Ceiling: 1, as far as anyone knows.
//
// 4 rows, held_out = 0.5, pi = 2 0 3 1:  row 2 validates, row 0 tests, rows 3 and 1 train.
//
//   tokens    0  3  1  4      <- row 0 of the file
//   targets   .  .  .  2
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tasks/draw.hpp"
#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

std::int64_t held_out(const Options& options) {
  return std::llround(options.real("held_out") * static_cast<double>(options.source("path")->sequences));
}

class File final : public Task {
 public:
  explicit File(const Options& options)
      : facts_(*options.source("path")), vocab_(facts_.channels > 0 ? 0 : options.integer("vocab")),
        most_scored_(facts_.most_scored), validation_(held_out(options)), order_(kernels::hash_text(facts_.content)) {
    const std::int64_t held = validation_;
    rows_ = open_source(facts_);
    if (const SourceFacts* test = options.source("test_path")) {
      test_rows_ = open_source(*test);
      test_ = test->sequences, most_scored_ = std::max(most_scored_, test->most_scored);
    } else {
      validation_ = (held + 1) / 2, test_ = held - validation_;
    }
    training_ = facts_.sequences - held;
  }

  int vocab() const override { return vocab_; }
  int channels() const override { return facts_.channels; }
  int outputs() const override { return facts_.outputs; }
  int T() const override { return facts_.T; }
  int most_scored() const override { return most_scored_; }

  std::int64_t available(Stream stream) const override {
    return stream == Stream::validation ? validation_ : stream == Stream::test ? test_ : training_;
  }

  // Only the place in the stream counts: what `random` would draw does not.
  bool draws_alone() const override { return false; }  // models may read one file
  void draw(kernels::Random& random, Batch& batch) const override {
    const auto stream = static_cast<Stream>(random.stream());
    const std::uint64_t i = random.index(), all = facts_.sequences, held = all - training_;
    if (stream == Stream::test && test_rows_) return test_rows_->append(static_cast<std::int64_t>(i % test_), batch);
    std::uint64_t place;  // in the order of the content
    if (stream == Stream::validation) place = i % validation_;
    else if (stream == Stream::test) place = validation_ + i % test_;
    else {
      kernels::Random pass(random.key(), static_cast<std::uint32_t>(Stream::shuffle), i / training_);
      const std::uint64_t high = pass.bits(), low = pass.bits();
      place = held + shuffled(high << 32 | low, training_, i % training_);
    }
    rows_->append(static_cast<std::int64_t>(shuffled(order_, all, place)), batch);
  }

 private:
  SourceFacts facts_;
  int vocab_, most_scored_;
  std::int64_t validation_, test_ = 0, training_ = 0;
  std::uint64_t order_;
  std::shared_ptr<Source> rows_, test_rows_;
};

// What the sweep leaves out is that of the files.
void complete(Options& options) {
  const SourceFacts* facts = options.source("path");
  if (!facts) return;
  std::int64_t vocab = 2;
  for (const char* name : {"path", "test_path"})
    if (const SourceFacts* each = options.source(name)) vocab = std::max({vocab, each->token + 1, each->label + 1});
  if (!options.has("T")) options.numbers["T"] = facts->T;
  if (!options.has("vocab")) options.numbers["vocab"] = static_cast<double>(vocab);
}

std::string beyond(const SourceFacts& facts, const char* dataset, std::int64_t row, std::int64_t found, const Options& options) {
  return "vocab: " + facts.file + ": " + dataset + " of row " + std::to_string(row) + ": found " + std::to_string(found) +
         ", expected numbers below the vocabulary's size, but " + say(options, "vocab");
}

std::string shape_text(const SourceFacts& facts) {
  return facts.channels == 0 ? "T = " + std::to_string(facts.T) + ", tokens"
                             : "T = " + std::to_string(facts.T) + ", " + std::to_string(facts.channels) + " channels, " +
                                   std::to_string(facts.outputs) + " outputs";
}

std::string fits(const Options& options) {
  const SourceFacts* facts = options.source("path");
  const SourceFacts* test = options.source("test_path");
  if (options.word("path").empty()) return "path: is missing, expected the path of a batch file";
  if (!facts) return "path: nobody has looked into " + options.word("path") + ", expected a file that was read with the sweep";
  if (options.word("test_path") != "none" && !test)
    return "test_path: nobody has looked into " + options.word("test_path") + ", expected a file that was read with the sweep";
  if (facts->channels > 0 && options.has("token_noise") && options.real("token_noise") > 0)
    return "token_noise: " + facts->file + " holds numbers, expected 0, or embedding_noise in its place";
  for (const SourceFacts* each : {facts, test}) {
    if (!each || each->channels > 0) continue;
    const std::int64_t vocab = options.integer("vocab");
    if (each->token >= vocab) return beyond(*each, "tokens", each->token_row, each->token, options);
    if (each->label >= vocab) return beyond(*each, "targets", each->label_row, each->label, options);
  }
  if (options.integer("T") != facts->T)
    return "T: sequences of a file have the length that they have, but " + say(options, "T") + " and that of " + facts->file + " is " + std::to_string(facts->T);
  if (test && (test->T != facts->T || test->channels != facts->channels || test->outputs != facts->outputs))
    return "test_path: sequences for tests are like those for training, but " + facts->file + " has " + shape_text(*facts) + " and " + test->file + " " + shape_text(*test);
  const std::int64_t held = held_out(options), least = test ? 1 : 2;
  if (held < least || held >= facts->sequences) {
    return std::string("held_out: ") + (test ? "validation needs a sequence" : "validation and test need a sequence each") +
           ", and training needs one, but " + std::to_string(held) + " of " + std::to_string(facts->sequences) + " are held out";
  }
  return "";
}

}  // namespace

TaskEntry file() {
  return {
      .name = "file",
      .help = "sequences of your own, from an HDF5 batch file",
      .options = {{"path", OptionKey::file, "", 0, 0, {}, "the batch file, as seen from the sweep file's folder"},
                  {"test_path", OptionKey::file, "none", 0, 0, {}, "a batch file for tests; none: part of what is held out"},
                  {"held_out", OptionKey::real, "0.1", 0, 1, {}, "share of the sequences that are not trained on"},
                  key_T("1"),
                  key_vocab("2")},
      .complete = complete,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<File>(options); },
      .real = [](const Options& options) { return options.source("path") && options.source("path")->channels > 0; },
  };
}

}  // namespace phasegrid::tasks
