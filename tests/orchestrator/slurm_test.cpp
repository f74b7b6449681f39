// What the printed script says. What it does is tested under a real Slurm: tests/slurm.
#include "orchestrator/slurm.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace phasegrid::orchestrator {
namespace {

using testing::HasSubstr;
using testing::Not;

SlurmJob job() {
  return {.program = "/opt/phasegrid", .sweep = "/home/me/a.toml", .directory = "/scratch/out", .name = "capacity", .nodes = 4, .time = "12:00:00"};
}

TEST(SlurmScript, TakesTheTimesThatSbatchTakes) {
  for (const char* text : {"30", "90:00", "12:00:00", "2-12", "2-12:30", "2-12:30:00"}) EXPECT_TRUE(is_slurm_time(text)) << text;
  for (const char* text : {"", "1h", "-5", "12:00:00:00", "2-", "1-2-3", "12:00\n#SBATCH"}) EXPECT_FALSE(is_slurm_time(text)) << text;
}

TEST(SlurmScript, AsksForOneTaskOnEachNodeAndForItsGpus) {
  SlurmJob gpus = job();
  gpus.gpus_per_node = 8;
  const std::string script = slurm_script(gpus);
  EXPECT_THAT(script, HasSubstr("#SBATCH --nodes=4\n"));
  EXPECT_THAT(script, HasSubstr("#SBATCH --ntasks-per-node=1 "));
  EXPECT_THAT(script, HasSubstr("#SBATCH --gpus-per-node=8\n#SBATCH --cpus-per-task=16\n"));
  EXPECT_THAT(script, Not(HasSubstr("exclusive")));
  EXPECT_THAT(slurm_script(job()), HasSubstr("#SBATCH --exclusive\n")) << "without GPUs, and no cores said: whole nodes";
}

TEST(SlurmScript, GivesEachShardItsFolder) {
  SlurmJob shards = job();
  shards.shards = 16;
  EXPECT_THAT(slurm_script(shards), HasSubstr("#SBATCH --array=1-16\n"));
  EXPECT_THAT(slurm_script(shards), HasSubstr("out=$all.shard-$SLURM_ARRAY_TASK_ID\n"));
  EXPECT_THAT(slurm_script(job()), Not(HasSubstr("--array=1")));
}

TEST(SlurmScript, IsReadByTheShellWhateverThePaths) {
  SlurmJob odd = job();
  odd.directory = "/scratch/it's here $HOME";
  for (const int shards : {1, 4}) {
    for (const char* launcher : {"mpirun", "srun"}) {
      odd.shards = shards;
      odd.launcher = launcher;
      const std::string path = testing::TempDir() + "slurm_script.sh", out = path + ".out";
      const std::string script = slurm_script(odd);
      std::ofstream(path) << script;
      EXPECT_EQ(std::system(("bash -n " + path).c_str()), 0) << script;
      std::ofstream(path) << script.substr(0, script.find("\nexport SRUN")) << "\nprintf %s \"${all:-$out}\"\n";
      ASSERT_EQ(std::system(("SLURM_ARRAY_TASK_ID=1 SLURM_JOB_NUM_NODES=4 bash -u " + path + " > " + out).c_str()), 0);
      std::string said;
      std::getline(std::ifstream(out), said);
      EXPECT_EQ(said, odd.directory);
    }
  }
}

}  // namespace
}  // namespace phasegrid::orchestrator
