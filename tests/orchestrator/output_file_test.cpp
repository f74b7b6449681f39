// Names of files that a verb is to write, looked at before it works.
#include "orchestrator/output_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sweeps/error.hpp"
#include "tests/results/temporary_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

namespace fs = std::filesystem;

std::string refusal(const fs::path& path, const fs::path& input) {
  try {
    check_output("--weights", path.string(), {input.string()});
    return "";
  } catch (const sweeps::SweepError& error) {
    return error.what();
  }
}

TEST(OutputFile, IsNeverWhatIsRead) {
  const testing::TemporaryFolder folder;
  const fs::path sweep = folder.path() / "sweep.toml";
  std::ofstream(sweep) << "[sweep]";
  fs::create_hard_link(sweep, folder.path() / "other_name.toml");
  EXPECT_THAT(refusal(sweep, sweep), ::testing::EndsWith("is also what is read, expected another file"));
  EXPECT_THAT(refusal(folder.path() / "." / "sweep.toml", sweep), ::testing::HasSubstr("is also what is read"));
  EXPECT_THAT(refusal(folder.path() / "other_name.toml", sweep), ::testing::HasSubstr("is also what is read"));
  EXPECT_EQ(refusal(folder.path() / "new.h5", sweep), "");
}

TEST(OutputFile, HasAFolderAndIsNone) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT(refusal(folder.path() / "missing" / "new.h5", "none"), ::testing::HasSubstr("there is no folder"));
  EXPECT_THAT(refusal(folder.path(), "none"), ::testing::HasSubstr("expected the name of a file"));
  EXPECT_EQ(refusal("new.h5", "none"), "");
}

}  // namespace
}  // namespace phasegrid::orchestrator
