// Where tokens of a layer drift with depth (docs/theory.md, 4.3; arXiv 2410.03292): the eigenvalues of mu = W_C^T W_B,
// real part, of B = W_B x and C = W_C x (all groups together; of complex ones Re(W_C^T W_B)). If none is positive
// tokens converge to 0, else they diverge.
#pragma once
#include <vector>

#include "worker/diagnostics/table.hpp"

namespace phasegrid::worker {

struct KernelEigenvalues {
  std::vector<double> real_parts;  // of mu, descending; min(D, states) of them: the others are 0
  std::vector<double> symmetric;   // of (mu + mu^T) / 2, descending; min(D, 2 states) of them
  double positive_fraction = 0;    // of real_parts
  bool convergent = false;
};
KernelEigenvalues kernel_eigenvalues(const Table<Complex>& W_B, const Table<Complex>& W_C);  // (states, D) each

}  // namespace phasegrid::worker
