#include "worker/diagnostics/observe.hpp"

#include <cmath>
#include <numeric>
#include <stdexcept>

#include "kernels/rows.hpp"

namespace phasegrid::worker {
namespace {

using kernels::Discretisation;

template <class Number>
Table<Number> transposed(const Table<Number>& m) {
  Table<Number> t(m.columns, m.rows);
  for (int r = 0; r < m.rows; ++r)
    for (int c = 0; c < m.columns; ++c) t(c, r) = m(r, c);
  return t;
}

Table<Complex> complex_of(const Table<double>& m) {
  Table<Complex> z(m.rows, m.columns);
  for (std::size_t i = 0; i < m.data.size(); ++i) z.data[i] = m.data[i];
  return z;
}

Table<double> product(const Table<double>& a, const Table<double>& b) {
  Table<double> y(a.rows, b.columns);
  for (int r = 0; r < a.rows; ++r)
    for (int k = 0; k < a.columns; ++k)
      for (int c = 0; c < b.columns; ++c) y(r, c) += a(r, k) * b(k, c);
  return y;
}

std::vector<int> counted(int n) {
  std::vector<int> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

Recurrence common(const Watched& network, int layer) {
  const ModelSettings& model = network.model();
  Recurrence r;
  r.x = network.mixer_input(layer);
  r.T = r.x.rows, r.D = model.D, r.N = model.N;
  r.rule = model.discretisation, r.step_activation = model.delta_activation;
  r.step_of = counted(r.D), r.group_of.assign(static_cast<std::size_t>(r.D), 0);
  r.skip = network.mixer_parameter(layer, "D").data;
  r.skip.resize(static_cast<std::size_t>(r.D));
  return r;
}

Recurrence observe_selective(const Watched& network, int layer) {
  const auto weight = [&](const char* name) { return network.mixer_parameter(layer, name); };
  Recurrence r = common(network, layer);
  r.step_by_state = network.model().variant == "mamba_delta_t";
  r.delta = network.tapped(layer, "delta");
  r.B = complex_of(network.tapped(layer, "B")), r.C = complex_of(network.tapped(layer, "C"));
  r.A = complex_of(transposed(weight("A_log")));
  for (Complex& A : r.A.data) A = -std::exp(A.real());
  r.step_bias = weight("dt_proj.bias").data;
  if (!network.model().delta_fixed) {
    const Table<double> down = weight("x_proj.dt"), up = weight("dt_proj.weight");
    r.W_step = transposed(down ? product(down, up) : up), r.step_input = r.x, r.step_follows_x = true;
  }
  r.W_B = complex_of(transposed(network.tapped_weight(layer, "W_B")));
  r.W_C = complex_of(transposed(network.tapped_weight(layer, "W_C")));
  r.BC_follow_x = true;
  return r;
}

Recurrence observe_linear_attention(const Watched& network, int layer) {
  const auto weight = [&](const char* name) { return network.mixer_parameter(layer, name); };
  Recurrence r = common(network, layer);
  r.rule = Discretisation::none, r.step_activation = kernels::Activation::softplus, r.step_by_state = true;
  r.delta = network.tapped(layer, "delta");
  r.B = complex_of(network.tapped(layer, "B")), r.C = complex_of(network.tapped(layer, "C"));
  r.A = Table<Complex>(r.D, r.N, -1.0 / 16);
  r.step_bias = weight("gk_proj.bias").data;
  r.step_input = network.tapped(layer, "n"), r.W_step = transposed(weight("gk_proj.weight"));
  r.W_B = complex_of(transposed(weight("k_proj.weight"))), r.W_C = complex_of(transposed(weight("q_proj.weight")));
  r.BC_follow_x = true;
  return r;
}

Recurrence observe_mamba2(const Watched& network, int layer) {
  const auto weight = [&](const char* name) { return network.mixer_parameter(layer, name); };
  const ModelSettings& model = network.model();
  const int P = model.D / model.heads, per_group = model.heads / model.groups;
  const Table<double> A_log = weight("A_log"), skip = weight("D");
  Recurrence r = common(network, layer);
  r.rule = Discretisation::euler, r.groups = model.groups;
  r.A = Table<Complex>(r.D, r.N);
  for (int c = 0; c < r.D; ++c) {
    const int head = c / P;
    r.step_of[static_cast<std::size_t>(c)] = head, r.group_of[static_cast<std::size_t>(c)] = head / per_group;
    r.skip[static_cast<std::size_t>(c)] = skip(0, head);
    for (int n = 0; n < r.N; ++n) r.A(c, n) = -std::exp(A_log(0, head));
  }
  r.delta = network.tapped(layer, "delta");
  r.B = complex_of(network.tapped(layer, "B")), r.C = complex_of(network.tapped(layer, "C"));
  r.step_bias = weight("dt_bias").data;
  if (!model.delta_fixed) r.step_input = network.tapped(layer, "n"), r.W_step = transposed(weight("in_proj.dt"));
  r.W_B = complex_of(transposed(weight("in_proj.B"))), r.W_C = complex_of(transposed(weight("in_proj.C")));
  return r;
}

// B or C as kernels/block_linear lays them out, y (rows, parts N padded(blocks)).
Table<Complex> from_blocks(const Table<double>& y, int blocks, int N, bool is_complex) {
  const int wide = kernels::padded(blocks);
  Table<Complex> z(y.rows, blocks * N);
  for (int t = 0; t < y.rows; ++t)
    for (int j = 0; j < blocks; ++j)
      for (int n = 0; n < N; ++n) z(t, j * N + n) = {y(t, n * wide + j), is_complex ? y(t, (N + n) * wide + j) : 0.0};
  return z;
}

// Weights (D, N) of all blocks as (blocks N, D): block j reads its own channels.
Table<Complex> by_block(const Table<Complex>& W, int blocks) {
  const int D = W.rows, N = W.columns, p = D / blocks;
  Table<Complex> rows(blocks * N, D);
  for (int i = 0; i < D; ++i)
    for (int n = 0; n < N; ++n) rows(i / p * N + n, i) = W(i, n);
  return rows;
}

Recurrence observe_b2s6(const Watched& network, int layer) {
  const ModelSettings& model = network.model();
  const int blocks = model.blocks, p = model.D / blocks;
  const auto complex = [&](const std::string& real, const std::string& re, const std::string& im) {
    return complex_parameter_of(network, layer, real, re, im);
  };
  Recurrence r = common(network, layer);
  r.N = model.block_complex ? model.N / 2 : model.N, r.groups = blocks;
  const Table<Complex> A_log = complex("A_log", "A_real_log", "A_imag");
  r.A = Table<Complex>(r.D, r.N);
  for (int c = 0; c < r.D; ++c) {
    r.group_of[static_cast<std::size_t>(c)] = c / p;
    for (int n = 0; n < r.N; ++n) r.A(c, n) = {-std::exp(A_log(0, n).real()), A_log(0, n).imag()};
  }
  r.delta = network.tapped(layer, "delta");
  r.B = from_blocks(network.tapped(layer, "B"), blocks, r.N, model.block_complex);
  r.C = from_blocks(network.tapped(layer, "C"), blocks, r.N, model.block_complex);
  r.B_own = transposed(complex("B_bias", "B_bias_real", "B_bias_imag"));
  r.step_bias = network.mixer_parameter(layer, "dt_proj.bias").data;
  if (!model.delta_fixed) {
    const Table<double> w = network.mixer_parameter(layer, "dt_proj.weight");
    r.W_step = Table<double>(r.D, r.D), r.step_input = r.x, r.step_follows_x = true;
    for (int c = 0; c < r.D; ++c)
      for (int i = c / p * p; i < (c / p + 1) * p; ++i) r.W_step(c, i) = w(0, i);
  }
  r.W_B = by_block(complex("B_weight", "B_weight_real", "B_weight_imag"), blocks);
  r.W_C = by_block(complex("C_weight", "C_weight_real", "C_weight_imag"), blocks);
  r.BC_follow_x = true;
  return r;
}

Recurrence observe_s4d(const Watched& network, int layer) {
  const bool is_complex = network.model().s4d_complex;
  const auto complex = [&](const std::string& real, const std::string& re, const std::string& im) {
    return transposed(complex_parameter_of(network, layer, real, re, im));
  };
  Recurrence r = time_invariant(network, layer, is_complex ? network.model().N / 2 : network.model().N);
  const Table<double> log_dt = network.mixer_parameter(layer, "log_dt");
  for (int t = 0; t < r.T; ++t)
    for (int c = 0; c < r.D; ++c) r.delta(t, c) = std::exp(log_dt(0, c));
  r.A = complex("A_log", "A_real_log", "A_imag");
  for (Complex& A : r.A.data) A = {-std::exp(A.real()), A.imag()};
  r.B_own = complex("B", "B_real", "B_imag"), r.C_own = complex("C", "C_real", "C_imag");
  if (is_complex)
    for (Complex& C : r.C_own.data) C *= 2.0;
  return r;
}

struct Line {
  const char* variant;
  Recurrence (*observe)(const Watched&, int layer);
};
constexpr Line kLines[] = {
    {"mamba", observe_selective}, {"mamba_delta_t", observe_selective},
    {"mamba2", observe_mamba2},   {"linear_attention", observe_linear_attention},
    {"b2s6", observe_b2s6},       {"s4d", observe_s4d},
    {"mamba_s4d", observe_s4d},   {"s4", observe_s4},
};

const Line* line_of(const std::string& variant) {
  for (const Line& line : kLines)
    if (line.variant == variant) return &line;
  return nullptr;
}

}  // namespace

Recurrence time_invariant(const Watched& network, int layer, int modes) {
  Recurrence r = common(network, layer);
  r.N = modes, r.delta = Table<double>(r.T, r.D, 1.0);
  return r;
}

Table<Complex> complex_parameter_of(const Watched& network, int layer, const std::string& real, const std::string& re,
                                    const std::string& im) {
  if (const Table<double> plain = network.mixer_parameter(layer, real)) return complex_of(plain);
  const Table<double> x = network.mixer_parameter(layer, re), y = network.mixer_parameter(layer, im);
  Table<Complex> z(x.rows, x.columns);
  for (std::size_t i = 0; i < z.data.size(); ++i) z.data[i] = {x.data[i], y.data[i]};
  return z;
}

bool has_state(const std::string& variant) { return line_of(variant) != nullptr; }

Recurrence observe(const Watched& network, int layer) {
  const Line* line = line_of(network.model().variant);
  if (!line) throw std::logic_error(network.model().variant + " has no state to observe");
  return line->observe(network, layer);
}

}  // namespace phasegrid::worker
