#include "worker/models/constructions/partition.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sweeps/bounds.hpp"
#include "tasks/piecewise_constant.hpp"

namespace phasegrid::worker {
namespace {

double value(const Wavelet& w, int t) {
  return t < w.begin || t >= w.end ? 0 : t < w.middle ? w.first : w.second;
}
double distance(const std::vector<double>& f, const std::vector<double>& g) {
  double square = 0;
  for (std::size_t t = 0; t < f.size(); ++t) square += (f[t] - g[t]) * (f[t] - g[t]);
  return square;
}
std::vector<double> of_pieces(const Partition& p, std::size_t T) {
  std::vector<double> g(T);
  for (const Piece& piece : p.pieces) std::fill(g.begin() + piece.begin, g.begin() + piece.end, piece.mean);
  return g;
}
std::vector<double> of_wavelets(const Partition& p, std::size_t T) {
  std::vector<double> g(T, p.mean);
  for (const Wavelet& w : p.wavelets)
    for (std::size_t t = 0; t < T; ++t) g[t] += w.coefficient * value(w, static_cast<int>(t));
  return g;
}
std::vector<double> of_modes(const std::vector<Mode>& modes, std::size_t T) {
  std::vector<double> g(T);
  for (const Mode& mode : modes)
    for (std::size_t t = 0; t < T; ++t)
      g[t] += mode.weight * (mode.amplitude * std::polar(1.0, 2 * M_PI * mode.frequency * static_cast<double>(t) / static_cast<double>(T))).real();
  return g;
}

TEST(Pieces, AreTheBestCombinationOfOrthonormalWavelets) {
  for (const int T : {16, 37, 100})
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const auto f = tasks::step_function(seed, 3).on_grid(T);
      for (const std::int64_t pieces : {1, 2, 5, 9}) {
        const Partition p = best_pieces(f, pieces);
        ASSERT_EQ(p.pieces.size(), p.wavelets.size() + 1);
        EXPECT_LE(static_cast<std::int64_t>(p.pieces.size()), pieces);
        EXPECT_EQ(p.pieces.front().begin, 0);
        EXPECT_EQ(p.pieces.back().end, T);
        for (std::size_t i = 1; i < p.pieces.size(); ++i) EXPECT_EQ(p.pieces[i].begin, p.pieces[i - 1].end);
        EXPECT_LT(distance(of_pieces(p, f.size()), of_wavelets(p, f.size())), 1e-20);
        for (const Wavelet& a : p.wavelets) {
          double sum = 0;
          for (int t = 0; t < T; ++t) sum += value(a, t);
          EXPECT_NEAR(sum, 0, 1e-12);
          for (const Wavelet& b : p.wavelets) {
            double inner = 0;
            for (int t = 0; t < T; ++t) inner += value(a, t) * value(b, t);
            EXPECT_NEAR(inner, &a == &b ? 1 : 0, 1e-12);
          }
        }
      }
    }
}

TEST(Pieces, AreExactFromTheNumberOnThatTheoryNames) {
  int reached = 0;
  for (const int T : {8, 31, 64, 100})
    for (const int jumps : {1, 2, 5})
      for (std::uint64_t seed = 0; seed < 50; ++seed) {
        const auto f = tasks::step_function(seed, jumps).on_grid(T);
        const std::int64_t enough = sweeps::most_pieces(jumps, T);
        const Partition p = best_pieces(f, enough);
        EXPECT_LT(distance(of_pieces(p, f.size()), f), 1e-20) << T << " " << jumps << " " << seed;
        reached += static_cast<std::int64_t>(p.pieces.size()) == enough;
      }
  EXPECT_GT(reached, 20) << "the number is not far too large";
}

TEST(Pieces, OfAConstantAreOne) {
  const Partition p = best_pieces(std::vector<double>(10, 0.3), 7);
  EXPECT_EQ(p.pieces.size(), 1u);
  EXPECT_DOUBLE_EQ(p.mean, 0.3);
}

TEST(Modes, AreTheLargestTermsOfTheFourierSeries) {
  for (const int T : {9, 16}) {
    const auto f = tasks::step_function(3, 2).on_grid(T);
    EXPECT_LT(distance(of_modes(best_modes(f, T), f.size()), f), 1e-20);
    double before = distance(std::vector<double>(f.size()), f), gain = HUGE_VAL;
    for (std::int64_t n = 1; n <= T / 2 + 1; ++n) {
      const double error = distance(of_modes(best_modes(f, n), f.size()), f);
      EXPECT_LE(before - error, gain + 1e-12) << "the most telling first";
      gain = before - error, before = error;
    }
  }
}

}  // namespace
}  // namespace phasegrid::worker
