#include "worker/models/mixers/hippo.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

namespace phasegrid::worker {

HippoLegs hippo_legs(int modes) {
  const int N = 2 * modes;
  const std::complex<double> i(0, 1);
  // -i S is Hermitian with eigenvalues omega. Above the diagonal A + P P^T is P_j P_k, below it -P_j P_k (2 P_j P_k = sqrt((2j+1)(2k+1))).
  Eigen::MatrixXcd hermitian(N, N);
  Eigen::VectorXcd P(N), B(N);
  for (int j = 0; j < N; ++j) {
    P(j) = std::sqrt(j + 0.5), B(j) = std::sqrt(2.0 * j + 1);
    for (int k = 0; k < N; ++k) hermitian(j, k) = j == k ? 0.0 : -i * ((j < k ? 1 : -1) * std::sqrt((j + 0.5) * (k + 0.5)));
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXcd> solver(hermitian);
  HippoLegs legs;
  for (int k = modes; k < N; ++k) {   // eigenvalues ascend: the second half is positive
    auto v = solver.eigenvectors().col(k);
    legs.eigenvalues.emplace_back(-0.5, solver.eigenvalues()(k));
    legs.P.push_back(v.dot(P)), legs.B.push_back(v.dot(B));
  }
  return legs;
}

}  // namespace phasegrid::worker
