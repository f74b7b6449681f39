// Linear layers by cuBLAS (here by what stands in for it): the CPU's numbers, whatever is left over in rows that a
// batch does not have, and for each model of a pack the bits that it has alone.
#include <gtest/gtest.h>

#include <limits>

#include "kernels/device/kinds.hpp"
#include "tests/cuda_on_cpu/support.hpp"

namespace phasegrid::kernels::test {
namespace {

#if defined(PHASEGRID_REAL_GPU)
constexpr double kFastTolerance = 4e-3;  // TF32 rounds factors to 11 bits, and 70 of them make a sum
#else
constexpr double kFastTolerance = kTolerance;
#endif

struct Layer {
  std::vector<std::int32_t> rows;
  int most, in, out;
  Activation activation;
  bool transposed, bias, add;
};

Linear<float> linear(PackOf& pack, const Layer& l) {
  const Count rows = pack.count(l.rows);
  Linear<float> op{.models = pack.models(),
                   .x = pack.rows(rows, l.most, l.in),
                   .transposed = l.transposed,
                   .activation = l.activation};
  op.W = l.transposed ? pack.parameter(l.out, l.in) : pack.parameter(l.in, l.out);
  if (l.bias) op.b = pack.parameter(1, l.out);
  op.y = pack.rows(rows, l.most, l.out), op.x.add = l.add;
  if (l.activation != Activation::identity) op.derivative = pack.rows(rows, l.most, l.out, false);
  op.scratch = pack.array<float>(linear_scratch<float>(l.in, l.out));
  return op;
}

void leave_nonsense(const Rows<float>& r, int models) {
  for (int m = 0; m < models; ++m)
    for (std::int64_t i = static_cast<std::int64_t>(r.count[m]) * r.width; i < r.stride; ++i)
      for (float* table : {r.values, r.grads})
        if (table) table[m * r.stride + i] = std::numeric_limits<float>::quiet_NaN();
}

// Numbers of the rows that model m has; of a parameter all.
std::vector<float> used(const std::vector<float>& table, const Rows<float>& r, int m) {
  const auto begin = table.begin() + m * r.stride;
  return {begin, begin + static_cast<std::int64_t>(r.count[m]) * r.width};
}
std::vector<float> used(const std::vector<float>& table, const Parameter<float>& p, int m) {
  return {table.begin() + m * p.stride, table.begin() + (m + 1) * p.stride};
}

// Of the rows that are used: of model m, or of the operation's only one as if it were model m.
std::vector<std::vector<float>> used_of(Linear<float> op, const std::vector<std::vector<float>>& contents, int m) {
  std::vector<std::vector<float>> all;
  std::size_t i = 0;
  each_table(op, [&](auto& t) {
    for (const float* p : {t.values, t.grads}) {
      if (p) all.push_back(used(contents[i], t, m));
      ++i;
    }
  });
  return all;
}

void check(const Layer& layer) {
  PackOf pack(static_cast<int>(layer.rows.size()));
  Linear<float> op = linear(pack, layer);
  leave_nonsense(op.x, op.models), leave_nonsense(op.y, op.models);
  const std::string kind = fast_kind(device_kind());
  OnDevice<Linear<float>> device(op, &Operations<float>::linear, kind);
  device.run();
  const auto found = device.contents();
  for (int m = 0; m < op.models; ++m) {
    Linear<float> one = alone(op, m);
    OnDevice<Linear<float>> own(one, &Operations<float>::linear, kind);
    own.run();
    EXPECT_EQ(used_of(one, own.contents(), 0), used_of(op, found, m)) << "model " << m << " packed and alone";
  }
  const auto& on_cpu = operations<float>("cpu-portable").linear;
  on_cpu.forward(op), on_cpu.backward(op);
  const auto expected = contents(op);
  for (int m = 0; m < op.models; ++m) {
    const auto is = used_of(op, found, m), should = used_of(op, expected, m);
    for (std::size_t t = 0; t < should.size(); ++t) {
      double scale = 1;
      for (const float x : should[t]) scale = std::max(scale, std::fabs(static_cast<double>(x)));
      for (std::size_t i = 0; i < should[t].size(); ++i)
        ASSERT_NEAR(is[t][i], should[t][i], kFastTolerance * scale)
            << "table " << t << ", model " << m << ", number " << i;
    }
  }
}

class FastGemm : public testing::Test {
  void SetUp() override {
    if (!built_with_cublas()) GTEST_SKIP() << "this program was built without cuBLAS";
  }
};

TEST_F(FastGemm, AgreesWithTheCpuWhateverIsLeftInOtherRows) {
  check({{37, 5, 0}, 40, 19, 33, Activation::silu, false, true, false});
  check({{37, 5, 0}, 40, 35, 70, Activation::identity, true, true, true});
  check({{1, 16, 32}, 32, 16, 16, Activation::identity, false, false, false});
  check({{300, 257, 256}, 300, 9, 5, Activation::softplus, false, true, true});
}
TEST_F(FastGemm, AgreesWithTheCpuInEveryActivation) {
  for (const Activation kind : {Activation::identity, Activation::silu, Activation::relu, Activation::softplus,
                                Activation::sigmoid, Activation::one_plus_tanh})
    check({{7, 5, 0}, 8, 3, 5, kind, false, true, false});
}
TEST_F(FastGemm, IsADeviceKindOfItsOwn) {
  const std::string fast = fast_kind(device_kind());
  EXPECT_EQ(fast, device_kind() + "+cublas");
  EXPECT_EQ(plain_kind(fast), device_kind());
  EXPECT_NE(cuda_operations(fast), cuda_operations(device_kind()));
  EXPECT_EQ(cuda_operations("sm_12+cublas"), nullptr) << "no such GPU";
}

}  // namespace
}  // namespace phasegrid::kernels::test
