#include "orchestrator/plan.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "worker/schema.hpp"

namespace phasegrid::orchestrator {
namespace {

using testing::HasSubstr;

class Plan : public testing::Test {
 protected:
  Plan() {
    std::filesystem::create_directories(folder_);
    setenv("XDG_CACHE_HOME", folder_.c_str(), 1);
  }
  ~Plan() override { std::filesystem::remove_all(folder_); }

  std::string planned(const std::string& text, bool json, int workers = 2) {
    const std::string path = folder_ / "sweep.toml";
    std::ofstream(path) << text;
    std::ostringstream out;
    EXPECT_EQ(plan({path, workers, json}, out), 0);
    return out.str();
  }

  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) / ("plan_test_" + std::to_string(getpid()));
};

const char* const kSweep =
    "[sweep]\nname = \"capacity\"\nseeds = 5\n[task]\nname = \"mqar\"\nnu = 32\n[axes]\nd = [4, 8]\nkappa = [4, 8, "
    "16]\nT = [32]\n"
    "learning_rate = { values = [1e-3, 1e-2], reduce = \"max\" }\n[model]\nvariant = \"mamba\"\nN = "
    "\"kappa\"\n[train]\nstop_at_accuracy = 0.99\n";

TEST_F(Plan, CountsCellsAndSaysWhySomeCannotRun) {
  const auto json = nlohmann::json::parse(planned(kSweep, true));
  EXPECT_EQ(json["cells"]["total"], 60);
  EXPECT_EQ(json["cells"]["runnable"], 40);
  EXPECT_EQ(json["cells"]["infeasible"], 20);
  ASSERT_EQ(json["cells"]["reasons"].size(), 1u);
  EXPECT_EQ(json["cells"]["reasons"][0]["cells"], 20);
  const std::string reason = json["cells"]["reasons"][0]["reason"];
  EXPECT_THAT(reason, testing::StartsWith("T: "));
  EXPECT_THAT(reason, testing::Not(HasSubstr(", but")));  // the numbers of one cell are left to the example
  EXPECT_EQ(json["cells"]["reasons"][0]["example"], "d=4 T=32 kappa=16 learning_rate=0.001 seed=0");
  EXPECT_EQ(json["follows"]["N"], "kappa");
}

TEST_F(Plan, AddsUpTheTimeOfTheRunnableCells) {
  const auto json = nlohmann::json::parse(planned(kSweep, true, 3));
  const double total = json["core_hours"].get<double>() * 3600, makespan = json["makespan_seconds"],
               longest = json["longest_cell_seconds"];
  EXPECT_GT(total, 0);
  EXPECT_GE(makespan, total / 3 * 0.999);
  EXPECT_LE(makespan, total / 3 + longest);
  EXPECT_EQ(json["workers"], 3);
  EXPECT_TRUE(json["may_stop_early"]);
}

TEST_F(Plan, GivesTheThresholdsOfEveryColumn) {
  const auto json = nlohmann::json::parse(planned(kSweep, true));
  ASSERT_EQ(json["theory"].size(), 2u);  // kappa = 4 and 8; d, the learning rate and the seed make no difference
  EXPECT_EQ(json["theory"][1]["column"], nlohmann::json({{"kappa", 8}}));
  for (const auto& t : json["theory"][1]["thresholds"]) {
    if (t["name"] != "s6_mqar_exact" || t["quantity"] != "d") continue;
    EXPECT_EQ(t["value"], 13);
    return;
  }
  FAIL() << json["theory"].dump(2);
}

TEST_F(Plan, ReadsLikeATable) {
  const std::string text = planned(kSweep, false);
  EXPECT_THAT(text, HasSubstr("  kappa               3  4 8 16\n"));
  EXPECT_THAT(text, HasSubstr("  learning_rate       2  0.001 0.01   (the best counts, chosen on validation)\n"));
  EXPECT_THAT(text, HasSubstr("cells         60: 40 runnable, 20 infeasible\n"));
  EXPECT_THAT(text, HasSubstr("at most "));
  EXPECT_THAT(text, HasSubstr("with 2 workers, longest first\n"));
  EXPECT_THAT(text, HasSubstr("8      s6_mqar_exact"));
}

TEST_F(Plan, GoesThroughAMillionCells) {
  std::string numbers = "1";
  for (int i = 2; i <= 100; ++i) numbers += ", " + std::to_string(i);
  const auto json = nlohmann::json::parse(
      planned("[sweep]\nname = \"many\"\nseeds = 100\n[task]\nname = \"mqar\"\nT = 400\n[axes]\nd = [" + numbers +
                  "]\nkappa = [" + numbers + "]\n[model]\nvariant = \"mamba\"\n",
              true));
  EXPECT_EQ(json["cells"]["total"], 1'000'000);
  EXPECT_EQ(json["cells"]["runnable"], 1'000'000);
  EXPECT_EQ(json["theory"].size(), 100u);
}

TEST_F(Plan, RefusesABrokenSweep) {
  try {
    planned("[sweep]\nname = \"t\"\n[task]\nname = \"mqar\"\n[model]\nvariant = \"mamba\"\nd = 4\nlayer = 2\n", false);
    FAIL() << "was accepted";
  } catch (const sweeps::SweepError& error) {
    EXPECT_THAT(error.what(), HasSubstr("sweep.toml:8:1: model.layer: unknown key, did you mean \"layers\"?"));
  }
}

// Every sweep of the library: plan answers, and it begins with the question it asks.
TEST_F(Plan, AnswersForEverySweepOfTheLibrary) {
  int sweeps = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PHASEGRID_SOURCE_DIR "/sweeps")) {
    if (entry.path().extension() != ".toml") continue;
    std::ostringstream out;
    EXPECT_EQ(plan({entry.path(), 2, false}, out), 0);
    const bool odd_states = entry.path().filename() == "constructed.toml";   // among them complex ones, which come in pairs
    EXPECT_THAT(out.str(), HasSubstr(odd_states ? " 36 infeasible\n" : " 0 infeasible\n")) << entry.path();
    std::string line;
    std::getline(std::ifstream(entry.path()), line);
    EXPECT_THAT(line, testing::MatchesRegex("# .*[?]")) << entry.path();
    ++sweeps;
  }
  EXPECT_GE(sweeps, 3);
}

}  // namespace
}  // namespace phasegrid::orchestrator
