// The scan with a step size for every state, against loops that follow its definition one position at a time.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/scan/scan.hpp"
#include "tests/kernels/support.hpp"

namespace phasegrid::kernels::test {
namespace {

constexpr int kD = 19, kN = 5, kRows = 14, kOutputs = 4;

// Two sequences over 14 rows of which two are shared, with runs of 8 and 2 shared steps.
struct Setting {
  std::vector<ScanStep> steps{{2, -1, 0}, {3, -1, 0},  {0, -1, 3},  {4, 0, 0},   {1, -1, 1},
                              {5, -1, 0}, {6, 1, 0},   {7, -1, 0},  {1, 2, 0},   {8, -1, 0},
                              {9, -1, 0}, {10, -1, 0}, {11, -1, 0}, {12, -1, 0}, {13, 3, 0}};
  std::int32_t first_step[3] = {0, 7, 15}, first_row[3] = {2, 7, 14}, first_output[3] = {0, 2, 4};
  std::int32_t rows = kRows, outputs = kOutputs;
  Walk walk{2, 2, steps.data(), first_step, first_row, first_output};
  std::vector<std::int32_t> output_row{4, 6, 1, 13};
  const std::int32_t* map = output_row.data();
};

template <class Real>
Scan<Real> scan(Setting& s, Tables<Real>& tables, Discretisation rule, bool with_A) {
  Scan<Real> op{.models = 1,
                .discretisation = rule,
                .u = tables.rows(s.rows, kD),
                .delta = tables.rows(s.rows, kN),
                .B = tables.rows(s.rows, kN),
                .C = tables.rows(s.outputs, kN),
                .A_log = {},
                .skip = {},
                .constant_A = Real(-0.5),
                .delta_by_state = true,
                .walks = &s.walk,
                .output_row = {&s.map},
                .y = tables.rows(s.outputs, kD),
                .most_steps = 8,
                .most_outputs = 2};
  if (with_A) op.A_log = tables.parameter(kN, kD), op.skip = tables.parameter(1, kD);
  for (std::int64_t i = 0; i < op.delta.stride; ++i) op.delta.values[i] = std::fabs(op.delta.values[i]) / 4;
  op.scratch = tables.scratch(scan_scratch(kD, kN, kRows, op.most_steps, op.most_outputs));
  return op;
}

double plain_y(const Setting& s, const Scan<double>& op, int sequence, int output, int c) {
  const auto at = [](const Rows<double>& r, int row, int column) { return r.values[row * r.width + column]; };
  double y = op.skip ? op.skip.values[c] * at(op.u, s.output_row[output], c) : 0;
  for (int n = 0; n < kN; ++n) {
    const double A = op.A_log ? -std::exp(op.A_log.values[n * op.A_log.width + c]) : op.constant_A;
    double h = 0;
    for (int i = s.first_step[sequence]; i < s.first_step[sequence + 1]; ++i) {
      const ScanStep step = s.steps[i];
      const double delta = at(op.delta, step.row, n), a = std::exp(delta * A);
      const double f = op.discretisation == Discretisation::euler ? delta
                       : op.discretisation == Discretisation::zoh ? (a - 1) / A
                                                                  : 1;
      for (int repeat = 0; repeat < 1 << step.log2_repeats; ++repeat)
        h = a * h + f * at(op.B, step.row, n) * at(op.u, step.row, c);
      if (step.output == output) break;
    }
    y += at(op.C, output, n) * h;
  }
  return y;
}

class ScanByState : public testing::TestWithParam<Discretisation> {};
INSTANTIATE_TEST_SUITE_P(Rules, ScanByState,
                         testing::Values(Discretisation::euler, Discretisation::zoh, Discretisation::none),
                         [](const auto& info) {
                           return std::string(info.param == Discretisation::euler ? "euler"
                                              : info.param == Discretisation::zoh ? "zoh"
                                                                                  : "none");
                         });

TEST_P(ScanByState, FollowsItsDefinition) {
  for (const std::string& kind : kinds())
    for (const bool with_A : {true, false}) {
      Setting s;
      Tables<double> tables;
      const Scan<double> op = scan(s, tables, GetParam(), with_A);
      operations<double>(kind).scan.forward(op);
      for (int output = 0; output < kOutputs; ++output)
        for (int c = 0; c < kD; ++c)
          ASSERT_NEAR(op.y.values[output * op.y.width + c], plain_y(s, op, output / 2, output, c), 1e-12) << kind;
    }
}

// Every gradient of sum(d_y y), by five-point differences.
TEST_P(ScanByState, HasTheGradientsOfFiniteDifferences) {
  for (const bool with_A : {true, false}) {
    Setting s;
    Tables<double> tables;
    const Scan<double> op = scan(s, tables, GetParam(), with_A);
    const auto& functions = operations<double>(kinds().back()).scan;
    const auto loss = [&] {
      functions.forward(op);
      double sum = 0;
      for (std::int64_t i = 0; i < op.y.stride; ++i) sum += op.y.values[i] * op.y.grads[i];
      return sum;
    };
    loss();
    functions.backward(op);
    const auto check = [&](const char* name, double* values, const double* grads, int rows, int columns) {
      for (int i = 0; i < rows * columns; ++i) {
        const int at = i / columns * padded(columns) + i % columns;
        const double start = values[at], h = 2e-4;  // A reaches -10: fifth derivatives are large
        const auto moved = [&](double x) { return values[at] = start + x, loss(); };
        const double difference = (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
        values[at] = start;
        ASSERT_NEAR(difference, grads[at], 1e-8 * std::max(1.0, std::fabs(difference))) << name << " " << i;
      }
    };
    check("u", op.u.values, op.u.grads, kRows, kD), check("delta", op.delta.values, op.delta.grads, kRows, kN);
    check("B", op.B.values, op.B.grads, kRows, kN), check("C", op.C.values, op.C.grads, kOutputs, kN);
    if (!with_A) continue;
    check("A_log", op.A_log.values, op.A_log.grads, kN, kD), check("skip", op.skip.values, op.skip.grads, 1, kD);
  }
}

}  // namespace
}  // namespace phasegrid::kernels::test
