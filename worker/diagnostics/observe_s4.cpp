// S4's recurrence (worker/models/mixers/s4.cpp), one dense matrix for each channel,
//
//   h_t = G h_{t-1} + delta M B x_t      y_t = 2 Re C h_t
//   G = 2 M - I      M = (I - delta/2 A)^{-1}      A = diag(L) - P Q^H
//
// with G = V diag(g) V^{-1} and V^{-1} h for h: diagonal, with decays g, input V^{-1} delta M B and read-out 2 C V.
#include <Eigen/Dense>
#include <Eigen/Eigenvalues>

#include "worker/diagnostics/observe.hpp"

namespace phasegrid::worker {

Recurrence observe_s4(const Watched& network, int layer) {
  const int modes = network.model().N / 2;
  Recurrence r = time_invariant(network, layer, modes);
  const Table<double> log_dt = network.mixer_parameter(layer, "log_dt");
  const auto pair = [&](const char* re, const char* im) { return complex_parameter_of(network, layer, "", re, im); };
  const Table<Complex> L = pair("A_real_log", "A_imag"), P = pair("P_real", "P_imag"), Q = pair("Q_real", "Q_imag"),
                       B = pair("B_real", "B_imag"), C = pair("C_real", "C_imag");
  const auto column = [modes](const Table<Complex>& table, int c) {
    Eigen::VectorXcd v(modes);
    for (int n = 0; n < modes; ++n) v(n) = table(n, c);
    return v;
  };
  r.rule = kernels::Discretisation::none;
  r.A = r.B_own = r.C_own = Table<Complex>(r.D, modes);
  for (int c = 0; c < r.D; ++c) {
    const double delta = std::exp(log_dt(0, c));
    Eigen::VectorXcd diagonal(modes);
    for (int n = 0; n < modes; ++n) diagonal(n) = {-std::exp(L(n, c).real()), L(n, c).imag()};
    const Eigen::MatrixXcd I = Eigen::MatrixXcd::Identity(modes, modes);
    const Eigen::MatrixXcd A = Eigen::MatrixXcd(diagonal.asDiagonal()) - column(P, c) * column(Q, c).adjoint();
    const Eigen::MatrixXcd M = (I - delta / 2 * A).inverse();
    const Eigen::ComplexEigenSolver<Eigen::MatrixXcd> solver(2.0 * M - I);
    const Eigen::MatrixXcd& V = solver.eigenvectors();
    const Eigen::VectorXcd b = V.partialPivLu().solve(delta * M * column(B, c));
    const Eigen::RowVectorXcd read = 2.0 * column(C, c).transpose() * V;
    for (int n = 0; n < modes; ++n)
      r.A(c, n) = std::log(solver.eigenvalues()(n)), r.B_own(c, n) = b(n), r.C_own(c, n) = read(n);
  }
  return r;
}

}  // namespace phasegrid::worker
