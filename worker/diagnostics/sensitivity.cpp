#include "worker/diagnostics/sensitivity.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>

namespace phasegrid::worker {
namespace {

template <class Number>
using Matrix = Eigen::Matrix<Number, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class Number>
auto matrix(const Table<Number>& table) {
  return Eigen::Map<const Matrix<Number>>(table.data.data(), table.rows, table.columns);
}

// Factors of (2) at (position, state) of one channel, products of later decays included.
struct Factors {
  Table<Complex> by_step, by_B, by_x;  // of ddelta_j / dx, of W_B, of 1_c
};
Factors factors(const Recurrence& r, const Channel& ch, int c) {
  const Table<Complex> empty(r.T, r.N);
  Factors k{empty, empty, empty};
  std::vector<Complex> later(static_cast<std::size_t>(r.N), 1.0);
  for (int t = r.T - 1; t >= 0; --t)
    for (int n = 0; n < r.N; ++n) {
      Complex& e = later[static_cast<std::size_t>(n)];
      const Complex before = t > 0 ? ch.h(t - 1, n) : 0.0;
      k.by_step(t, n) = e * (r.A(c, n) * ch.a(t, n) * before + ch.f_slope(t, n) * ch.B(t, n) * r.x(t, c));
      k.by_B(t, n) = e * ch.f(t, n) * r.x(t, c);
      k.by_x(t, n) = e * ch.f(t, n) * ch.B(t, n);
      e *= ch.a(t, n);
    }
  return k;
}

// Inner products of rows of W_step and W_B, so that norms of their sums need no loop over D.
struct Products {
  std::vector<double> step_step, B_B;
  Table<Complex> step_B;  // (steps, groups N)
};
Products inner_products(const Recurrence& r) {
  Products p;
  if (r.step_follows_x)
    for (int s = 0; s < r.steps(); ++s) p.step_step.push_back(matrix(r.W_step).row(s).squaredNorm());
  if (r.BC_follow_x)
    for (int i = 0; i < r.W_B.rows; ++i) p.B_B.push_back(matrix(r.W_B).row(i).squaredNorm());
  if (r.step_follows_x && r.BC_follow_x) {
    p.step_B = Table<Complex>(r.steps(), r.W_B.rows);
    Eigen::Map<Matrix<Complex>>(p.step_B.data.data(), p.step_B.rows, p.step_B.columns) =
        matrix(r.W_step).cast<Complex>() * matrix(r.W_B).transpose();
  }
  return p;
}

// Adds |row of J_j|^2 for one channel.
void add_state(const Recurrence& r, const Factors& k, const Products& p, int c, std::vector<double>& squares) {
  const int first = r.group_of[static_cast<std::size_t>(c)] * r.N;
  for (int t = 0; t < r.T; ++t)
    for (int n = 0; n < r.N; ++n) {
      const int s = r.steps() ? r.step_column(c, n) : 0, i = first + n;
      const Complex beta = k.by_B(t, n), gamma = k.by_x(t, n);
      double square = std::norm(gamma);
      if (r.BC_follow_x)
        square +=
            std::norm(beta) * p.B_B[static_cast<std::size_t>(i)] + 2 * (beta * r.W_B(i, c) * std::conj(gamma)).real();
      if (r.step_follows_x) {
        const Complex alpha = k.by_step(t, n) * r.step_slope(t, s);
        square += std::norm(alpha) * p.step_step[static_cast<std::size_t>(s)] +
                  2 * (alpha * std::conj(gamma)).real() * r.W_step(s, c);
        if (r.BC_follow_x) square += 2 * (alpha * std::conj(beta * p.step_B(s, i))).real();
      }
      squares[static_cast<std::size_t>(t)] += std::max(0.0, square);
    }
}

// Adds |row of K_j|^2 for one channel, rows of all j at once.
void add_output(const Recurrence& r, const Channel& ch, const Factors& k, int c, std::vector<double>& squares) {
  const int first = r.group_of[static_cast<std::size_t>(c)] * r.N, last = r.T - 1;
  Matrix<double> rows = Matrix<double>::Zero(r.T, r.D);
  Matrix<Complex> by_B(r.T, r.N);
  Matrix<double> by_step = Matrix<double>::Zero(r.T, r.step_by_state ? r.N : 1);
  for (int t = 0; t < r.T; ++t)
    for (int n = 0; n < r.N; ++n) {
      const Complex C = ch.C(last, n);
      by_B(t, n) = C * k.by_B(t, n);
      by_step(t, r.step_by_state ? n : 0) += (C * k.by_step(t, n)).real() * r.step_slope(t, r.step_column(c, n));
      rows(t, c) += (C * k.by_x(t, n)).real();
    }
  if (r.step_follows_x) rows += by_step * matrix(r.W_step).middleRows(r.step_column(c, 0), r.step_by_state ? r.N : 1);
  if (r.BC_follow_x) {
    rows += (by_B * matrix(r.W_B).middleRows(first, r.N)).real();
    for (int n = 0; n < r.N; ++n) rows.row(last) += (ch.h(last, n) * matrix(r.W_C).row(first + n)).real();
  }
  rows(last, c) += r.skip[static_cast<std::size_t>(c)];
  for (int t = 0; t < r.T; ++t) squares[static_cast<std::size_t>(t)] += rows.row(t).squaredNorm();
}

void take_roots(std::vector<double>& squares) {
  for (double& x : squares) x = std::sqrt(x);
}

}  // namespace

Reach reach(const Recurrence& r) {
  Reach reach{std::vector<double>(static_cast<std::size_t>(r.T)), std::vector<double>(static_cast<std::size_t>(r.T))};
  const Products products = inner_products(r);
  for (int c = 0; c < r.D; ++c) {
    const Channel ch = walk(r, c);
    const Factors k = factors(r, ch, c);
    add_state(r, k, products, c, reach.state);
    add_output(r, ch, k, c, reach.output);
  }
  take_roots(reach.state), take_roots(reach.output);
  return reach;
}

std::vector<double> shares(const std::vector<double>& output) {
  const double sum = std::accumulate(output.begin(), output.end(), 0.0);
  std::vector<double> shares;
  for (const double norm : output) shares.push_back(norm / sum);
  return shares;
}

StepGradient step_gradient(const Recurrence& r) {
  assert(!r.step_bias.empty() && "the step size has a projection");
  StepGradient gradient{Table<double>(r.steps(), r.step_input.columns),
                        std::vector<double>(static_cast<std::size_t>(r.steps()))};
  for (int c = 0; c < r.D; ++c) {
    const Channel ch = walk(r, c);
    const Factors k = factors(r, ch, c);
    for (int t = 0; t < r.T; ++t)
      for (int n = 0; n < r.N; ++n) {
        const int s = r.step_column(c, n);
        const double d_z = (ch.C(r.T - 1, n) * k.by_step(t, n)).real() * r.step_slope(t, s);
        gradient.bias[static_cast<std::size_t>(s)] += d_z;
        for (int i = 0; i < r.step_input.columns; ++i) gradient.weight(s, i) += d_z * r.step_input(t, i);
      }
  }
  return gradient;
}

double norm(const StepGradient& gradient, bool of_weight) {
  double square = 0;
  for (const double g : of_weight ? gradient.weight.data : gradient.bias) square += g * g;
  return std::sqrt(square);
}

Recurrence time_invariant_twin(const Recurrence& r) {
  Recurrence twin = r;
  twin.B = twin.C = twin.W_B = twin.W_C = {}, twin.BC_follow_x = twin.step_follows_x = false;
  twin.step_input = twin.W_step = {};
  twin.B_own = twin.C_own = Table<Complex>(r.D, r.N, 1.0);
  for (int t = 0; t < r.T; ++t)
    for (int s = 0; s < r.steps(); ++s) {
      const double z = r.step_bias[static_cast<std::size_t>(s)];
      double& delta = twin.delta(t, s);
      switch (r.step_activation) {
        case kernels::Activation::softplus:
          delta = std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z)));
          break;
        case kernels::Activation::sigmoid:
          delta = 1 / (1 + std::exp(-z));
          break;
        case kernels::Activation::one_plus_tanh:
          delta = 1 + std::tanh(z);
          break;
        default:
          delta = std::max(z, 0.0);
      }
    }
  return twin;
}

std::vector<double> output_singular_values(const Table<double>& last_outputs) {
  const Eigen::VectorXd values = Eigen::BDCSVD<Matrix<double>>(matrix(last_outputs)).singularValues();
  std::vector<double> relative;
  for (const double value : values) relative.push_back(values(0) > 0 ? value / values(0) : 0);
  return relative;
}

}  // namespace phasegrid::worker
