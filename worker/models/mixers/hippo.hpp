// HiPPO-LegS in the basis that makes its normal part diagonal (docs/theory.md, 1.5; arXiv 2111.00396):
//
//   A_jk = -sqrt((2j+1)(2k+1)) (j > k), -(j+1) (j = k), 0 (j < k)      B_j = sqrt(2j+1)      P_j = sqrt(j + 1/2)
//   A + P P^T = -1/2 I + S,   S skew:  S = V diag(i omega) V^H
//
// of size 2n x 2n; the n modes with omega > 0 stand for the conjugate pairs, in ascending order.
#pragma once
#include <complex>
#include <vector>

namespace phasegrid::worker {

struct HippoLegs {
  std::vector<std::complex<double>> eigenvalues;   // -1/2 + i omega
  std::vector<std::complex<double>> P, B;          // V^H P, V^H B
};
HippoLegs hippo_legs(int modes);

}  // namespace phasegrid::worker
