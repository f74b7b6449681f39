// PIECEWISE CONSTANT: the inner product with a function that jumps (after arXiv 2506.11891: which functions can the memory of a
// layer hold?).
//
//   f on [0, 1): m = `jumps` jumps at independent uniform places, normal levels between them; fixed for a seed
//   x_1 .. x_T independent, normal with deviation 1
//   target at T:  <x, f>/T = 1/T sum_t x_t f((t - 1)/T)                       (1)
//
// The sequence's length may change while f stays: a longer test sequence is a finer grid. Ceiling: R2 = 1, mean squared
// error 0. Targets are of the order of 1/sqrt(T).
//
// jumps = 1 at 0.6, levels 2 and -1, T = 4.  '.' marks positions that carry no loss.
//
//   inputs    1.00  -0.50   3.00   0.25
//   f            2      2      2     -1
//   targets      .      .      .   1.69
#include <algorithm>
#include <vector>

#include "tasks/real_task.hpp"

namespace phasegrid::tasks {
namespace {

class PiecewiseConstant final : public RealTask {
 public:
  explicit PiecewiseConstant(const Options& options)
      : RealTask(options.integer("T"), 1), jumps_(options.integer("jumps")) {}

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<double> jump;
    kernels::Random function = fixed(random);
    jump.resize(jumps_);
    for (double& place : jump) place = function.uniform();
    std::sort(jump.begin(), jump.end());
    double sum = 0, level = function.normal();
    std::size_t next_jump = 0;
    const std::span<float> x = next(batch);
    for (int t = 0; t < T_; ++t) {
      for (; next_jump < jump.size() && jump[next_jump] * T_ <= t; ++next_jump) level = function.normal();
      x[t] = static_cast<float>(random.normal());
      sum += x[t] * level;  // (1)
    }
    const auto target = static_cast<float>(sum / T_);
    answer(batch, {&target, 1});
  }

 private:
  int jumps_;
};

std::string fits(const Options& options) {
  if (options.integer("jumps") >= options.integer("T")) {
    return "jumps: the grid tells at most T - 1 jumps apart, jumps < T, but " + say(options, "jumps") + " and " +
           say(options, "T");
  }
  return "";
}

}  // namespace

TaskEntry piecewise_constant() {
  return {
      .name = "piecewise_constant",
      .help = "the inner product of the sequence with a fixed function that jumps",
      .options = {{"jumps", OptionKey::integer, "4", 0, 1 << 16, {}, "jumps of the function"}, key_T("64")},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<PiecewiseConstant>(options); },
      .real = always_real,
  };
}

}  // namespace phasegrid::tasks
