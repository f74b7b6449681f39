#include "kernels/softsort/softsort.hpp"

#include "kernels/gemm.hpp"
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// One sequence: n positions, their scores `s` a column of a table, P with rows of `width` numbers.
template <class Real>
struct Sorting {
  int n = 0, width = 0;
  const Real* s = nullptr;
  std::int64_t stride = 0;   // from one score to the next
  Real *P, *d_P, *transposed, *scores, *order;

  Sorting(const SoftSort<Real>& op, Real* scratch, int n, const Real* score) : n(n), width(padded(n)), s(score), stride(op.score.width) {
    P = scratch, d_P = P + static_cast<std::int64_t>(n) * width, transposed = d_P + static_cast<std::int64_t>(n) * width;
    scores = transposed + static_cast<std::int64_t>(op.x.width) * width, order = scores + width;
    sort();
    find_P();
  }

  // By insertion: stable, and cheap beside P.
  void sort() {
    for (int i = 0; i < n; ++i) {
      int place = i;
      for (; place > 0 && s[static_cast<int>(order[place - 1]) * stride] > s[i * stride]; --place) order[place] = order[place - 1];
      order[place] = static_cast<Real>(i);
    }
    for (int j = 0; j < width; ++j) scores[j] = j < n ? s[j * stride] : 0;
  }
  Real sorted(int i) const { return scores[static_cast<int>(order[i])]; }

  void find_P() {
    for (int i = 0; i < n; ++i) {
      Real *row = P + static_cast<std::int64_t>(i) * width, sum = 0;
      const Real s_i = sorted(i);
      for (int j = 0; j < width; j += kLanes) {
        const Vec<Real> z = at(scores + j) - s_i;
        at(row + j) = exp_lanes(z < 0 ? z : -z);
      }
      for (int j = n; j < width; ++j) row[j] = 0;
      for (int j = 0; j < n; ++j) sum += row[j];
      for (int j = 0; j < width; j += kLanes) at(row + j) /= splat(sum);
    }
  }
};

template <class Real>
std::int64_t scratch_of(const SoftSort<Real>& op, int m) {
  const Walk& walk = op.walks[m];
  int most = 0;
  for (int q = 0; q < walk.sequences; ++q) most = walk.first_row[q + 1] - walk.first_row[q] > most ? walk.first_row[q + 1] - walk.first_row[q] : most;
  return softsort_scratch(most, op.x.columns);
}

template <class Real>
void forward(const SoftSort<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel(op.walks[m].sequences, op.scratch, scratch_of(op, m), [&](int q, Real* scratch) {
      const std::int64_t row = op.walks[m].first_row[q], D = op.x.width;
      const int n = static_cast<int>(op.walks[m].first_row[q + 1] - row);
      const Sorting<Real> p(op, scratch, n, op.score.value(m) + row * op.score.width);
      gemm<Real>(n, op.y.width, n, p.P, op.back ? 1 : p.width, op.back ? p.width : 1, op.x.value(m) + row * D, D, op.y.value(m) + row * D, D, false);
    });
}

// Gradients of the scores through z[i][j] = -|s_(i) - s_j| and the softmax of its rows; where s_(i) is s_j the two cancel.
template <class Real>
void backward_scores(const Sorting<Real>& p, Real* d_score, std::int64_t stride, bool add) {
  if (!add)
    for (std::int64_t i = 0; i < p.n * stride; ++i) d_score[i] = 0;
  for (int i = 0; i < p.n; ++i) {
    const Real *row = p.P + static_cast<std::int64_t>(i) * p.width, *d_row = p.d_P + static_cast<std::int64_t>(i) * p.width;
    Real mean = 0, d_sorted = 0;
    for (int j = 0; j < p.n; ++j) mean += row[j] * d_row[j];
    const Real s_i = p.sorted(i);
    for (int j = 0; j < p.n; ++j) {
      const Real d_z = row[j] * (d_row[j] - mean), sign = s_i > p.scores[j] ? Real(1) : s_i < p.scores[j] ? Real(-1) : Real(0);
      d_score[j * stride] += sign * d_z, d_sorted -= sign * d_z;
    }
    d_score[static_cast<int>(p.order[i]) * stride] += d_sorted;
  }
}

template <class Real>
void backward(const SoftSort<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel(op.walks[m].sequences, op.scratch, scratch_of(op, m), [&](int q, Real* scratch) {
      const std::int64_t row = op.walks[m].first_row[q], D = op.x.width;
      const int n = static_cast<int>(op.walks[m].first_row[q + 1] - row);
      const Sorting<Real> p(op, scratch, n, op.score.value(m) + row * op.score.width);
      const Real *x = op.x.value(m) + row * D, *d_y = op.y.grad(m) + row * D;
      if (op.x.grads) gemm<Real>(n, static_cast<int>(D), n, p.P, op.back ? p.width : 1, op.back ? 1 : p.width, d_y, D, op.x.grad(m) + row * D, D, op.x.add);
      if (!op.score.grads) return;
      const Real *left = op.back ? x : d_y, *right = op.back ? d_y : x;   // d_P[i][j] = left_i . right_j
      transpose(n, op.x.columns, right, D, p.transposed, p.width);
      gemm<Real>(n, p.width, op.x.columns, left, D, 1, p.transposed, p.width, p.d_P, p.width, false);
      backward_scores(p, op.score.grad(m) + row * op.score.width, op.score.width, op.score.add);
    });
}

PHASEGRID_OPERATION(SoftSort)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
