#include "worker/models/constructions/partition.hpp"

#include <algorithm>
#include <cmath>
#include <queue>

namespace phasegrid::worker {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Sums over any interval, and how much f varies there: the squared distance from its mean.
class Sums {
 public:
  explicit Sums(const std::vector<double>& f) : f_(f), sum_(f.size() + 1) {
    for (std::size_t t = 0; t < f.size(); ++t) sum_[t + 1] = sum_[t] + f[t];
  }
  double mean(int begin, int end) const { return (sum_[end] - sum_[begin]) / (end - begin); }
  double variation(int begin, int end) const {
    const auto [least, most] = std::minmax_element(f_.begin() + begin, f_.begin() + end);
    if (*least == *most) return 0;  // exactly: no halving is spent on it
    const double middle = mean(begin, end);
    double square = 0;
    for (int t = begin; t < end; ++t) square += (f_[t] - middle) * (f_[t] - middle);
    return square;
  }

 private:
  const std::vector<double>& f_;
  std::vector<double> sum_;
};

struct Open {
  double variation;
  int begin, end;
  bool operator<(const Open& other) const {
    return variation != other.variation ? variation < other.variation : begin > other.begin;
  }
};

}  // namespace

Partition best_pieces(const std::vector<double>& f, std::int64_t pieces) {
  const Sums sums(f);
  const int T = static_cast<int>(f.size());
  Partition best{{}, {}, sums.mean(0, T)};
  std::priority_queue<Open> open;
  open.push({sums.variation(0, T), 0, T});
  while (open.top().variation > 0 && static_cast<std::int64_t>(open.size()) < pieces) {
    const auto [variation, begin, end] = open.top();
    open.pop();
    const int middle = begin + (end - begin + 1) / 2;
    open.push({sums.variation(begin, middle), begin, middle});
    open.push({sums.variation(middle, end), middle, end});
    const double left = middle - begin, right = end - middle, length = end - begin;
    Wavelet w{begin, middle, end, std::sqrt(right / (left * length)), -std::sqrt(left / (right * length)), 0};
    w.coefficient = w.first * left * sums.mean(begin, middle) + w.second * right * sums.mean(middle, end);
    best.wavelets.push_back(w);
  }
  for (; !open.empty(); open.pop())
    best.pieces.push_back({open.top().begin, open.top().end, sums.mean(open.top().begin, open.top().end)});
  std::ranges::sort(best.pieces, {}, &Piece::begin);
  return best;
}

std::vector<Mode> best_modes(const std::vector<double>& f, std::int64_t modes) {
  const int T = static_cast<int>(f.size());
  std::vector<Mode> all;
  for (int k = 0; k <= T / 2; ++k) {
    Mode mode{k, k == 0 || 2 * k == T ? 1.0 : 2.0, 0};
    for (int t = 0; t < T; ++t)
      mode.amplitude += f[t] * std::polar(1.0, -2 * kPi * (static_cast<std::int64_t>(k) * t % T) / T) / static_cast<double>(T);
    all.push_back(mode);
  }
  const auto power = [](const Mode& mode) { return mode.weight * std::norm(mode.amplitude); };
  std::ranges::stable_sort(all, std::ranges::greater{}, power);
  if (modes < static_cast<std::int64_t>(all.size())) all.resize(static_cast<std::size_t>(modes));
  return all;
}

}  // namespace phasegrid::worker
