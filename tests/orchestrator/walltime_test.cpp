#include "orchestrator/walltime.hpp"

#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sweeps/error.hpp"

namespace phasegrid::orchestrator {
namespace {

TEST(Deadline, IsSecondsFromNowOrAMomentInUtc) {
  EXPECT_EQ(parse_deadline("+90", 1000), 90);
  EXPECT_EQ(parse_deadline("+0.5", 1000), 0.5);
  EXPECT_EQ(parse_deadline("1970-01-01T01:00:00Z", 1000), 2600);
  EXPECT_EQ(parse_deadline("1970-01-01T00:00:00Z", 1000), -1000) << "a moment that has passed is one: nothing is started";
}

TEST(Deadline, RefusesEverythingElseWithWhatIsExpected) {
  for (const char* text : {"", "90", "+", "+x", "+-1", "+1h", "+inf", "tomorrow", "1970-01-01", "1970-01-01T01:00:00+01"}) {
    try {
      parse_deadline(text, 0);
      ADD_FAILURE() << "\"" << text << "\" was taken for a deadline";
    } catch (const sweeps::SweepError& error) {
      EXPECT_NE(std::string(error.what()).find("expected +SECONDS"), std::string::npos) << error.what();
    }
  }
}

TEST(SlurmTime, ReadsEveryFormThatSqueuePrints) {
  EXPECT_EQ(parse_slurm_time("0:07"), 7);
  EXPECT_EQ(parse_slurm_time("59:59"), 3599);
  EXPECT_EQ(parse_slurm_time("1:00:00"), 3600);
  EXPECT_EQ(parse_slurm_time("23:59:59"), 86399);
  EXPECT_EQ(parse_slurm_time("2-03:04:05"), 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
}

TEST(SlurmTime, HasNoValueForWordsAndRubbish) {
  for (const char* text : {"", "UNLIMITED", "NOT_SET", "INVALID", "Partition_Limit", "12", "1-2:3", "-1:00", "1:2:3:4", "a:b"})
    EXPECT_EQ(parse_slurm_time(text), std::nullopt) << text;
}

TEST(SlurmTime, IsTheLimitLessTheRunTimeOfScontrol) {
  EXPECT_EQ(parse_scontrol("JobId=7 JobName=x RunTime=00:10:00 TimeLimit=1-00:00:00 TimeMin=N/A"), 86400 - 600);
  EXPECT_EQ(parse_scontrol("JobId=7 RunTime=00:10:00 TimeLimit=UNLIMITED"), std::nullopt);
  EXPECT_EQ(parse_scontrol(""), std::nullopt);
}

// A Slurm job's environment with commands of our own in front of PATH.
class SlurmJob : public testing::Test {
 protected:
  SlurmJob() : folder_(testing::TempDir() + "slurm_job_" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_);
    path_ = std::getenv("PATH");
    setenv("PATH", (folder_ + ":" + path_).c_str(), 1);
    setenv("SLURM_JOB_ID", "4711", 1);
    unsetenv("SLURM_JOB_END_TIME");
    command("squeue", "exit 1");
    command("scontrol", "exit 1");
  }
  ~SlurmJob() override {
    setenv("PATH", path_.c_str(), 1);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_JOB_END_TIME");
    unsetenv("SLURM_JOB_START_TIME");
    std::filesystem::remove_all(folder_);
  }
  void command(const std::string& name, const std::string& does) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << does << "\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

 private:
  std::string folder_, path_;
};

TEST_F(SlurmJob, EndsWhenItsVariableSays) {
  setenv("SLURM_JOB_END_TIME", std::to_string(time(nullptr) + 5000).c_str(), 1);
  const auto deadline = slurm_deadline();
  ASSERT_TRUE(deadline);
  EXPECT_NEAR(deadline->seconds, 5000, 10);
  EXPECT_EQ(deadline->source, "the time limit of Slurm job 4711, by SLURM_JOB_END_TIME");
}

TEST_F(SlurmJob, IsAskedAboutWhereOurClockDoesNotAgreeWithItsVariables) {
  command("squeue", "echo 30:00");
  const auto at = [](long seconds) { return std::to_string(time(nullptr) + seconds); };
  setenv("SLURM_JOB_END_TIME", at(-100).c_str(), 1);                 // our clock is ahead
  EXPECT_EQ(slurm_deadline()->seconds, 1800);
  setenv("SLURM_JOB_START_TIME", at(50'000 - 3600).c_str(), 1);      // it is behind: an hour was given, 50 000 s seem to be left
  setenv("SLURM_JOB_END_TIME", at(50'000).c_str(), 1);
  EXPECT_EQ(slurm_deadline()->seconds, 1800);
  setenv("SLURM_JOB_START_TIME", at(-1000).c_str(), 1);
  setenv("SLURM_JOB_END_TIME", at(2600).c_str(), 1);
  EXPECT_NEAR(slurm_deadline()->seconds, 2600, 10);
}

TEST_F(SlurmJob, IsAskedAboutWhereTheVariableMayBeOldOrIsMissing) {
  command("squeue", "[ \"$*\" = '-h -j 4711 -o %L' ] && echo 1:00:01");
  EXPECT_EQ(slurm_deadline()->seconds, 3601);
  setenv("SLURM_JOB_END_TIME", "1", 1);
  EXPECT_EQ(slurm_deadline(Ask::controller_only)->seconds, 3601);
}

TEST_F(SlurmJob, IsAskedAboutByScontrolWhereSqueueFails) {
  command("scontrol", "[ \"$*\" = '-o show job 4711' ] && echo JobId=4711 RunTime=00:00:30 TimeLimit=00:02:00");
  const auto deadline = slurm_deadline();
  ASSERT_TRUE(deadline);
  EXPECT_EQ(deadline->seconds, 90);
  EXPECT_EQ(deadline->source, "the time limit of Slurm job 4711, by scontrol");
}

TEST_F(SlurmJob, HasNoDeadlineWhereItIsUnlimitedOrNobodyAnswers) {
  EXPECT_FALSE(slurm_deadline());
  command("squeue", "echo UNLIMITED");
  EXPECT_FALSE(slurm_deadline());
}

TEST_F(SlurmJob, IsOnlyAJobWithANumber) {
  command("squeue", "echo 1:00");
  setenv("SLURM_JOB_ID", "1; echo", 1);
  EXPECT_FALSE(slurm_deadline());
  unsetenv("SLURM_JOB_ID");
  EXPECT_FALSE(slurm_deadline());
}

}  // namespace
}  // namespace phasegrid::orchestrator
