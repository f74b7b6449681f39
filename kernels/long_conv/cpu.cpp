// One vector of channels at a time: its K^i (and their gradients) stay in the first- and second-level cache while all sequences go by.
// Of each sequence, u and du are gathered into tables without gaps first: rows that are a power of two apart would fall on few lines of
// the first-level cache. kOutputs outputs share each load of u.
#include "kernels/long_conv/long_conv.hpp"

#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"
#include "kernels/vec.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

constexpr int kOutputs = 4;

// When each step of sequence s ends, relative to its start, and which of its steps are read.
template <class Real>
struct ConvSequence {
  const ScanStep* steps;
  int count, outputs, first_output;
  std::int32_t *end, *read;

  ConvSequence(const LongConv<Real>& op, std::int32_t* integers, int m, int s) {
    const Walk& walk = op.walks[m];
    count = walk.first_step[s + 1] - walk.first_step[s];
    steps = walk.steps + walk.first_step[s];
    outputs = 0, first_output = walk.first_output[s];
    end = integers, read = integers + op.K.stride / op.K.width;
    std::int32_t t = -1;
    for (int i = 0; i < count; ++i) {
      end[i] = t += 1 << steps[i].log2_repeats;
      if (steps[i].output >= 0) read[outputs++] = i;
    }
  }
  void gather(const Real* rows, std::int64_t D, Real* out) const {
    for (int i = 0; i < count; ++i) at(out + i * kLanes) = at(rows + steps[i].row * D);
  }
  void scatter(const Real* in, Real* rows, std::int64_t D) const {
    for (int i = 0; i < count; ++i) at(rows + steps[i].row * D) += at(in + i * kLanes);
  }
};

// f(outputs, q, begin, end): outputs q .. q + outputs - 1 all read the steps [begin, end).
template <class Real, class F>
PHASEGRID_INLINE void each_block(const ConvSequence<Real>& k, F&& f) {
  int q = 0;
  for (; q + kOutputs <= k.outputs; q += kOutputs) {
    f(std::integral_constant<int, kOutputs>(), q, 0, k.read[q] + 1);
    for (int i = 1; i < kOutputs; ++i) f(std::integral_constant<int, 1>(), q + i, k.read[q] + 1, k.read[q + i] + 1);
  }
  for (; q < k.outputs; ++q) f(std::integral_constant<int, 1>(), q, 0, k.read[q] + 1);
}

// K^i of one vector of channels, all of them if `powers` > 1.
template <class Real>
void fill_table(const LongConv<Real>& op, Real* table, int m, std::int64_t c, int powers) {
  const std::int64_t T = op.K.count[m];
  for (std::int64_t j = 0; j < T; ++j) at(table + j * kLanes) = at(op.K.value(m) + j * op.u.width + c);
  for (int i = 1; i < powers; ++i) {
    const Real* half = table + (i - 1) * T * kLanes;
    for (std::int64_t j = 0; j + (1 << i) <= T; ++j) at(table + (i * T + j) * kLanes) = at(half + j * kLanes) + at(half + (j + (1 << (i - 1))) * kLanes);  // (3)
  }
}

// Tables and integers of one thread. A thread that helps keeps both in one piece.
template <class Real>
struct ConvScratch {
  Real* tables;
  std::int32_t* integers;
  ConvScratch(const LongConv<Real>& op, Real* scratch)
      : tables(scratch), integers(scratch == op.scratch ? op.integers : reinterpret_cast<std::int32_t*>(scratch + long_conv_scratch(longest(op)))) {}
  static int longest(const LongConv<Real>& op) { return static_cast<int>(op.K.stride / op.K.width); }
  static std::int64_t size(const LongConv<Real>& op) { return long_conv_scratch(longest(op)) + 2 * longest(op); }
};

// What a model costs, in numbers of one channel.
template <class Real>
std::int64_t conv_work(const LongConv<Real>& op, int m) { return op.K.count[m] + std::int64_t{op.y.count[m]} * op.K.count[m] / 4; }

template <class Real>
void forward_channels(const LongConv<Real>& op, const ConvScratch<Real>& scratch, int m, std::int64_t c) {
  const Walk& walk = op.walks[m];
  const std::int64_t D = op.u.width, T = op.K.count[m];
  Real *table = scratch.tables, *u = table + 2 * kPowers * T * kLanes;
  fill_table(op, table, m, c, walk.shared > 0 ? kPowers : 1);
  for (std::int64_t q = 0; q < op.y.count[m]; ++q)
    at(op.y.value(m) + q * D + c) = at(op.skip.value(m) + c) * at(op.u.value(m) + op.output_row[m][q] * D + c);
  for (int s = 0; s < walk.sequences; ++s) {
    const ConvSequence<Real> k(op, scratch.integers, m, s);
    k.gather(op.u.value(m) + c, D, u);
    Real* y = op.y.value(m) + k.first_output * D + c;
    each_block(k, [&](auto outputs, int q, int begin, int end) PHASEGRID_LAMBDA {
      Vec<Real> sum[outputs];
      std::int32_t time[outputs];
      unrolled<outputs>([&](auto o) PHASEGRID_LAMBDA { sum[o] = at(y + (q + o) * D), time[o] = k.end[k.read[q + o]]; });
      for (int i = begin; i < end; ++i) {
        const ScanStep step = k.steps[i];
        const Vec<Real> u_t = at(u + i * kLanes);
        const Real* K = table + (step.log2_repeats * T - k.end[i]) * kLanes;
        unrolled<outputs>([&](auto o) PHASEGRID_LAMBDA { sum[o] += at(K + time[o] * kLanes) * u_t; });  // (1)
      }
      unrolled<outputs>([&](auto o) PHASEGRID_LAMBDA { at(y + (q + o) * D) = sum[o]; });
    });
  }
}

template <class Real>
void forward(const LongConv<Real>& op) {
  for (int m = 0; m < op.models; ++m)
    parallel_columns(op.u.width, conv_work(op, m), op.scratch, ConvScratch<Real>::size(op), [&](int begin, int end, Real* scratch) {
      for (int c = begin; c < end; c += kLanes) forward_channels(op, ConvScratch<Real>(op, scratch), m, c);
    });
}

template <class Real>
void backward_channels(const LongConv<Real>& op, const ConvScratch<Real>& scratch, int m, std::int64_t c) {
  const Walk& walk = op.walks[m];
  const std::int64_t D = op.u.width, T = op.K.count[m];
  const int powers = walk.shared > 0 ? kPowers : 1;
  Real *table = scratch.tables, *d_table = table + kPowers * T * kLanes;
  fill_table(op, table, m, c, powers);
  std::memset(d_table, 0, static_cast<std::size_t>(powers * T) * kLanes * sizeof(Real));
  Real *u = table + 2 * kPowers * T * kLanes, *d_u = u + T * kLanes;
  for (int s = 0; s < walk.sequences; ++s) {
    const ConvSequence<Real> k(op, scratch.integers, m, s);
    k.gather(op.u.value(m) + c, D, u);
    std::memset(d_u, 0, static_cast<std::size_t>(k.count) * kLanes * sizeof(Real));
    const Real* d_y = op.y.grad(m) + k.first_output * D + c;
    each_block(k, [&](auto outputs, int q, int begin, int end) PHASEGRID_LAMBDA {
      Vec<Real> d[outputs];
      std::int32_t time[outputs];
      unrolled<outputs>([&](auto o) PHASEGRID_LAMBDA { d[o] = at(d_y + (q + o) * D), time[o] = k.end[k.read[q + o]]; });
      for (int i = begin; i < end; ++i) {
        const ScanStep step = k.steps[i];
        const Vec<Real> u_t = at(u + i * kLanes);
        Vec<Real> sum = at(d_u + i * kLanes);
        const std::int64_t place = (step.log2_repeats * T - k.end[i]) * kLanes;
        unrolled<outputs>([&](auto o) PHASEGRID_LAMBDA {
          sum += at(table + place + time[o] * kLanes) * d[o];      // (2)
          at(d_table + place + time[o] * kLanes) += d[o] * u_t;
        });
        at(d_u + i * kLanes) = sum;
      }
    });
    k.scatter(d_u, op.u.grad(m) + c, D);
  }
  for (int i = powers - 1; i > 0; --i)
    for (std::int64_t j = 0; j + (1 << i) <= T; ++j) {
      const Vec<Real> d = at(d_table + (i * T + j) * kLanes);
      Real* half = d_table + ((i - 1) * T + j) * kLanes;
      at(half) += d, at(half + (1 << (i - 1)) * kLanes) += d;
    }
  for (std::int64_t j = 0; j < T; ++j) {
    Vec<Real>& d_K = at(op.K.grad(m) + j * D + c);
    d_K = op.K.add ? d_K + at(d_table + j * kLanes) : at(d_table + j * kLanes);
  }
}

template <class Real>
void backward_skip(const LongConv<Real>& op, int m, int begin, int end) {
  for (std::int64_t q = 0, D = op.u.width; q < op.y.count[m]; ++q)
    for (std::int64_t c = begin; c < end; c += kLanes) {
      const std::int64_t row = op.output_row[m][q] * D + c;
      const Vec<Real> d_y = at(op.y.grad(m) + q * D + c);
      at(op.skip.grad(m) + c) += d_y * at(op.u.value(m) + row);
      at(op.u.grad(m) + row) += d_y * at(op.skip.value(m) + c);
    }
}

template <class Real>
void backward(const LongConv<Real>& op) {
  for (int m = 0; m < op.models; ++m) {
    if (!op.u.add) parallel_zero(op.u.grad(m), static_cast<std::int64_t>(op.u.count[m]) * op.u.width);
    parallel_columns(op.u.width, 2 * conv_work(op, m), op.scratch, ConvScratch<Real>::size(op), [&](int begin, int end, Real* scratch) {
      backward_skip(op, m, begin, end);
      for (int c = begin; c < end; c += kLanes) backward_channels(op, ConvScratch<Real>(op, scratch), m, c);
    });
  }
}

PHASEGRID_OPERATION(LongConv)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
