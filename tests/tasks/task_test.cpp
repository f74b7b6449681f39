// What every task must keep, over the whole table and thousands of random settings.
#include "tasks/task.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tests/tasks/support.hpp"

namespace phasegrid::tasks {
namespace {

class EveryTask : public testing::TestWithParam<std::string> {
 protected:
  const TaskEntry& entry = *find_task(GetParam());

  // Each option keeps its default, or takes a small random value within its range.
  Options random_options(kernels::Random& random) const {
    Options options;
    for (const OptionKey& key : entry.options) {
      if (random.below(3) == 0) continue;
      if (key.kind == OptionKey::word) options.words[key.name] = key.words[random.below(key.words.size())];
      else if (key.kind == OptionKey::boolean) options.numbers[key.name] = random.below(2);
      else if (key.kind == OptionKey::integer)
        options.numbers[key.name] = std::min(key.most, key.least + random.below(1 << random.below(8)));
      else options.numbers[key.name] = random.uniform(key.least, std::min(key.most, 2.0));
      options.given[key.name] = true;
    }
    return complete_options(entry, options);
  }
};

TEST_P(EveryTask, KeepsItsPromisesForAnySettingsThatFit) {
  kernels::Random random(1, 0, 0);
  int fitting = 0;
  for (int trial = 0; fitting < 2000 && trial < 100'000; ++trial) {
    const Options options = random_options(random);
    if (!entry.fits(options).empty()) continue;
    ++fitting;
    const auto task = entry.make(options);
    const Batch batch = draw(*task, 3, trial);
    ASSERT_EQ(batch.sequences, 3);
    ASSERT_EQ(batch.T, task->T());
    const bool real = task->channels() > 0;
    ASSERT_EQ(real, task->outputs() > 0);
    ASSERT_EQ(real, entry.real && entry.real(options));
    ASSERT_EQ(real, task->vocab() == 0);
    ASSERT_EQ(batch.tokens.size(), real ? 0u : 3u * task->T());
    ASSERT_EQ(batch.inputs.size(), 3u * task->T() * task->channels());
    ASSERT_EQ(batch.first.size(), 4u);
    ASSERT_EQ(batch.label.size(), real ? 0 : batch.position.size());
    ASSERT_EQ(batch.values.size(), batch.position.size() * task->outputs());
    ASSERT_EQ(batch.noise_key.size(), task->embedding_noise() > 0 ? 3u : 0u);
    ASSERT_TRUE(std::ranges::all_of(batch.inputs, [](float x) { return std::isfinite(x); }));
    ASSERT_TRUE(std::ranges::all_of(batch.values, [](float x) { return std::isfinite(x); }));
    ASSERT_EQ(batch.first.back(), static_cast<int>(batch.position.size()));
    for (const auto token : batch.tokens) ASSERT_TRUE(0 <= token && token < task->vocab()) << token;
    for (const auto label : batch.label) ASSERT_TRUE(0 <= label && label < task->vocab()) << label;
    for (int b = 0; b < 3; ++b) {
      ASSERT_LE(batch.first[b + 1] - batch.first[b], task->most_scored());
      for (int i = batch.first[b]; i < batch.first[b + 1]; ++i) {
        ASSERT_TRUE(0 <= batch.position[i] && batch.position[i] < task->T());
        ASSERT_TRUE(i == batch.first[b] || batch.position[i - 1] < batch.position[i]) << "scored positions ascend";
      }
      ASSERT_EQ(task->roles(batch, b).size(), static_cast<std::size_t>(task->T()));
    }
    ASSERT_TRUE(0 < task->ceiling() && task->ceiling() <= 1);
    for (int token = 0; token < task->vocab(); ++token) ASSERT_FALSE(task->symbol(token).empty());
  }
  EXPECT_EQ(fitting, 2000) << "too few of the random settings fit to say anything";
}

TEST_P(EveryTask, NamesAKeyOfItsOwnWhenSettingsDoNotFit) {
  std::set<std::string> names;
  for (const OptionKey& key : entry.options) names.insert(key.name);
  kernels::Random random(2, 0, 0);
  for (int trial = 0; trial < 2000; ++trial) {
    const std::string reason = entry.fits(random_options(random));
    ASSERT_TRUE(reason.empty() || names.contains(reason.substr(0, reason.find(':')))) << reason;
  }
}

TEST_P(EveryTask, FitsWithItsDefaultsAndSetsEveryOption) {
  const Options options = complete_options(entry, {});
  EXPECT_EQ(entry.fits(options), "");
  for (const OptionKey& key : entry.options) {
    const bool set =
        key.kind == OptionKey::word ? options.words.contains(key.name) : options.numbers.contains(key.name);
    EXPECT_TRUE(set) << key.name;
  }
}

TEST_P(EveryTask, DrawsASequenceFromItsKeyStreamAndIndexAlone) {
  const auto task = entry.make(complete_options(entry, {}));
  const Batch all = draw(*task, 20, 5, Stream::test, 100), few = draw(*task, 3, 5, Stream::test, 107);
  for (int b = 0; b < 3; ++b) {
    EXPECT_EQ(seen_of(few, b), seen_of(all, 7 + b));
    if (task->channels() > 0) {
      EXPECT_TRUE(std::ranges::equal(answer_of(few, b), answer_of(all, 7 + b)));
    } else {
      EXPECT_EQ(targets_of(few, b), targets_of(all, 7 + b));
    }
  }
}

TEST_P(EveryTask, DrawsOtherSequencesInOtherStreamsAndForOtherKeys) {
  const auto task = entry.make(complete_options(entry, {}));
  std::set<std::vector<float>> seen;
  int drawn = 0;
  for (const Stream stream : {Stream::train, Stream::validation, Stream::test}) {
    for (const std::uint64_t key : {1, 2}) {
      const Batch batch = draw(*task, 200, key, stream);
      for (int b = 0; b < 200; ++b, ++drawn) seen.insert(seen_of(batch, b));
    }
  }
  // Short expressions may come twice; shared streams would halve the number of different sequences.
  EXPECT_GT(static_cast<double>(seen.size()), 0.9 * drawn);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryTask, testing::ValuesIn(drawn_tasks()),
                         [](const auto& instance) { return instance.param; });

TEST(Tasks, GiveAKeyOneMeaningWhereverItIsListed) {
  std::map<std::string, OptionKey> seen;
  for (const TaskEntry& entry : all_tasks()) {
    for (const OptionKey& key : entry.options) {
      const auto [first, fresh] = seen.emplace(key.name, key);
      if (fresh) continue;
      EXPECT_EQ(first->second.kind, key.kind) << key.name;
      EXPECT_EQ(first->second.help, key.help) << key.name;
      EXPECT_EQ(first->second.words, key.words) << key.name;
      EXPECT_EQ(first->second.least, key.least) << key.name;
      EXPECT_EQ(first->second.most, key.most) << key.name;
    }
  }
}

// Trained results depend on these sequences: they change only together with the numerics version.
TEST(Tasks, KeepDrawingTheSameSequences) {
  std::map<std::string, std::uint64_t> fingerprints;
  for (const std::string& name : drawn_tasks()) {
    const TaskEntry& entry = *find_task(name);
    const Batch batch = draw(*entry.make(complete_options(entry, {})), 64, 12345);
    std::string text;
    for (const auto* numbers : {&batch.tokens, &batch.position, &batch.label}) {
      for (const auto number : *numbers) text += std::to_string(number) + ' ';
    }
    for (const auto* numbers : {&batch.inputs, &batch.values})   // four digits: the last bits are the mathematics library's
      for (const float number : *numbers) text += std::to_string(std::lround(1e4 * number)) + ' ';
    fingerprints[entry.name] = kernels::hash_text(text);
  }
  const std::map<std::string, std::uint64_t> recorded = {
      {"keep_nth", 17263291084538447311u},
      {"mqar", 9001879457300847518u},
      {"induction_heads", 13045741582738368111u},
      {"selective_copy", 3735884047713591049u},
      {"k_hop", 3687741593604169356u},
      {"pointer_value_retrieval", 5746867305089071726u},
      {"function_composition", 8847453176632909486u},
      {"listops", 16327764607852387811u},
      {"piecewise_constant", 8333872741674371415u},
      {"prime_frequencies", 6944597115428486584u},
      {"absolute_value", 5223373709166902393u},
      {"linear_functional", 1436329036163816918u},
  };
  EXPECT_EQ(fingerprints, recorded);
}

}  // namespace
}  // namespace phasegrid::tasks
