// The state-space dual: products of matrices against the recurrence, on every instruction set, for heads, groups, runs
// of shared rows and outputs wherever they may be.
#include "kernels/ssd/ssd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ostream>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/operations.hpp"
#include "kernels/random.hpp"

namespace phasegrid::kernels {
namespace {

struct Shape {
  const char* name;
  int heads, groups, P, N, chunk, steps, outputs;  // outputs 0: every step is read
};
void PrintTo(const Shape& s, std::ostream* out) { *out << s.name; }

// Two models with one walk of three sequences (one of them empty, one with runs of shared rows) and random numbers
// everywhere.
template <class Real>
struct Fixture {
  static constexpr int kModels = 2, kShared = 2, kInputs = 9;
  Arena arena;
  std::vector<ScanStep> steps;
  std::vector<std::int32_t> first_step{0}, first_row{kShared}, first_output{0}, window_input;
  std::vector<Walk> walks;
  std::vector<std::int32_t> windows, outputs, inputs;
  std::vector<const std::int32_t*> maps;
  Ssd<Real> op{};

  Fixture(const Shape& shape, int chunk) {
    int row = kShared, output = 0;
    for (const int count : {shape.steps, 0, shape.steps - 3}) {
      for (int i = 0; i < count; ++i) {
        const bool shared = shape.outputs > 0 && i % 5 == 4;
        const bool read = shape.outputs == 0 || (i * shape.outputs + 7) % shape.steps < shape.outputs;
        const std::int32_t repeats = shared && !read ? i % kPowers : 0;
        steps.push_back({shared ? i % kShared : row, read ? output : -1, repeats});
        row += !shared, output += read;
      }
      first_step.push_back(static_cast<std::int32_t>(steps.size())), first_row.push_back(row),
          first_output.push_back(output);
    }
    for (int r = 0; r < row; ++r) window_input.push_back(r * 5 % kInputs);
    walks.assign(kModels, {3, kShared, steps.data(), first_step.data(), first_row.data(), first_output.data()});
    windows.assign(kModels, row), outputs.assign(kModels, output), inputs.assign(kModels, kInputs),
        maps.assign(kModels, window_input.data());

    const int D = shape.heads * shape.P, GN = shape.groups * shape.N;
    op.models = kModels, op.heads = shape.heads, op.groups = shape.groups, op.chunk = chunk;
    op.u = rows(windows, D, 1), op.B = rows(windows, GN, 2), op.C = rows(outputs, GN, 3), op.y = rows(outputs, D, 4),
    op.delta = rows(inputs, shape.heads, 5);
    for (std::int64_t i = 0; i < kModels * op.delta.stride; ++i)
      op.delta.values[i] = std::fabs(op.delta.values[i]) * Real(0.3);
    op.A_log = parameter(shape.heads, 6), op.skip = parameter(shape.heads, 7);
    op.walks = walks.data(), op.window_input = {maps.data()};
    op.most_steps = shape.steps + 2, op.most_outputs = *std::max_element(first_output.begin() + 1, first_output.end());
    op.scratch = arena.allocate_array<Real>(static_cast<std::size_t>(ssd_scratch(op)));
  }

  Rows<Real> rows(const std::vector<std::int32_t>& count, int columns, int stream) {
    Rows<Real> r;
    r.columns = columns, r.width = padded(columns), r.count = {count.data()},
    r.stride = static_cast<std::int64_t>(count[0]) * r.width;
    r.values = arena.allocate_array<Real>(static_cast<std::size_t>(r.stride * kModels)),
    r.grads = arena.allocate_array<Real>(static_cast<std::size_t>(r.stride * kModels));
    Random random(11, static_cast<std::uint32_t>(stream), 0);
    for (std::int64_t i = 0; i < kModels * r.stride; ++i)
      if (i % r.width < columns)
        r.values[i] = static_cast<Real>(random.normal()), r.grads[i] = static_cast<Real>(random.normal());
    return r;
  }
  Parameter<Real> parameter(int columns, int stream) {
    const Rows<Real> r = rows(outputs, columns, stream);
    std::fill(r.grads, r.grads + r.stride * kModels, Real(0));
    return {r.values, r.grads, r.stride, 1, columns, r.width};
  }

  // y, then the gradients of u, B, C, delta, A_log and skip.
  std::vector<std::vector<double>> results(std::string_view kind) {
    operations<Real>(kind).ssd.forward(op);
    std::vector<std::vector<double>> all{{op.y.values, op.y.values + kModels * op.y.stride}};
    operations<Real>(kind).ssd.backward(op);
    for (const Rows<Real>& r : {op.u, op.B, op.C, op.delta}) all.emplace_back(r.grads, r.grads + kModels * r.stride);
    for (const Parameter<Real>& p : {op.A_log, op.skip}) all.emplace_back(p.grads, p.grads + kModels * p.stride);
    return all;
  }
};

class StateSpaceDual : public testing::TestWithParam<Shape> {};

template <class Real>
void expect_agreement(const Shape& shape, std::string_view kind, double tolerance) {
  const auto plain = Fixture<double>(shape, 0).results(cpu_kinds().front()),
             fast = Fixture<Real>(shape, shape.chunk).results(kind);
  for (std::size_t table = 0; table < plain.size(); ++table) {
    double scale = 0;
    for (const double x : plain[table]) scale = std::max(scale, std::fabs(x));
    for (std::size_t i = 0; i < plain[table].size(); ++i)
      ASSERT_NEAR(plain[table][i], fast[table][i], tolerance * scale)
          << "table " << table << ", number " << i << " on " << kind;
  }
}

TEST_P(StateSpaceDual, AsProductsAgreesWithTheRecurrenceInDouble) {
  for (const auto kind : cpu_kinds()) expect_agreement<double>(GetParam(), kind, 1e-12);
}
TEST_P(StateSpaceDual, AsProductsAgreesWithTheRecurrenceInFloat) {
  for (const auto kind : cpu_kinds()) expect_agreement<float>(GetParam(), kind, 1e-5);
}
TEST_P(StateSpaceDual, RecursAlikeOnEveryInstructionSet) {
  Shape shape = GetParam();
  shape.chunk = 0;
  for (const auto kind : cpu_kinds()) expect_agreement<double>(shape, kind, 1e-12);
}

TEST_P(StateSpaceDual, AddsToGradientsThatOthersHaveWritten) {
  Fixture<double> fresh(GetParam(), GetParam().chunk), more(GetParam(), GetParam().chunk);
  const auto kind = cpu_kinds().back();
  for (Rows<double>* r : {&more.op.u, &more.op.B, &more.op.C, &more.op.delta}) {
    r->add = true;
    std::fill(r->grads, r->grads + Fixture<double>::kModels * r->stride, 100.0);
  }
  const auto overwritten = fresh.results(kind), added = more.results(kind);
  std::size_t table = 1;
  for (const Rows<double>& r : {fresh.op.u, fresh.op.B, fresh.op.C, fresh.op.delta}) {
    for (std::int64_t j = 0; j < Fixture<double>::kModels * r.stride; ++j) {
      const double expected = j % r.width < r.columns ? overwritten[table][j] + 100 : added[table][j];
      ASSERT_NEAR(expected, added[table][j], 1e-9);
    }
    ++table;
  }
}

// Gradients of sum(d_y y) with respect to a few numbers of every input, by five-point differences.
TEST_P(StateSpaceDual, HasTheGradientsOfFiniteDifferences) {
  Fixture<double> f(GetParam(), GetParam().chunk);
  const auto& ops = operations<double>(cpu_kinds().back());
  const std::int64_t n = Fixture<double>::kModels * f.op.y.stride;
  const auto loss = [&] {
    ops.ssd.forward(f.op);
    return std::inner_product(f.op.y.values, f.op.y.values + n, f.op.y.grads, 0.0);
  };
  loss();
  ops.ssd.backward(f.op);
  Random random(3, 1, 0);
  const auto check = [&](const char* name, double* values, const double* grads, int rows, int columns, int width) {
    for (int i = 0; i < 12; ++i) {
      const std::int64_t at = static_cast<std::int64_t>(random.below(static_cast<std::uint32_t>(rows))) * width +
                              random.below(static_cast<std::uint32_t>(columns));
      const double start = values[at], h = 1e-4;
      const auto moved = [&](double x) { return values[at] = start + x, loss(); };
      const double difference = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
      values[at] = start;
      EXPECT_NEAR(difference, grads[at], 1e-8 * std::max(1.0, std::fabs(difference))) << name << " " << at;
    }
  };
  for (const auto& [name, r] :
       {std::pair("u", f.op.u), std::pair("B", f.op.B), std::pair("C", f.op.C), std::pair("delta", f.op.delta)})
    check(name, r.values, r.grads, r.count[0], r.columns, r.width);
  check("A_log", f.op.A_log.values, f.op.A_log.grads, 1, f.op.heads, f.op.A_log.width);
  check("skip", f.op.skip.values, f.op.skip.grads, 1, f.op.heads, f.op.skip.width);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, StateSpaceDual,
    testing::Values(Shape{"small", 1, 1, 5, 4, 20, 20, 3}, Shape{"one_state", 1, 1, 3, 1, 16, 19, 0},
                    Shape{"heads", 4, 1, 4, 5, 64, 30, 4}, Shape{"groups", 4, 2, 16, 3, 64, 40, 7},
                    Shape{"short_chunks", 2, 1, 16, 16, 16, 70, 6}, Shape{"all_read", 2, 2, 7, 17, 32, 90, 0},
                    Shape{"wide", 2, 1, 64, 16, 64, 150, 12}, Shape{"rarely_read", 1, 1, 33, 8, 16, 120, 1}),
    [](const auto& info) { return std::string(info.param.name); });

// The rule depends on sizes alone: no states for few outputs, chunks when everything is read.
TEST(StateSpaceDualChunk, IsTheWholeSequenceForFewOutputs) {
  EXPECT_EQ(ssd_chunk(64, 64, 128, 16), 64);
  EXPECT_EQ(ssd_chunk(256, 16, 256, 16), 256);
  EXPECT_LT(ssd_chunk(256, 256, 256, 16), 256);
}

}  // namespace
}  // namespace phasegrid::kernels
