#include "worker/diagnostics/eigenvalues.hpp"

#include <Eigen/Dense>
#include <Eigen/Eigenvalues>
#include <algorithm>

namespace phasegrid::worker {
namespace {

using Matrix = Eigen::MatrixXd;

// Real rows with P^T Q = Re(W_C^T W_B): imaginary parts are further rows, with a minus sign on one side.
Matrix real_rows(const Table<Complex>& W, bool is_complex, double sign) {
  Matrix rows(W.rows * (is_complex ? 2 : 1), W.columns);
  for (int i = 0; i < W.rows; ++i)
    for (int c = 0; c < W.columns; ++c) {
      rows(i, c) = W(i, c).real();
      if (is_complex) rows(W.rows + i, c) = sign * W(i, c).imag();
    }
  return rows;
}

bool any_imaginary(const Table<Complex>& W) {
  return std::any_of(W.data.begin(), W.data.end(), [](Complex z) { return z.imag() != 0; });
}

std::vector<double> descending(const Eigen::VectorXd& values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.rbegin(), sorted.rend());
  return sorted;
}

}  // namespace

KernelEigenvalues kernel_eigenvalues(const Table<Complex>& W_B, const Table<Complex>& W_C) {
  const bool is_complex = any_imaginary(W_B) || any_imaginary(W_C);
  const Matrix P = real_rows(W_C, is_complex, -1), Q = real_rows(W_B, is_complex, 1);
  const Eigen::Index n = P.rows(), D = P.cols();
  KernelEigenvalues result;
  // P^T Q (D, D) and Q P^T (n, n) have the same eigenvalues but for zeros.
  const Matrix small = n < D ? Matrix(Q * P.transpose()) : Matrix(P.transpose() * Q);
  result.real_parts = descending(Eigen::EigenSolver<Matrix>(small, false).eigenvalues().real());
  // (P^T Q + Q^T P) / 2 = U S U^T with U = [P^T Q^T] and S = [0 1; 1 0] / 2; with U = O R, O orthonormal: the
  // eigenvalues of R S R^T.
  Matrix U(D, 2 * n);
  U << P.transpose(), Q.transpose();
  const Eigen::Index m = std::min(D, 2 * n);
  const Matrix R = Eigen::HouseholderQR<Matrix>(U).matrixQR().topRows(m).triangularView<Eigen::Upper>();
  const Matrix half = R.leftCols(n) * R.rightCols(n).transpose() / 2;
  result.symmetric =
      descending(Eigen::SelfAdjointEigenSolver<Matrix>(half + half.transpose(), Eigen::EigenvaluesOnly).eigenvalues());
  const auto positive =
      std::count_if(result.real_parts.begin(), result.real_parts.end(), [](double x) { return x > 0; });
  result.positive_fraction = static_cast<double>(positive) / static_cast<double>(result.real_parts.size());
  result.convergent = positive == 0;
  return result;
}

}  // namespace phasegrid::worker
