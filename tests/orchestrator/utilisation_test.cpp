#include "orchestrator/utilisation.hpp"

#include <gmock/gmock.h>

namespace phasegrid::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Utilisation, AddsUpWhatEverySlotDoesByCause) {
  Utilisation u;
  u.set({0, 0}, Doing::starting, 0);
  u.set({0, 0}, Doing::busy, 1);
  u.set({0, 0}, Doing::busy, 3);  // the next cells
  u.set({0, 0}, Doing::no_work, 7);
  u.set({1, 0}, Doing::busy, 2);
  u.leave({1, 0}, 5);  // its rank is lost
  EXPECT_THAT(u.seconds(10), ElementsAre(6 + 3, 1, 3, 0, 0, 0, 0));
}

TEST(Utilisation, CountsBusyTimeBeyondTheCellsOwnAsOverhead) {
  Utilisation u;
  u.set({0, 0}, Doing::busy, 0);
  u.result(0.9), u.result(1.0);
  EXPECT_NEAR(u.overhead_per_cell(2), 0.05, 1e-12);
  u.set({0, 0}, Doing::no_work, 2);
  EXPECT_THAT(u.text(4), HasSubstr("busy 50.0 %, no cells left 50.0 % of 4 s in 1 slot; overhead 50 ms per cell"));
}

}  // namespace
}  // namespace phasegrid::orchestrator
