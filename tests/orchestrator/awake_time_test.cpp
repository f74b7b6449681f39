#include "orchestrator/awake_time.hpp"

#include <gmock/gmock.h>

namespace phasegrid::orchestrator {
namespace {

TEST(AwakeTime, PassesAsTheClockDoes) {
  double clock = 1000;
  AwakeTime awake([&] { return clock; });
  const double start = awake();
  for (int i = 0; i < 10; ++i) clock += 0.5, awake();
  EXPECT_DOUBLE_EQ(awake() - start, 5);
  EXPECT_EQ(awake.take_gaps(), 0);
}

TEST(AwakeTime, DoesNotPassWhileTheProcessIsStopped) {
  double clock = 0;
  AwakeTime awake([&] { return clock; });
  clock += 1;
  EXPECT_DOUBLE_EQ(awake(), 1);
  clock += 3600;
  EXPECT_DOUBLE_EQ(awake(), 1);
  clock += 1;
  EXPECT_DOUBLE_EQ(awake(), 2);
  EXPECT_DOUBLE_EQ(awake.take_gaps(), 3600);
  EXPECT_EQ(awake.take_gaps(), 0) << "told once";
}

TEST(AwakeTime, StandsStillWhileTheClockIsSetBackAndGoesOnFromThere) {
  double clock = 1e6;
  AwakeTime awake([&] { return clock; });
  clock = 10;
  EXPECT_EQ(awake(), 1e6);
  clock = 12;
  EXPECT_DOUBLE_EQ(awake(), 1e6 + 2);
}

}  // namespace
}  // namespace phasegrid::orchestrator
