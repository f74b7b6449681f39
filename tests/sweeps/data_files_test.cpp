#include "sweeps/data_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/sweeps/fake_schema.hpp"

namespace phasegrid::sweeps {
namespace {

const std::string kSweep =
    "[sweep]\nname = \"t\"\n[task]\nname = \"keep\"\npath = \"my data.h5\"\n[model]\nd = 4\n";
const DataFiles kData = {{"my data.h5", {"/far/my data.h5", "abc", {{"T", 7}, {"token", -1}}}}};

NamedFiles named(const std::string& text) { return named_files(text, "s.toml", fake_schema()); }

std::string error_of(const std::string& text) {
  try {
    parsed(text);
  } catch (const SweepError& error) { return error.what(); }
  return "none";
}

TEST(DataFiles, AreFoundWithTheirPlaceInTheSweep) {
  using Paths = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(named(kSweep).paths, (Paths{{"my data.h5", "s.toml:5:8: task.path"}}));
  EXPECT_EQ(named("[sweep]\nname = \"t\"\n[task]\nname = \"keep\"\n[axes]\npath = [\"a\", \"none\", \"b\"]\n[model]\nd = 4\n").paths,
            (Paths{{"a", "s.toml:6:8: axes.path"}, {"b", "s.toml:6:8: axes.path"}}));
  EXPECT_TRUE(named("[sweep]\nname = \"t\"\n[task]\nname = \"keep\"\n[model]\nd = 4\n").paths.empty()) << "a path that may be left out";
}

TEST(DataFiles, AreRememberedInTheText) {
  const std::string text = with_data(kSweep, kData);
  EXPECT_EQ(named(text).recorded, kData);
  const Settings settings = parsed(text).cell(0).settings;
  ASSERT_NE(settings.data("path"), nullptr);
  EXPECT_EQ(*settings.data("path"), kData.at("my data.h5"));
  EXPECT_EQ(parsed(kSweep).cell(0).settings.data("path"), nullptr);
}

TEST(DataFiles, CountByWhatTheyHoldAndNotByWhereTheyLie) {
  const auto grid = [](const std::string& path, const std::string& content) {
    std::string text = kSweep;
    text.replace(text.find("my data.h5"), 10, path);
    return parsed(with_data(text, {{path, {"/far/" + path, content, {}}}}));
  };
  EXPECT_EQ(grid("a", "1").hash(), grid("b", "1").hash());
  EXPECT_NE(grid("a", "1").hash(), grid("a", "2").hash());
  const auto streams = [&](const Grid& g) { return g.cell(0).settings.canonical(Section::task); };
  EXPECT_EQ(streams(grid("a", "1")), streams(grid("b", "1")));
  EXPECT_NE(streams(grid("a", "1")), streams(grid("a", "2")));
  EXPECT_THAT(grid("a", "1").canonical(), testing::HasSubstr("path = content 1\n"));
}

TEST(DataFiles, AreNoNumbersAndNoExpressions) {
  std::string text = kSweep;
  EXPECT_EQ(error_of(text.replace(text.find("\"my data.h5\""), 12, "3")), "sweep.toml:5:8: task.path: found 3, expected the path of a file");
  EXPECT_EQ(error_of(kSweep + "[data]\n\"x\" = 3\n"), "sweep.toml:9:1: data.x: found 3, expected what the file held; without [data] the file is asked");
  EXPECT_EQ(error_of(kSweep + "[data]\nx = { file = \"y\" }\n"), "sweep.toml:9:1: data.x: expected file and content; without [data] the file is asked");
}

}  // namespace
}  // namespace phasegrid::sweeps
