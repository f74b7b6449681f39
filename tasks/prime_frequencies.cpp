// PRIME FREQUENCIES: how loud is each tone? (arXiv 2505.09022, section 3; the grid and the law of g are ours)
//
//   p_1, p_2 .. the primes 2, 3, 5 ..;  g_1 .. g_k independent, normal with deviation 1, k = `frequencies`
//   u_t = sum_i g_i cos(p_i s_t),  s_t = 2 pi (t - 1) / T, t = 1 .. T         (1)
//   targets at T:  g_1 .. g_k
//
// Needs 2 p_k < T: then the tones are orthogonal on the grid, g_i = 2/T sum_t u_t cos(p_i s_t), and the ceiling is R2 = 1. With fewer
// points two of them would sound alike.
//
// frequencies = 2, T = 8, g = (1, 0.5).  '.' marks positions that carry no loss.
//
//   inputs    1.50  -0.35  -1.00   0.35   0.50   0.35  -1.00  -0.35
//   targets      .      .      .      .      .      .      .   1.00
//                                                               0.50
#include <cmath>
#include <vector>

#include "tasks/real_task.hpp"

namespace phasegrid::tasks {
namespace {

std::vector<int> first_primes(int count) {
  std::vector<int> primes;
  for (int n = 2; static_cast<int>(primes.size()) < count; ++n) {
    bool prime = true;
    for (const int p : primes) prime &= n % p != 0;
    if (prime) primes.push_back(n);
  }
  return primes;
}

class PrimeFrequencies final : public RealTask {
 public:
  explicit PrimeFrequencies(const Options& options)
      : RealTask(options.integer("T"), options.integer("frequencies")), tones_(static_cast<std::size_t>(T_) * outputs_) {
    const std::vector<int> primes = first_primes(outputs_);
    for (int t = 0; t < T_; ++t)
      for (int i = 0; i < outputs_; ++i) {
        const auto turn = static_cast<double>(static_cast<std::int64_t>(primes[i]) * t % T_) / T_;  // of a full circle
        tones_[static_cast<std::size_t>(t) * outputs_ + i] = std::cos(6.283185307179586 * turn);
      }
  }

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<float> g;
    g.resize(outputs_);
    for (float& each : g) each = static_cast<float>(random.normal());
    const std::span<float> u = next(batch);
    for (int t = 0; t < T_; ++t) {
      double sum = 0;
      for (int i = 0; i < outputs_; ++i) sum += g[i] * tones_[static_cast<std::size_t>(t) * outputs_ + i];  // (1)
      u[t] = static_cast<float>(sum);
    }
    answer(batch, g);
  }

 private:
  std::vector<double> tones_;  // [T][k]
};

std::string fits(const Options& options) {
  const int largest = first_primes(static_cast<int>(options.integer("frequencies"))).back();
  if (2 * largest < options.integer("T")) return "";
  return "T: tones sound alike on a grid that is too coarse, 2 * " + std::to_string(largest) +
         " < T for the largest of these primes, but " + say(options, "frequencies") + " and " + say(options, "T");
}

}  // namespace

TaskEntry prime_frequencies() {
  return {
      .name = "prime_frequencies",
      .help = "say how loud each of the tones with prime frequencies is",
      .options = {{"frequencies", OptionKey::integer, "10", 1, 256, {}, "tones: the first so many primes"}, key_T("64")},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<PrimeFrequencies>(options); },
      .real = always_real,
  };
}

}  // namespace phasegrid::tasks
