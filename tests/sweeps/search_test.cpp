#include <gmock/gmock.h>

#include "sweeps/drawn_cells.hpp"
#include "tests/sweeps/fake_schema.hpp"

namespace phasegrid::sweeps {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;

std::string boundary(const std::string& more = "") {
  return "[search]\nmode = \"boundary\"\naxis = \"d\"\n" + more;
}

std::vector<std::int64_t> values(const Grid& grid, std::size_t axis) {
  std::vector<std::int64_t> all;
  for (const auto& point : grid.axes()[axis].values) all.push_back(std::get<std::int64_t>(point[0]));
  return all;
}

TEST(Search, OffersIntegersBetweenTheListedOnes) {
  const Grid grid = recall("d = [4, 8, 12]", "", "", boundary());
  EXPECT_THAT(values(grid, 0), ElementsAre(4, 8, 12, 5, 6, 7, 9, 10, 11));
  EXPECT_EQ(grid.axes()[0].listed(), 3u);
  EXPECT_THAT(values(recall("d = [4, 8, 12]", "", "", boundary("between = false")), 0), ElementsAre(4, 8, 12));
  EXPECT_THAT(values(recall("d = [4, 8, 12]", ""), 0), ElementsAre(4, 8, 12)) << "a grid has what it lists";
}

TEST(Search, OffersSixteenIntegersToTheOctaveAtMost) {
  const Grid grid = recall("d = [64, 128, 256]", "", "", boundary());
  EXPECT_EQ(grid.axes()[0].size(), 33u);
  const Grid wider = recall("d = [32, 64, 128, 256, 512]", "", "", boundary());
  EXPECT_THAT(values(wider, 0), IsSupersetOf(values(grid, 0))) << "a sweep can be extended";
}

TEST(Search, NamesOfListedCellsLeadToTheirPlacesAmongTheListed) {
  const Grid grid = recall("d = [4, 8, 12]\nkappa = [2, 4]", "", "", boundary()), listed = grid.listed();
  EXPECT_EQ(listed.size(), 6u);
  EXPECT_EQ(listed.hash(), grid.hash());
  for (std::uint64_t cell = 0; cell < listed.size(); ++cell)
    EXPECT_EQ(grid.to_listed(grid.find([&] {
      std::string name = listed.label(cell);
      return name;
    }())), cell);
  EXPECT_EQ(grid.to_listed(grid.find("d=9,kappa=4")), std::nullopt);
}

TEST(Search, ASearchedAxisOfNumbersThatAreNoIntegersKeepsToItsValues) {
  const Grid grid = recall("learning_rate = [1e-3, 1e-2]", "d = 4", "",
                           "[search]\nmode = \"boundary\"\naxis = \"learning_rate\"");
  EXPECT_EQ(grid.axes()[0].size(), 2u);
}

TEST(Search, DrawsPossibleCellsAndKeepsThemWhenMoreAreAskedFor) {
  const auto drawn = [](int n, int seed) {
    return drawn_cells(recall("d = [4, 8, 16]\nT = [3, 4, 6, 8]", "", "",
                              "[search]\nmode = \"random\"\nn = " + std::to_string(n) +
                                  "\nseed = " + std::to_string(seed)));
  };
  EXPECT_EQ(drawn(4, 0).size(), 4u);
  EXPECT_EQ(drawn(4, 0), drawn(4, 0));
  EXPECT_NE(drawn(4, 0), drawn(4, 1));
  EXPECT_THAT(drawn(6, 0), IsSupersetOf(drawn(4, 0)));
  EXPECT_EQ(drawn(100, 0).size(), 9u) << "an odd T is impossible";
}

}  // namespace
}  // namespace phasegrid::sweeps
