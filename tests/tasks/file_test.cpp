// The task `file`, with sources that lie in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

// Row r is the sequence r r r .. r, asked for at its end; numbers: r/1000, asked for twice over.
class Rows final : public Source {
 public:
  explicit Rows(const SourceFacts& facts) : facts_(facts) {}
  void append(std::int64_t row, Batch& batch) override {
    const auto token = static_cast<std::int32_t>(row);
    for (int t = 0; t < facts_.T; ++t)
      if (facts_.channels > 0) batch.inputs.insert(batch.inputs.end(), facts_.channels, static_cast<float>(token));
      else batch.tokens.push_back(token);
    if (facts_.channels > 0) batch.score(facts_.T - 1, std::vector<float>(facts_.outputs, 2.0f * static_cast<float>(token)));
    else batch.score(facts_.T - 1, token);
    batch.end_sequence();
  }

 private:
  SourceFacts facts_;
};

SourceFacts facts_of(const std::string& name, std::int64_t rows, int channels = 0) {
  SourceFacts facts{.file = "/data/" + name, .content = "content of " + name, .sequences = rows, .T = 4, .channels = channels, .outputs = channels > 0 ? 3 : 0, .most_scored = 1};
  if (channels == 0) facts.token = facts.label = rows - 1, facts.token_row = facts.label_row = rows - 1;
  return facts;
}

class File : public testing::Test {
 protected:
  File() {
    provide_sources([](const SourceFacts& facts) { return std::make_shared<Rows>(facts); });
  }
  ~File() override { provide_sources({}); }

  static Options options(const SourceFacts& facts, double held_out, const SourceFacts* test = nullptr, const std::vector<Setting>& more = {}) {
    Options given;
    given.words["path"] = facts.file, given.sources["path"] = facts;
    if (test) given.words["test_path"] = test->file, given.sources["test_path"] = *test;
    given.numbers["held_out"] = held_out;
    for (const char* name : {"path", "held_out"}) given.given[name] = true;
    given.given["test_path"] = test != nullptr;
    for (const auto& [name, value] : more) given.numbers[name] = std::get<double>(value), given.given[name] = true;
    return complete_options(*find_task("file"), given);
  }
  static std::string reason(const Options& options) { return find_task("file")->fits(options); }
  static std::unique_ptr<Task> make(const Options& options) {
    EXPECT_EQ(reason(options), "");
    return find_task("file")->make(options);
  }
  static std::vector<int> rows(const Batch& batch) {
    std::vector<int> rows;
    for (int b = 0; b < batch.sequences; ++b) rows.push_back(tokens_of(batch, b)[0]);
    return rows;
  }
};

TEST_F(File, SplitsItsRowsIntoTrainingValidationAndTest) {
  kernels::Random random(1, 0, 0);
  for (int trial = 0; trial < 500; ++trial) {
    const int n = 3 + static_cast<int>(random.below(60)), held = 2 + static_cast<int>(random.below(n - 2));
    const auto task = make(options(facts_of("a", n), static_cast<double>(held) / n));
    const auto part = [&](Stream stream) { return rows(draw(*task, static_cast<int>(task->available(stream)), trial, stream)); };
    std::vector<int> all;
    for (const Stream stream : {Stream::train, Stream::validation, Stream::test})
      for (const int row : part(stream)) all.push_back(row);
    std::vector<int> every(n);
    for (int i = 0; i < n; ++i) every[i] = i;
    EXPECT_THAT(all, testing::UnorderedElementsAreArray(every)) << "n = " << n << ", held out " << held;
    EXPECT_EQ(task->available(Stream::train), n - held);
  }
}

TEST_F(File, TakesTheTestFromAFileOfItsOwn) {
  const SourceFacts test = facts_of("b", 5);
  const auto task = make(options(facts_of("a", 40), 0.1, &test));
  EXPECT_EQ(task->available(Stream::validation), 4);
  EXPECT_EQ(rows(draw(*task, 7, 1, Stream::test)), (std::vector<int>{0, 1, 2, 3, 4, 0, 1}));
}

TEST_F(File, GoesThroughTheTrainingRowsInPassesEachInAnOrderOfItsOwn) {
  const auto task = make(options(facts_of("a", 50), 0.2));
  const std::vector<int> drawn = rows(draw(*task, 120, 3));
  std::set<std::vector<int>> orders;
  for (int pass = 0; pass < 3; ++pass) {
    const std::vector<int> order(drawn.begin() + 40 * pass, drawn.begin() + 40 * (pass + 1));
    EXPECT_EQ(std::set(order.begin(), order.end()).size(), 40u) << "every row once";
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 3u);
  EXPECT_NE(rows(draw(*task, 40, 4)), std::vector<int>(drawn.begin(), drawn.begin() + 40)) << "another seed, another order";
}

TEST_F(File, HoldsTheSameRowsOutForEverySeedAndByContentAlone) {
  const auto validation = [&](const SourceFacts& facts, std::uint64_t seed) { return rows(draw(*make(options(facts, 0.2)), 5, seed, Stream::validation)); };
  SourceFacts moved = facts_of("a", 50), changed = moved;
  moved.file = "/elsewhere", changed.content = "other";
  EXPECT_EQ(validation(facts_of("a", 50), 1), validation(facts_of("a", 50), 2));
  EXPECT_EQ(validation(facts_of("a", 50), 1), validation(moved, 1));
  EXPECT_NE(validation(facts_of("a", 50), 1), validation(changed, 1));
}

TEST_F(File, DrawsASequenceFromItsIndexAlone) {
  const auto task = make(options(facts_of("a", 50), 0.2));
  const std::vector<int> all = rows(draw(*task, 200, 3)), few = rows(draw(*task, 10, 3, Stream::train, 130));
  EXPECT_EQ(few, std::vector<int>(all.begin() + 130, all.begin() + 140));
}

TEST_F(File, HasNumbersWhereTheFileHas) {
  const Options o = options(facts_of("x", 20, 2), 0.2);
  const auto task = make(o);
  EXPECT_TRUE(find_task("file")->real(o));
  EXPECT_EQ(task->vocab(), 0);
  EXPECT_EQ(task->channels(), 2);
  EXPECT_EQ(task->outputs(), 3);
  const Batch batch = draw(*task, 6);
  EXPECT_EQ(batch.inputs.size(), 6u * 4 * 2);
  for (int b = 0; b < 6; ++b) EXPECT_THAT(answer_of(batch, b), testing::Each(2 * inputs_of(batch, b)[0]));
}

TEST_F(File, TakesVocabularyAndLengthFromTheFilesUnlessTheyAreGiven) {
  const SourceFacts test = facts_of("b", 70);
  EXPECT_EQ(make(options(facts_of("a", 50), 0.2))->vocab(), 50);
  EXPECT_EQ(make(options(facts_of("a", 50), 0.2, &test))->vocab(), 70);
  EXPECT_EQ(make(options(facts_of("a", 50), 0.2, nullptr, {{"vocab", 64.0}}))->vocab(), 64);
  EXPECT_EQ(make(options(facts_of("a", 50), 0.2))->T(), 4);
}

TEST_F(File, SaysWhichFileDatasetAndRowIsWrong) {
  EXPECT_EQ(reason(options(facts_of("a", 50), 0.2, nullptr, {{"vocab", 32.0}})),
            "vocab: /data/a: tokens of row 49: found 49, expected numbers below the vocabulary's size, but vocab = 32");
  SourceFacts labels = facts_of("a", 50);
  labels.token = 3, labels.label = 40, labels.label_row = 17;
  EXPECT_EQ(reason(options(labels, 0.2, nullptr, {{"vocab", 32.0}})),
            "vocab: /data/a: targets of row 17: found 40, expected numbers below the vocabulary's size, but vocab = 32");
  EXPECT_EQ(reason(options(facts_of("a", 50), 0.2, nullptr, {{"T", 8.0}})),
            "T: sequences of a file have the length that they have, but T = 8 and that of /data/a is 4");
  const SourceFacts numbers = facts_of("x", 50, 2);
  EXPECT_EQ(reason(options(facts_of("a", 50), 0.2, &numbers)),
            "test_path: sequences for tests are like those for training, but /data/a has T = 4, tokens and /data/x T = 4, 2 channels, 3 outputs");
  EXPECT_EQ(reason(options(facts_of("a", 50), 0.001)),
            "held_out: validation and test need a sequence each, and training needs one, but 0 of 50 are held out");
  EXPECT_EQ(reason(options(facts_of("a", 50), 1)), "held_out: validation and test need a sequence each, and training needs one, but 50 of 50 are held out");
  EXPECT_THAT(reason(options_of("file", {{"path", std::string("a.h5")}})), testing::StartsWith("path: nobody has looked into a.h5"));
}

TEST_F(File, HasNoTokensToReplaceWhereItHasNumbers) {
  const SourceFacts numbers = facts_of("x", 50, 2);
  EXPECT_EQ(reason(options(numbers, 0.2, nullptr, {{"token_noise", 0.1}})),
            "token_noise: /data/x holds numbers, expected 0, or embedding_noise in its place");
  EXPECT_EQ(reason(options(numbers, 0.2, nullptr, {{"token_noise", 0.0}, {"embedding_noise", 0.1}})), "");
}

TEST_F(File, TakesNoiseAsOtherTasksDo) {
  const auto task = make(options(facts_of("a", 50), 0.2, nullptr, {{"token_noise", 0.5}, {"embedding_noise", 0.1}}));
  const Batch batch = draw(*task, 100);
  int changed = 0;
  for (int b = 0; b < 100; ++b) changed += tokens_of(batch, b)[0] != batch.label[b];
  EXPECT_GT(changed, 25);
  EXPECT_EQ(batch.noise_key.size(), 100u);
  EXPECT_EQ(task->available(Stream::validation), 5);
}

}  // namespace
}  // namespace phasegrid::tasks
