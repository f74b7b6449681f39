#include "orchestrator/canary.hpp"

#include <gmock/gmock.h>

namespace phasegrid::orchestrator {
namespace {

using sweeps::Status;

sweeps::CellResult ended(Status status, const std::string& reason = "") {
  sweeps::CellResult result;
  result.status = status;
  result.reason = reason;
  return result;
}

TEST(Canary, DiesWhenTheFirstCellsAllFailInOneWayWhateverTheirNumbers) {
  Canary canary(3);
  for (const char* reason : {"killed by signal 11 at step 7 of 90", "killed by signal 11 at step 12 of 90"}) {
    canary.result(ended(Status::failed, reason));
    EXPECT_FALSE(canary.dead());
  }
  canary.result(ended(Status::failed, "killed by signal 11 at step 3 of 90"));
  EXPECT_TRUE(canary.dead());
  EXPECT_EQ(canary.cells(), 3);
  EXPECT_EQ(canary.reason(), "killed by signal 11 at step 7 of 90");
}

TEST(Canary, LivesOnAfterOneSuccessOrTwoWaysOfFailing) {
  Canary lucky(2), various(2), divergent(2), warned(2), off(0);
  lucky.result(ended(Status::done));
  various.result(ended(Status::failed, "killed by signal 11"));
  various.result(ended(Status::out_of_memory, "killed by signal 9"));
  divergent.result(ended(Status::diverged, "the loss is not a number"));
  warned.saw_success();
  for (Canary* canary : {&lucky, &various, &divergent, &warned, &off}) {
    for (int i = 0; i < 5; ++i) canary->result(ended(Status::failed, "killed by signal 11"));
    EXPECT_FALSE(canary->dead());
  }
}

}  // namespace
}  // namespace phasegrid::orchestrator
