// LINEAR FUNCTIONAL: a fixed weighted sum of the whole sequence (arXiv 2505.09022, E.2).
//
//   u_1 .. u_T independent, normal with deviation 1;  theta_1 .. theta_T normal with deviation 1/sqrt(T), fixed for a seed
//   target at T:  G(u) = sum_j theta_j u_j                                    (1)
//
// Ceiling: R2 = 1, mean squared error 0; saying 0 everywhere has R2 = 0 and a mean squared error near 1.
//
// T = 4, theta = (0.5, -1, 0, 2).  '.' marks positions that carry no loss.
//
//   inputs    1.00  -0.50   3.00   0.25
//   targets      .      .      .   1.50
#include <cmath>
#include <vector>

#include "tasks/real_task.hpp"

namespace phasegrid::tasks {
namespace {

class LinearFunctional final : public RealTask {
 public:
  explicit LinearFunctional(const Options& options) : RealTask(options.integer("T"), 1) {}

  void draw(kernels::Random& random, Batch& batch) const override {
    kernels::Random weights = fixed(random);
    double sum = 0;
    for (float& u : next(batch)) u = static_cast<float>(random.normal()), sum += weights.normal() * u;  // (1)
    const auto target = static_cast<float>(sum / std::sqrt(T_));
    answer(batch, {&target, 1});
  }
};

}  // namespace

TaskEntry linear_functional() {
  return {
      .name = "linear_functional",
      .help = "a fixed weighted sum of the whole sequence",
      .options = {key_T("64")},
      .complete = nullptr,
      .fits = [](const Options&) -> std::string { return ""; },
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<LinearFunctional>(options); },
      .real = always_real,
  };
}

}  // namespace phasegrid::tasks
