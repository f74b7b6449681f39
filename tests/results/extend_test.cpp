// A folder whose sweep grows: results keep their cells' settings, whatever their numbers become.
#include <gmock/gmock.h>

#include <set>

#include "results/history.hpp"
#include "results/run_folder.hpp"
#include "tests/results/sample_results.hpp"
#include "tests/results/small_sweep.hpp"
#include "tests/results/temporary_folder.hpp"

namespace phasegrid::results {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::message_of;
using testing::sample_result;
using testing::TemporaryFolder;

const Provenance kHere{1, "cpu-avx2", "abc123", "GCC 12", "Open MPI 4.1.4", "host-a", "", "small.toml"};

sweeps::Grid grid(const std::string& axes, const std::string& seeds = "2", const std::string& model = "") {
  return testing::grid_of("[sweep]\nname = \"small\"\nseeds = " + seeds + "\n[task]\nname = \"mqar\"\nnu = 8\n[model]\n" +
                          model + "\n[axes]\n" + axes);
}
const sweeps::Grid& before() {
  static const sweeps::Grid grid_before = grid("d = [4, 8]\nkappa = [2, 4]\nN = [\"kappa\"]\n");
  return grid_before;
}

// Every cell of the first sweep gets a result that tells its label.
std::map<std::string, double> fill(const std::filesystem::path& folder, const sweeps::Grid& grid) {
  RunFolder open = RunFolder::open(folder, grid, kHere);
  std::map<std::string, double> accuracy;
  for (std::uint64_t cell = 0; cell < grid.size(); ++cell) {
    open.started(cell, 1, "slot 0");
    sweeps::CellResult result = sample_result(cell);
    open.finished(result, 1, "slot 0");
    accuracy[grid.label(cell)] = result.accuracy;
  }
  open.flush();
  return accuracy;
}

void expect_kept(const RunState& state, const sweeps::Grid& now, const std::map<std::string, double>& accuracy) {
  EXPECT_THAT(state.warnings, IsEmpty());
  ASSERT_EQ(state.results.size(), accuracy.size());
  for (const auto& [cell, result] : state.results) {
    EXPECT_EQ(result.index, cell);
    const std::string label = now.label(cell);
    ASSERT_TRUE(accuracy.contains(label)) << label;
    EXPECT_EQ(result.accuracy, accuracy.at(label)) << label;
  }
  for (const Attempt& attempt : state.attempts) EXPECT_TRUE(state.results.contains(attempt.cell));
}

TEST(Extend, KeepsResultsAtTheirNewPlaces) {
  for (const sweeps::Grid& now : {grid("d = [4, 8, 16]\nkappa = [2, 4]\nN = [\"kappa\"]\n"),
                                  grid("d = [2, 4, 6, 8]\nkappa = [1, 4, 2]\nN = [\"kappa\"]\n", "3")}) {
    const TemporaryFolder scratch;
    const auto accuracy = fill(scratch / "out", before());
    {
      RunFolder folder = RunFolder::open(scratch / "out", now, kHere);
      expect_kept(folder.state(), now, accuracy);
      folder.write_results();
    }
    expect_kept(read_run(scratch / "out"), now, accuracy);
  }
}

TEST(Extend, ASettingThatWasFixedMayBecomeAnAxis) {
  const TemporaryFolder scratch;
  fill(scratch / "out", before());
  const sweeps::Grid now = grid("gate = [false, true]\nd = [4, 8]\nkappa = [2, 4]\nN = [\"kappa\"]\n");
  RunFolder folder = RunFolder::open(scratch / "out", now, kHere);
  ASSERT_EQ(folder.state().results.size(), before().size());
  for (const auto& [cell, result] : folder.state().results) {
    const std::string label = now.label(cell), gate = "gate=true ";
    ASSERT_THAT(label, HasSubstr(gate));
    EXPECT_EQ(result.accuracy, sample_result(before().find(std::string(label).erase(label.find(gate), gate.size()))).accuracy) << label;
  }
}

TEST(Extend, GoesOnThroughSeveralLivesAndSeveralExtensions) {
  const TemporaryFolder scratch;
  auto accuracy = fill(scratch / "out", before());
  const sweeps::Grid larger = grid("d = [2, 4, 8]\nkappa = [2, 4]\nN = [\"kappa\"]\n");
  const sweeps::Grid largest = grid("d = [2, 4, 8]\nkappa = [2, 3, 4]\nN = [\"kappa\"]\n");
  for (const sweeps::Grid& now : {larger, larger, largest, largest}) {
    RunFolder folder = RunFolder::open(scratch / "out", now, kHere);
    expect_kept(folder.state(), now, accuracy);
    for (std::uint64_t cell = 0; cell < now.size(); ++cell) {
      if (folder.state().results.contains(cell)) continue;
      sweeps::CellResult result = sample_result(cell);
      result.accuracy += 10;
      folder.finished(result, 1, "slot 0");
      accuracy[now.label(cell)] = result.accuracy;
      break;
    }
    folder.flush();
  }
  expect_kept(read_run(scratch / "out"), largest, accuracy);
}

TEST(Extend, RefusesChangedSettingsAndLostValuesAndSaysWhich) {
  const TemporaryFolder scratch;
  fill(scratch / "out", before());
  const auto refusal = [&](const sweeps::Grid& now) {
    return message_of<RunError>([&] { RunFolder::open(scratch / "out", now, kHere); });
  };
  EXPECT_THAT(refusal(grid("d = [4, 16]\nkappa = [2, 4]\nN = [\"kappa\"]\n")),
              AllOf(HasSubstr("axes.d: 8 was there before and is missing now"), HasSubstr("folder: axis d = 4 8"),
                    HasSubstr("now:    axis d = 4 16")));
  EXPECT_THAT(refusal(grid("d = [4, 8, 16]\nkappa = [2, 4]\nN = [\"kappa\"]\n", "2", "gate = false")),
              AllOf(HasSubstr("gate was true and is false now"), HasSubstr("now:    gate = false")));
  EXPECT_THAT(refusal(grid("d = [4, 8]\nkappa = [2, 4]\nN = [8]\n")), HasSubstr("N followed other axes before"));
  EXPECT_THAT(refusal(grid("d = [4, 8]\nkappa = [2, 4]\nN = [\"kappa\"]\n", "1")), HasSubstr("axes.seed: 1"));
  EXPECT_EQ(refusal(before()), "") << "a refusal must leave nothing that blocks the right sweep";
  EXPECT_THAT(read_run(scratch / "out").warnings, IsEmpty());
}

TEST(Extend, ALostDescriptionNeverPutsAResultToAWrongCell) {
  const TemporaryFolder scratch;
  const auto accuracy = fill(scratch / "out", before());
  const sweeps::Grid now = grid("d = [2, 4, 8]\nkappa = [2, 4]\nN = [\"kappa\"]\n");
  {
    RunFolder folder = RunFolder::open(scratch / "out", now, kHere);
    folder.finished(sample_result(0), 1, "slot 0");
    folder.flush();
  }
  std::string journal = testing::read_bytes(scratch / "out/journal.2.jsonl");
  journal[40] ^= 1;  // in the run line
  testing::write_bytes(scratch / "out/journal.2.jsonl", journal);
  const RunState state = read_run(scratch / "out");
  EXPECT_EQ(state.results.size(), accuracy.size());
  EXPECT_THAT(state.warnings, ::testing::Contains(HasSubstr("of a sweep that is not described")));
  RunFolder folder = RunFolder::open(scratch / "out", now, kHere);
  ASSERT_EQ(folder.state().results.size(), accuracy.size()) << "the new cell counts as missing, the old ones are kept";
  for (const auto& [cell, result] : folder.state().results) EXPECT_EQ(result.accuracy, accuracy.at(now.label(cell)));
}

}  // namespace
}  // namespace phasegrid::results
