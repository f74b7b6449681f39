// Proposition 1 of arXiv 2506.11891: an S6 layer that is fed with ones recovers time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/worker/support.hpp"

namespace phasegrid::worker::test {
namespace {

template <class Real>
double difference_from_scalar_positions() {
  const auto cell = [&](const char* positional) {
    return mqar_cell("mamba", "positional = \"" + std::string(positional) + "\"");
  };
  Bench<Real> table(cell("scalar")), layer(cell("ssm_time"));
  for (const ParameterInfo& p : layer.parameters.all()) {
    const auto& all = table.parameters.all();
    const auto same = std::find_if(all.begin(), all.end(), [&](const ParameterInfo& q) { return q.name == p.name; });
    if (same == all.end()) continue;  // the fixed weights of the layer
    std::copy_n(table.values + same->offset, static_cast<std::int64_t>(p.rows) * p.width(), layer.values + p.offset);
  }
  return std::fabs(table.loss() - layer.loss());
}

TEST(TimeLayer, WithFixedWeightsIsThePositionItself) {
  EXPECT_LT(difference_from_scalar_positions<double>(), 1e-12);
  EXPECT_LT(difference_from_scalar_positions<float>(), 1e-5);
}

TEST(TimeLayer, FixedWeightsAreNoParameters) {
  const Bench<float> table(mqar_cell("mamba", "positional = \"scalar\"")), layer(mqar_cell("mamba", "positional = \"ssm_time\""));
  EXPECT_EQ(layer.parameters.trainable(), table.parameters.trainable());
}

}  // namespace
}  // namespace phasegrid::worker::test
