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
#include "tasks/piecewise_constant.hpp"

#include <algorithm>

#include "tasks/real_task.hpp"

namespace phasegrid::tasks {

std::vector<double> StepFunction::on_grid(int T) const {
  std::vector<double> f(static_cast<std::size_t>(T));
  std::size_t piece = 0;
  for (int t = 0; t < T; ++t) {
    while (piece < jump.size() && jump[piece] * T <= t) ++piece;
    f[static_cast<std::size_t>(t)] = level[piece];
  }
  return f;
}

StepFunction draw_step_function(kernels::Random random, int jumps) {
  StepFunction f;
  for (int j = 0; j < jumps; ++j) f.jump.push_back(random.uniform());
  std::sort(f.jump.begin(), f.jump.end());
  for (int j = 0; j <= jumps; ++j) f.level.push_back(random.normal());
  return f;
}

StepFunction step_function(std::uint64_t data_key, int jumps) {
  return draw_step_function({data_key, static_cast<std::uint32_t>(Stream::target), 0}, jumps);
}

namespace {

class PiecewiseConstant final : public RealTask {
 public:
  explicit PiecewiseConstant(const Options& options)
      : RealTask(options.integer("T"), 1), jumps_(options.integer("jumps")) {}

  void draw(kernels::Random& random, Batch& batch) const override {
    const std::vector<double> f = draw_step_function(fixed(random), jumps_).on_grid(T_);
    double sum = 0;
    const std::span<float> x = next(batch);
    for (int t = 0; t < T_; ++t) {
      x[t] = static_cast<float>(random.normal());
      sum += x[t] * f[t];  // (1)
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
