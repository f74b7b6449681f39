// ABSOLUTE VALUE: how large was the first number? (arXiv 2505.09022, section 4; the law of the inputs is our reading of it)
//
//   u_1 .. u_(T-1) independent, normal with deviation sigma1;  u_T normal with deviation sigma2
//   target at T:  G(u) = |u_1|                                                (1)
//
// The first number has to be kept through the whole sequence, and no linear map of it gives its size. Ceiling: R2 = 1.
// The mean squared error of saying the mean is sigma1^2 (1 - 2/pi).
//
// T = 4.  '.' marks positions that carry no loss.
//
//   inputs   -1.25   0.50   2.00   0.75
//   targets      .      .      .   1.25
#include <cmath>

#include "tasks/real_task.hpp"

namespace phasegrid::tasks {
namespace {

class AbsoluteValue final : public RealTask {
 public:
  explicit AbsoluteValue(const Options& options)
      : RealTask(options.integer("T"), 1), first_(options.real("sigma1")), last_(options.real("sigma2")) {}

  void draw(kernels::Random& random, Batch& batch) const override {
    const std::span<float> u = next(batch);
    for (int t = 0; t < T_; ++t) u[t] = static_cast<float>((t + 1 < T_ ? first_ : last_) * random.normal());
    const float target = std::fabs(u[0]);  // (1)
    answer(batch, {&target, 1});
  }

  // "key" is what to keep, "filler" what to ignore.
  std::vector<std::string> roles(const Batch&, int) const override {
    std::vector<std::string> roles(T_, "filler");
    roles.front() = "key", roles.back() = "query";
    return roles;
  }

 private:
  double first_, last_;
};

std::string fits(const Options& options) {
  if (options.integer("T") < 2)
    return "T: the number to keep comes before the question, T >= 2, but " + say(options, "T");
  if (options.real("sigma1") <= 0) return "sigma1: without spread there is nothing to learn, sigma1 > 0, but sigma1 = 0";
  return "";
}

}  // namespace

TaskEntry absolute_value() {
  return {
      .name = "absolute_value",
      .help = "say at the end how large the first number was",
      .options = {key_T("64"),
                  {"sigma1", OptionKey::real, "1", 0, 1e6, {}, "deviation of all numbers but the last"},
                  {"sigma2", OptionKey::real, "1", 0, 1e6, {}, "deviation of the last number"}},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<AbsoluteValue>(options); },
      .real = always_real,
  };
}

}  // namespace phasegrid::tasks
