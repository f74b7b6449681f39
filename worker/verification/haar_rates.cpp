// H3 (docs/theory.md, 3.6, E33): how fast best approximations of a function with m jumps converge, in squared L2.
//
//   f       constant between m jumps at uniform places of [0, 1), levels normal
//   Haar    f_J, the mean on each of 2^J intervals; 3 numbers for every wavelet below level J whose support has a jump
//   Fourier coefficients |k| <= N / 2, from the jumps: c_k = sum_i delta_i e^{-2 pi i k t_i} / (2 pi i k), t_0 = 0 the
//           jump from the last level to the first
//   S4D-Lin least squares in e^{-t/2} cos(pi n t), e^{-t/2} sin(pi n t), n < N / 2, on a grid
//
// Haar errors fall as 2^-J, that is 2^(-N/3m): the others as N^-1.
#include <Eigen/QR>

#include <algorithm>
#include <cmath>
#include <complex>
#include <set>

#include "kernels/random.hpp"
#include "worker/verification/verify.hpp"

namespace phasegrid::worker {
namespace {

constexpr int kFinest = 14, kFirstLevel = 2, kLastLevel = 10, kGrid = 1 << 11;
constexpr int kNumbers[] = {8, 16, 32, 64, 128};
constexpr double kPi = 3.14159265358979323846;

struct Steps {
  std::vector<double> jump, level;  // ascending; one level more than jumps
  double at(double t) const {
    std::size_t i = 0;
    while (i < jump.size() && t >= jump[i]) ++i;
    return level[i];
  }
  double width(std::size_t i) const { return (i < jump.size() ? jump[i] : 1) - (i > 0 ? jump[i - 1] : 0); }
};

Steps draw(kernels::Random& random, int jumps) {
  Steps f;
  for (int i = 0; i < jumps; ++i) f.jump.push_back(random.uniform());
  std::sort(f.jump.begin(), f.jump.end());
  for (int i = 0; i <= jumps; ++i) f.level.push_back(random.normal());
  return f;
}

// Mean squared distance from the means on 2^J intervals: only intervals with a jump inside count. On the finest grid.
double haar_error(const std::vector<double>& f, int J) {
  const std::size_t wide = f.size() >> J;
  double error = 0;
  for (std::size_t begin = 0; begin < f.size(); begin += wide) {
    double sum = 0, square = 0;
    for (std::size_t i = begin; i < begin + wide; ++i) sum += f[i], square += f[i] * f[i];
    error += square - sum * sum / static_cast<double>(wide);
  }
  return std::max(0.0, error / static_cast<double>(f.size()));
}

double fourier_error(const Steps& f, int N) {
  double left = 0, mean = 0;
  for (std::size_t i = 0; i < f.level.size(); ++i)
    left += f.width(i) * f.level[i] * f.level[i], mean += f.width(i) * f.level[i];
  left -= mean * mean;
  for (int k = 1; k <= N / 2; ++k) {
    std::complex<double> sum = f.level.front() - f.level.back();
    for (std::size_t i = 0; i < f.jump.size(); ++i)
      sum += (f.level[i + 1] - f.level[i]) * std::polar(1.0, -2 * kPi * k * f.jump[i]);
    left -= 2 * std::norm(sum / (2 * kPi * k));
  }
  return left;
}

// Mean squared residual of all functions (columns) at once.
double s4d_lin_error(const Eigen::MatrixXd& functions, int N) {
  Eigen::MatrixXd basis(kGrid, N);
  for (int i = 0; i < kGrid; ++i)
    for (int n = 0; n < N / 2; ++n) {
      const double t = (i + 0.5) / kGrid;
      basis(i, n) = std::exp(-t / 2) * std::cos(kPi * n * t),
               basis(i, N / 2 + n) = std::exp(-t / 2) * std::sin(kPi * n * t);
    }
  Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(basis);
  qr.setThreshold(1e-10);
  const Eigen::MatrixXd rotated = qr.householderQ().transpose() * functions;
  return rotated.bottomRows(kGrid - qr.rank()).squaredNorm() /
         (static_cast<double>(kGrid) * static_cast<double>(functions.cols()));
}

double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double mx = 0, my = 0, xy = 0, xx = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    mx += x[i] / static_cast<double>(x.size()), my += y[i] / static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) xy += (x[i] - mx) * (y[i] - my), xx += (x[i] - mx) * (x[i] - mx);
  return xy / xx;
}

}  // namespace

HaarRates haar_rates(int jumps, int functions, std::uint64_t seed) {
  kernels::Random random(seed, 1, kernels::hash_text("haar rates"));
  std::vector<double> levels, numbers, haar(kLastLevel - kFirstLevel + 1), used(haar.size()), log_N,
      fourier(std::size(kNumbers)), lin;
  Eigen::MatrixXd columns(kGrid, functions);
  std::vector<double> fine(std::size_t{1} << kFinest);
  for (int i = 0; i < functions; ++i) {
    const Steps f = draw(random, jumps);
    for (std::size_t t = 0; t < fine.size(); ++t)
      fine[t] = f.at((static_cast<double>(t) + 0.5) / static_cast<double>(fine.size()));
    for (int t = 0; t < kGrid; ++t) columns(t, i) = f.at((t + 0.5) / kGrid);
    for (int J = kFirstLevel; J <= kLastLevel; ++J) {
      haar[J - kFirstLevel] += haar_error(fine, J) / functions;
      for (int j = 0; j < J; ++j) {
        std::set<int> hit;
        for (const double t : f.jump) hit.insert(static_cast<int>(t * (1 << j)));
        used[J - kFirstLevel] += 3.0 * static_cast<double>(hit.size()) / functions;
      }
    }
    for (std::size_t n = 0; n < std::size(kNumbers); ++n) fourier[n] += fourier_error(f, kNumbers[n]) / functions;
  }
  for (int J = kFirstLevel; J <= kLastLevel; ++J)
    levels.push_back(J), numbers.push_back(used[J - kFirstLevel] / (3.0 * jumps)),
        haar[J - kFirstLevel] = std::log2(haar[J - kFirstLevel]);
  for (std::size_t n = 0; n < std::size(kNumbers); ++n)
    log_N.push_back(std::log2(kNumbers[n])), fourier[n] = std::log2(fourier[n]),
                                             lin.push_back(std::log2(s4d_lin_error(columns, kNumbers[n])));
  return {slope(levels, haar), slope(numbers, haar), slope(log_N, fourier), slope(log_N, lin)};
}

}  // namespace phasegrid::worker
