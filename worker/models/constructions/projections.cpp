// PIECEWISE CONSTANT: the inner product <x, f>/T as memories hold it (docs/theory.md, 3.6, E32 to E33): f's best
// approximation by what the cell has room for. Embedding: x_t, a constant 1, the position. x takes two inner channels,
// x and -x, whose difference is x behind every activation (twice that for identity).
//
//   H1   a memory for each piece: a step size that is large up to the piece's first position and ~0 after it, an input
//        that does not feel the step size (discretisation none): I(m) = sum_{t >= m} x_t. The read-out weighs I(m) with
//        the jump there. Mamba-Delta^T: n columns, D = 4; S6: n pairs of channels, D = 2 n + 2, N = 1
//   H2   S6 with B_t = psi(t), a wavelet for each column, from [t >= m] = relu(t - m + 1) - relu(t - m): N = n and
//        D = 2 n + 1 for n - 1 wavelets and the mean; the step size is 1 and nothing decays
//   H3   S4D, undamped modes: n terms of the Fourier series in N = 2 n, D = 2
//
// H1 and H2 hold the same approximation, partition.hpp: exact from n = 1 + sum_j min(2^j, jumps) pieces on. H3 needs
// all floor(T/2) + 1 modes.
#include <algorithm>
#include <cmath>

#include "sweeps/bounds.hpp"
#include "tasks/piecewise_constant.hpp"
#include "worker/models/constructions/partition.hpp"
#include "worker/models/constructions/parts.hpp"

namespace phasegrid::worker {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kSteep = 50;             // of the step size: e^-25 is left half a position away
constexpr int kX = 0, kConstant = 1;      // embedding channels; the position is the last one
constexpr int kPlus = 0, kMinus = 1;      // inner channels of x and -x
constexpr int kInnerConstant = 2, kInnerPosition = 3;

std::vector<double> target(const Case& c) {
  return tasks::step_function(c.data_key, static_cast<int>(c.task.integer("jumps"))).on_grid(c.model.T);
}

std::int64_t enough(const Case& c) { return sweeps::most_pieces(c.task.integer("jumps"), c.model.T); }

void embed(const Case& c, Weights& w) {
  w("input_proj.weight", 0, kX) = 1;
  if (c.model.d > 1) w("input_proj.bias", 0, kConstant) = 1;
}

// x into inner channels `plus` and `minus`.
void split(const Case& c, Weights& w, int plus, int minus) {
  project(w, kX, plus, 1), project(w, kX, minus, -1);
  taps(c, w, plus, 1), taps(c, w, minus, 1);
}

// The output: `scale` times what the pair's channels hold of x.
void join(Weights& w, int plus, int minus, double scale) {
  w("out_proj", plus, 0) = scale, w("out_proj", minus, 0) = -scale;
}

void answer(const Case& c, Weights& w) {
  const double gate = open_gate(c, w, {kConstant}), twice = identity(c.model) ? 2 : 1;
  w("lm_head.weight", 0, 0) = 1 / (c.model.T * gate * twice);
}

// B and C read the constant: `b` in column n, and `read` at the end.
void column(const Case& c, Weights& w, int constant, int n, double b, double read) {
  const double one = activated(c.model, 1);
  w("x_proj.B", constant, n) = b / one, w("x_proj.C", constant, n) = read / one;
}

void constant_channel(const Case& c, Weights& w, int inner) { project(w, kConstant, inner), taps(c, w, inner, 1); }

// Step size `place` closes after position `begin` (from 0): softplus(kSteep (begin + 3/2 - t)), t from 1.
void close_after(const Case& c, Weights& w, int position, int place, int begin) {
  if (c.model.delta_rank > 0) w("x_proj.dt", position, 0) = 1, w("dt_proj.weight", 0, place) = -1;
  else w("dt_proj.weight", position, place) = -1;
  w("dt_proj.bias", 0, place) = kSteep * (begin + 1.5);
}

std::string memory_fits(const Case& c, int inner) {
  return first_of({plain_network_fits(c), time_fits(c, "memories begin at positions"),
                   needs_width(c, 3, inner, "x, a constant and the position need a channel each, x inside two")});
}

}  // namespace

std::string h1_fits(const Case& c) {
  return first_of(
      {memory_fits(c, 4),
       c.model.delta_fixed ? "delta_activation: the step size follows the position, expected \"softplus\"" : "",
       c.model.discretisation != kernels::Discretisation::none
           ? "discretisation: a memory takes inputs in after its step size has closed, expected \"none\""
           : ""});
}

Sizes h1_channel_sizes(const Case& c) { return {3, 2 * enough(c) + 2, 1}; }
void h1_channel_build(const Case& c, Weights& w) {
  const Partition best = best_pieces(target(c), (c.model.D - 2) / 2);
  const int constant = c.model.D - 2, position = c.model.D - 1;
  embed(c, w);
  constant_channel(c, w, constant), time_channel(c, w, position, kSteep, kConstant, 0);
  column(c, w, constant, 0, 1, 1);
  double level = 0;
  for (std::size_t i = 0; i < best.pieces.size(); ++i) {
    const int plus = static_cast<int>(2 * i), minus = plus + 1;
    split(c, w, plus, minus);
    close_after(c, w, position, plus, best.pieces[i].begin), close_after(c, w, position, minus, best.pieces[i].begin);
    join(w, plus, minus, best.pieces[i].mean - level);
    level = best.pieces[i].mean;
  }
  answer(c, w);
}

Sizes h1_column_sizes(const Case& c) { return {3, 4, enough(c)}; }
void h1_column_build(const Case& c, Weights& w) {
  const Partition best = best_pieces(target(c), c.model.N);
  embed(c, w);
  split(c, w, kPlus, kMinus), join(w, kPlus, kMinus, 1);
  constant_channel(c, w, kInnerConstant), time_channel(c, w, kInnerPosition, kSteep, kConstant, 0);
  double level = 0;
  for (std::size_t i = 0; i < best.pieces.size(); ++i) {
    const int n = static_cast<int>(i);
    column(c, w, kInnerConstant, n, 1, best.pieces[i].mean - level);
    if (c.model.delta_rank > 0) w("x_proj.dt", kInnerPosition, 0) = 1;
    close_after(c, w, kInnerPosition, n, best.pieces[i].begin);
    level = best.pieces[i].mean;
  }
  answer(c, w);
}

Sizes h2_sizes(const Case& c) { return {3, 2 * enough(c) + 1, enough(c)}; }
std::string h2_fits(const Case& c) {
  return first_of({identity(c.model) ? "activation: steps are differences of ramps, expected \"relu\" or \"silu\"" : "",
                   memory_fits(c, 3)});
}
void h2_build(const Case& c, Weights& w) {
  const Partition best = best_pieces(target(c), std::min<std::int64_t>(c.model.N, (c.model.D - 1) / 2));
  const double slope = c.model.activation == kernels::Activation::silu ? kSteep : 1;
  embed(c, w);
  split(c, w, kPlus, kMinus), join(w, kPlus, kMinus, 1);
  constant_channel(c, w, kInnerConstant);
  w.fill("A_log", kNoDecay), w.fill("dt_proj.bias", kStepOfOne);
  column(c, w, kInnerConstant, 0, 1, best.mean);
  // Two ramps for each beginning of a piece but the first: [t >= begin + 1], t from 1.
  std::vector<int> ramp(static_cast<std::size_t>(c.model.T) + 1, -1);
  int next = kInnerConstant + 1;
  for (std::size_t i = 1; i < best.pieces.size(); ++i, next += 2) {
    ramp[static_cast<std::size_t>(best.pieces[i].begin)] = next;
    for (const int side : {0, 1})
      time_channel(c, w, next + side, slope, kConstant, -slope * (best.pieces[i].begin + side));
  }
  const auto step = [&](int begin, int n, double height) {
    if (begin == c.model.T) return;  // never reached
    if (begin == 0) w("x_proj.B", kInnerConstant, n) += height / activated(c.model, 1);
    for (const int side : {0, 1})
      if (begin > 0) w("x_proj.B", ramp[static_cast<std::size_t>(begin)] + side, n) += (side ? -1 : 1) * height / slope;
  };
  for (std::size_t i = 0; i < best.wavelets.size(); ++i) {
    const Wavelet& psi = best.wavelets[i];
    const int n = static_cast<int>(i) + 1;
    column(c, w, kInnerConstant, n, 0, psi.coefficient);
    step(psi.begin, n, psi.first), step(psi.middle, n, psi.second - psi.first), step(psi.end, n, -psi.second);
  }
  answer(c, w);
}

Sizes h3_sizes(const Case& c) { return {c.model.gate ? 2 : 1, 2, 2 * (c.model.T / 2 + 1)}; }
std::string h3_fits(const Case& c) {
  return first_of({plain_network_fits(c), c.model.s4d_complex ? "" : "s4d_mode: modes turn, expected \"complex\"",
                   needs_width(c, c.model.gate ? 2 : 1, 2, "x and a gate's constant need a channel each, x inside two")});
}
void h3_build(const Case& c, Weights& w) {
  const int T = c.model.T;
  embed(c, w);
  split(c, w, kPlus, kMinus), join(w, kPlus, kMinus, 1);
  w.fill("A_real_log", kNoDecay), w.fill("B_real", 1);
  const std::vector<Mode> modes = best_modes(target(c), c.model.N / 2);
  for (std::size_t k = 0; k < modes.size(); ++k) {
    const Mode& mode = modes[k];
    const std::complex<double> A(0, 2 * kPi * mode.frequency / T);
    const bool zoh = mode.frequency > 0 && c.model.discretisation == kernels::Discretisation::zoh;
    const std::complex<double> f = zoh ? (std::exp(A) - 1.0) / A : 1.0;
    // f(t - 1) at lag l = T - t: e^{2 pi i k (T - 1 - l) / T}, whose real part is that of its conjugate.
    const std::complex<double> C = mode.weight / 2 * std::conj(mode.amplitude) *
                                   std::polar(1.0, -2 * kPi * (static_cast<std::int64_t>(mode.frequency) * (T - 1) % T) / T) / f;
    const int n = static_cast<int>(k);
    for (const int channel : {kPlus, kMinus})
      w("A_imag", n, channel) = A.imag(), w("C_real", n, channel) = C.real(), w("C_imag", n, channel) = C.imag();
  }
  answer(c, w);
}

}  // namespace phasegrid::worker
