// Adjoints of (2), from the last j to the first, with h = 2 g and A' w = (2 e - 1) w - h f s, s = sum r w:
//   G_j = 2 conj(C) dK_j + conj(2 e - 1) G_{j+1} + conj(r) ds_j      ds_j = -conj(h) t      t = sum conj(f) G_{j+1}
//   dC += 2 dK_j conj(w_j)    de += 2 conj(w_j) G_{j+1}    dh -= conj(s_j) t    df -= conj(h s_j) G_{j+1}    dr += ds_j conj(w_j)
// The same rule once more for B' = delta M B, then (3) backwards.
#include "kernels/s4_kernel/s4_kernel.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/s4d/math.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// One vector of channels of one model. Every name is an array over modes of packed complex numbers.
template <class Real>
struct S4Channels {
  using V = Vec<Real>;
  using Z = Complex<V>;
  static constexpr int kNumber = 2 * kLanes;

  const S4Kernel<Real>& op;
  int m, c, modes, T;
  V delta, x;
  Z g;
  Real *L, *P, *Q, *B, *C, *e, *f, *r, *w, *d_C, *d_e, *d_f, *d_r, *d_B, *d_P, *d_Q, *d_L, *G, *history, *sums;

  S4Channels(const S4Kernel<Real>& op, Real* scratch, int m, int c) : op(op), m(m), c(c), modes(op.A_log.rows), T(op.K.count[m]) {
    Real* next = scratch;
    for (Real** place : {&L, &P, &Q, &B, &C, &e, &f, &r, &w, &d_C, &d_e, &d_f, &d_r, &d_B, &d_P, &d_Q, &d_L, &G}) *place = next, next += modes * kNumber;
    history = next, sums = next + static_cast<std::int64_t>(T) * modes * kNumber;
    prepare();
  }

  Z get(const Real* p, int n) const { return load_packed<Real, Z>(p + n * kNumber); }
  void put(Real* p, int n, Z z) { store_packed<Real, Z>(p + n * kNumber, z); }
  void add(Real* p, int n, Z z) { put(p, n, get(p, n) + z); }
  template <class F> void each(F&& f) { for (int n = 0; n < modes; ++n) f(n); }
  static Z zero() { return {V{}, V{}}; }

  void prepare() {  // (3)
    delta = exp_lanes(at(op.log_dt.value(m) + c)), x = delta * Real(0.5);
    Z sum = zero();
    each([&](int n) {
      put(L, n, eigenvalue<Real, Z>(op.A_log, op.A_imag, m, n, c));
      put(P, n, mode_number<Real, Z>(op.P, op.P_imag, m, n, c)), put(Q, n, mode_number<Real, Z>(op.Q, op.Q_imag, m, n, c));
      put(B, n, mode_number<Real, Z>(op.B, op.B_imag, m, n, c)), put(C, n, mode_number<Real, Z>(op.C, op.C_imag, m, n, c));
      Z denominator = -(get(L, n) * x);
      denominator.re += 1;
      put(e, n, inverse(denominator));
      put(f, n, get(e, n) * get(P, n)), put(r, n, conj(get(Q, n)) * get(e, n));
      sum += conj(get(Q, n)) * get(f, n);
    });
    sum = sum * x, sum.re += 1;
    g = inverse(sum) * x;
  }
  Z dot_r(const Real* v) {
    Z s = zero();
    each([&](int n) { s += get(r, n) * get(v, n); });
    return s;
  }

  void forward(bool keep) {
    const Z s0 = g * dot_r(B);
    each([&](int n) { put(w, n, (get(e, n) * get(B, n) - get(f, n) * s0) * delta); });  // B'
    for (std::int64_t j = 0; j < T; ++j) {
      V k{};
      Z s = zero();
      each([&](int n) {
        const Z w_n = get(w, n);
        k += real_product(get(C, n), w_n), s += get(r, n) * w_n;
        if (keep) put(history + j * modes * kNumber, n, w_n);
      });
      if (keep) put(sums, static_cast<int>(j), s);
      else at(op.K.value(m) + j * op.K.width + c) = 2 * k;  // (2)
      const Z hs = g * s * splat(Real(2));
      each([&](int n) { put(w, n, get(e, n) * get(w, n) * splat(Real(2)) - get(w, n) - get(f, n) * hs); });  // (4)
    }
  }

  void backward() {
    forward(true);
    each([&](int n) { for (Real* p : {d_C, d_e, d_f, d_r, d_B, d_P, d_Q, d_L, G}) put(p, n, zero()); });
    const V two = splat(Real(2));
    const Z h = g * two;
    Z d_h = zero();
    for (std::int64_t j = T - 1; j >= 0; --j) {
      const Real* w_j = history + j * modes * kNumber;
      const V d_K = two * at(op.K.grad(m) + j * op.K.width + c);
      const Z s = get(sums, static_cast<int>(j));
      Z t = zero();
      each([&](int n) { t += conj(get(f, n)) * get(G, n); });
      const Z d_s = -(conj(h) * t), hs = conj(h * s);
      d_h = d_h - conj(s) * t;
      each([&](int n) {
        const Z w_n = conj(get(w_j, n)), G_n = get(G, n);
        add(d_C, n, w_n * d_K), add(d_e, n, w_n * G_n * two), add(d_f, n, -(hs * G_n)), add(d_r, n, d_s * w_n);
        put(G, n, conj(get(C, n)) * d_K + conj(get(e, n)) * G_n * two - G_n + conj(get(r, n)) * d_s);
      });
    }
    pull_back_input(d_h * two);
  }

  // B' = delta (e B - g f rho), rho = sum r B; G holds its gradient.
  void pull_back_input(Z d_g) {
    const Z rho = dot_r(B), grho = g * rho;
    V d_delta{};
    Z mu = zero();
    each([&](int n) {
      d_delta += real_dot(get(e, n) * get(B, n) - get(f, n) * grho, get(G, n));
      put(G, n, get(G, n) * delta);
      mu += conj(get(f, n)) * get(G, n);
    });
    const Z d_rho = -(conj(g) * mu);
    d_g = d_g - conj(rho) * mu;
    each([&](int n) {
      const Z G_n = get(G, n);
      add(d_e, n, conj(get(B, n)) * G_n), add(d_B, n, conj(get(e, n)) * G_n + conj(get(r, n)) * d_rho);
      add(d_f, n, -(conj(grho) * G_n)), add(d_r, n, conj(get(B, n)) * d_rho);
    });
    pull_back_coefficients(d_g, d_delta);
  }

  // (3): dg/dx = (g/x)^2, dg/dq = -g^2 with q = sum conj(Q) f.
  void pull_back_coefficients(Z d_g, V d_delta) {
    const Z d_q = -(conj(g * g) * d_g), ratio = g * (1 / x);
    V d_x = real_dot(ratio * ratio, d_g);
    each([&](int n) {
      const Z d_f_n = get(d_f, n) + get(Q, n) * d_q, d_r_n = get(d_r, n), e_n = get(e, n);
      put(d_Q, n, get(f, n) * conj(d_q) + e_n * conj(d_r_n));
      put(d_P, n, conj(e_n) * d_f_n);
      const Z d_e_n = get(d_e, n) + get(Q, n) * d_r_n + conj(get(P, n)) * d_f_n;
      put(d_L, n, conj(e_n * e_n) * d_e_n * x);
      d_x += real_dot(get(L, n) * e_n * e_n, d_e_n);
    });
    at(op.log_dt.grad(m) + c) += delta * (d_delta + d_x * Real(0.5));
    each([&](int n) {
      add_mode_gradient<Real, Z>(op.A_log, op.A_imag, m, n, c, eigenvalue_gradient(get(L, n), get(d_L, n)));
      add_mode_gradient<Real, Z>(op.P, op.P_imag, m, n, c, get(d_P, n)), add_mode_gradient<Real, Z>(op.Q, op.Q_imag, m, n, c, get(d_Q, n));
      add_mode_gradient<Real, Z>(op.B, op.B_imag, m, n, c, get(d_B, n)), add_mode_gradient<Real, Z>(op.C, op.C_imag, m, n, c, get(d_C, n));
    });
  }
};

template <class Real, class F>
void each_vector(const S4Kernel<Real>& op, F&& f) {
  for (int m = 0; m < op.models; ++m) {
    const int modes = op.A_log.rows, T = op.K.count[m];
    parallel_columns(op.K.width, std::int64_t{8} * modes * T, op.scratch, s4_kernel_scratch(modes, T), [&](int begin, int end, Real* scratch) {
      for (int c = begin; c < end; c += kLanes) f(S4Channels<Real>(op, scratch, m, c));
    });
  }
}

template <class Real>
void forward(const S4Kernel<Real>& op) {
  each_vector(op, [](S4Channels<Real>&& channels) { channels.forward(false); });
}
template <class Real>
void backward(const S4Kernel<Real>& op) {
  each_vector(op, [](S4Channels<Real>&& channels) { channels.backward(); });
}

PHASEGRID_OPERATION(S4Kernel)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
