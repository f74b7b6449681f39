// docs/sweeps.md lists every key of the schema as the schema has it, and its example is a sweep.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "sweeps/defaults.hpp"
#include "sweeps/grid.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

std::string page() {
  std::ifstream file(PHASEGRID_SOURCE_DIR "/docs/sweeps.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << "docs/sweeps.md cannot be read";
  return text.str();
}

std::string default_text(const sweeps::Key& key) {
  if (key.fallback.empty()) return "must be given";
  const bool word = std::find(key.words.begin(), key.words.end(), key.fallback) != key.words.end();
  return word ? "\"" + key.fallback + "\"" : key.fallback;
}

TEST(SweepsPage, ListsEveryKeyAsTheSchemaHasIt) {
  const std::string text = page();
  for (const sweeps::Key& key : make_schema()->keys) {
    if (key.section == sweeps::Section::task) continue;  // docs/tasks.md
    EXPECT_THAT(text, testing::HasSubstr("| `" + key.name + "` | " + sweeps::expectation(key) + " | " +
                                         default_text(key) + " | " + key.help + " |\n"));
  }
}

TEST(SweepsPage, ShowsASweepThatCanRun) {
  const std::string text = page(), begin = "```toml\n";
  const std::size_t at = text.find(begin) + begin.size();
  const auto grid = sweeps::Grid::parse(text.substr(at, text.find("```", at) - at), "docs/sweeps.md", make_schema());
  EXPECT_EQ(grid.size(), 5u * 3 * 3 * 5);
}

}  // namespace
}  // namespace phasegrid::worker
