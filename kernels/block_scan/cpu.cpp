// Sequence after sequence, tile after tile: a tile's walk and the rows of its sequence stay in the caches near the core.
#include "kernels/block_scan/block_scan.hpp"

#include "kernels/block_scan/tile.hpp"
#include "kernels/operation.hpp"
#include "kernels/parallel.hpp"

namespace phasegrid::kernels {
inline namespace PHASEGRID_ISA {

// The tiles of one model in the operation's scratch memory, and behind them what one sequence leaves for its way back.
template <class Real, class Number, int NB>
struct BlockScratch {
  using Tile = BlockTile<Real, Number, NB>;
  static_assert(sizeof(Tile) <= kBlockScanArrays * sizeof(Number[NB]));
  Tile* tiles;
  int count;
  Real* sequence;

  explicit BlockScratch(const BlockScan<Real>& op) : tiles(reinterpret_cast<Tile*>(op.scratch)) {
    count = (op.A_log.columns + NB - 1) / NB * (op.u.width / kLanes);
    sequence = op.scratch + count * static_cast<std::int64_t>(sizeof(Tile) / sizeof(Real));
  }
};

// -e^{A_log} + i A_imag; never 0, so that it has an inverse.
template <class Real, class Number>
Number eigenvalue(const BlockScan<Real>& op, int m, int n) {
  const Vec<Real> e = exp_lanes(splat(op.A_log.value(m)[n])), least = splat(Real(1e-12)), re = -(e < least ? least : e);
  if constexpr (NumberKind<Number>::kParts == 2) return {re, splat(op.A_imag.value(m)[n])};
  else return re;
}

template <Discretisation rule, class Real, class Number, int NB>
void prepare_shared(const BlockView<Real>& k, BlockTile<Real, Number, NB>& tile, int row) {
  auto& shared = tile.shared[row];
  const Vec<Real> u = at(k.u + row * k.D + tile.c), delta = at(k.delta + row * k.D + tile.c);
  const Number one = NumberKind<Number>::from(Vec<Real>{} + 1);
  for (int n = 0; n < NB; ++n) {
    const Factor<Number> x = factor<rule>(delta, tile.A[n], tile.inverse_A[n]);
    shared.a[n] = x.a, shared.f[n] = x.f, shared.by_A[n] = x.by_A;
    shared.b[n] = spread(tile, k.B + row * k.B_width, k.N, n) + tile.bias[n];
    shared.G[n] = shared.g[n] = nothing<Number>();
    const Number input = x.f * shared.b[n] * u;
    Number p = x.a, s = one, r = nothing<Number>();
    for (int i = 0; i < kPowers; ++i) {
      auto& run = shared.runs[i];
      run.p[n] = p, run.s[n] = s, run.input[n] = s * input, run.reached[n] = r * input;
      r = p * s * splat(Real(1 << i)) + r * (one + p), s = s * (one + p), p = p * p;
    }
  }
}

template <Discretisation rule, class Real, class Number, int NB>
void prepare(const BlockScan<Real>& op, const BlockScratch<Real, Number, NB>& scratch, const BlockView<Real>& k, int m) {
  int i = 0;
  for (int n0 = 0; n0 < k.N; n0 += NB)
    for (int c = 0; c < k.D; c += kLanes) {
      auto& tile = scratch.tiles[i++];
      tile.lanes = BlockLanes<Real>(op.u.columns, op.blocks, c);
      tile.c = c, tile.n0 = n0, tile.used = k.N - n0 < NB ? k.N - n0 : NB;
      for (int n = 0; n < NB; ++n) {
        tile.A[n] = eigenvalue<Real, Number>(op, m, n < tile.used ? n0 + n : n0), tile.inverse_A[n] = inverse(tile.A[n]);
        tile.bias[n] = tile.d_A[n] = tile.d_bias[n] = nothing<Number>();
        const std::int64_t at_bias = (n0 + n) * k.D + c;
        if (op.bias && n < tile.used) tile.bias[n] = load_parts<Real, Number>(op.bias.value(m) + at_bias, op.bias_imag ? op.bias_imag.value(m) + at_bias : nullptr);
      }
      for (int row = 0; row < k.shared; ++row) prepare_shared<rule>(k, tile, row);
    }
}

template <class Real>
BlockView<Real> view(const BlockScan<Real>& op, int m) {
  BlockView<Real> k{};
  k.D = op.u.width, k.B_width = op.B.width, k.C_width = op.C.width, k.N = op.A_log.columns, k.shared = op.walks[m].shared;
  k.u = op.u.value(m), k.delta = op.delta.value(m), k.B = op.B.value(m), k.C = op.C.value(m), k.y = op.y.value(m);
  k.d_y = op.y.grad(m), k.d_u = op.u.grad(m), k.d_delta = op.delta.grad(m);
  return k;
}
template <class Real>
void choose_sequence(BlockView<Real>& k, const Walk& walk, int s) {
  k.steps = walk.steps + walk.first_step[s], k.count = walk.first_step[s + 1] - walk.first_step[s];
  k.first_row = walk.first_row[s], k.first_output = walk.first_output[s];
}

template <Discretisation rule, class Real, class Number>
void forward_model(const BlockScan<Real>& op, int m) {
  constexpr int NB = kLanes == 16 ? 4 : 2;
  const std::int64_t D = op.u.width;
  const Walk& walk = op.walks[m];
  const BlockScratch<Real, Number, NB> scratch(op);
  const BlockView<Real> whole = view(op, m);
  prepare<rule>(op, scratch, whole, m);
  parallel(walk.sequences, [&](int s) {
    BlockView<Real> k = whole;
    choose_sequence(k, walk, s);
    for (std::int64_t q = walk.first_output[s]; q < walk.first_output[s + 1]; ++q)
      for (std::int64_t c = 0; c < D; c += kLanes)
        at(op.y.value(m) + q * D + c) = at(op.skip.value(m) + c) * at(op.u.value(m) + op.output_row[m][q] * D + c);
    for (int i = 0; i < scratch.count; ++i) walk_forward<rule, false>(k, scratch.tiles[i]);
  });
}

// The sums over the lanes of a block of `count` x NB numbers are added to the tile's states of as many rows of B or C.
template <int levels, class Real, class Number, int NB>
void add_sums(const BlockTile<Real, Number, NB>& tile, const Real* partial, int count, Real* out, std::int64_t width, int N) {
  constexpr int kParts = NumberKind<Number>::kParts, kRow = NB * kParts, kGroup = 1 << levels, kEach = kLanes / kGroup;
  const auto place = [&](int i) {
    const int n = i % kRow / kParts, part = i % kParts;
    return n < tile.used ? out + i / kRow * width + (part * N + tile.n0 + n) * static_cast<std::int64_t>(tile.lanes.stride) : nullptr;
  };
  const int blocks = tile.lanes.block[kLanes - 1] - tile.lanes.block[0] + 1, total = count * kRow;
  for (int i = 0; i < total; i += kGroup) {
    Vec<Real> v[kGroup];
    for (int j = 0; j < kGroup; ++j) v[j] = i + j < total ? at(partial + static_cast<std::int64_t>(i + j) * kLanes) : Vec<Real>{};
    alignas(sizeof(Vec<Real>)) Real sums[kLanes];
    at(sums) = sum_neighbours<Real, levels>(v);
    for (int j = 0; j < kGroup && i + j < total; ++j)
      if (Real* to = place(i + j))
        for (int b = 0; b < kEach && b < blocks; ++b) to[tile.lanes.block[0] + b] += sums[j * kEach + b];
  }
}
template <class Real, class Number, int NB>
void add_to_blocks(const BlockTile<Real, Number, NB>& tile, const Real* partial, int count, Real* out, std::int64_t width, int N) {
  static_assert(kLanes <= 16);
  switch (tile.lanes.levels) {
    case 0: return add_sums<0>(tile, partial, count, out, width, N);
    case 1: return add_sums<1>(tile, partial, count, out, width, N);
    case 2: return add_sums<2>(tile, partial, count, out, width, N);
    case 3: return add_sums<(kLanes >= 8 ? 3 : 2)>(tile, partial, count, out, width, N);
    case 4: return add_sums<(kLanes >= 16 ? 4 : 2)>(tile, partial, count, out, width, N);
  }
  constexpr int kParts = NumberKind<Number>::kParts;
  for (int row = 0; row < count; ++row)
    for (int n = 0; n < NB; ++n)
      for (int part = 0; part < kParts; ++part, partial += kLanes)
        if (n < tile.used) tile.lanes.add_one(out + row * width + (part * N + tile.n0 + n) * static_cast<std::int64_t>(tile.lanes.stride), at(partial));
}

template <class Real>
void clear(const Rows<Real>& rows, int m, std::int64_t begin, std::int64_t end) {
  if (!rows.add) std::memset(rows.grad(m) + begin * rows.width, 0, static_cast<std::size_t>((end - begin) * rows.width) * sizeof(Real));
}

template <Discretisation rule, class Real, class Number, int NB>
void backward_sequence(const BlockScan<Real>& op, const BlockScratch<Real, Number, NB>& scratch, BlockView<Real>& k, int m, int s) {
  constexpr int kTile = NB * NumberKind<Number>::kParts * kLanes;
  const Walk& walk = op.walks[m];
  choose_sequence(k, walk, s);
  const int rows = walk.first_row[s + 1] - k.first_row, outputs = walk.first_output[s + 1] - k.first_output;
  for (const Rows<Real>* own : {&op.u, &op.delta, &op.B}) clear(*own, m, k.first_row, walk.first_row[s + 1]);
  clear(op.C, m, k.first_output, walk.first_output[s + 1]);
  k.factors = scratch.sequence, k.h = k.factors + static_cast<std::int64_t>(rows) * 3 * kTile;
  k.d_B = k.h + (k.count + std::int64_t{1}) * kTile, k.d_C = k.d_B + static_cast<std::int64_t>(rows) * kTile;
  for (int i = 0; i < scratch.count; ++i) {
    auto& tile = scratch.tiles[i];
    std::memset(k.d_B, 0, static_cast<std::size_t>(rows) * kTile * sizeof(Real));
    walk_forward<rule, true>(k, tile);
    walk_backward<rule>(k, tile);
    add_to_blocks(tile, k.d_B, rows, op.B.grad(m) + k.first_row * k.B_width, k.B_width, k.N);
    add_to_blocks(tile, k.d_C, outputs, op.C.grad(m) + k.first_output * k.C_width, k.C_width, k.N);
  }
}

// Gradients of shared rows and of parameters: what all sequences left in the tile.
template <Discretisation rule, class Real, class Number, int NB>
void finish_tile(const BlockScan<Real>& op, const BlockView<Real>& k, BlockTile<Real, Number, NB>& tile, int m) {
  constexpr int kNumber = NumberKind<Number>::kParts * kLanes;
  for (int row = 0; row < k.shared; ++row) {
    auto& shared = tile.shared[row];
    const std::int64_t here = row * k.D + tile.c;
    const Vec<Real> u = at(k.u + here), delta = at(k.delta + here);
    Vec<Real> d_u = at(k.d_u + here), d_delta = at(k.d_delta + here), d_f{};
    alignas(sizeof(Vec<Real>)) Real d_B[NB * kNumber];
    for (int n = 0; n < NB; ++n) {
      const Number d_b = pull_back<rule>({shared.a[n], shared.f[n], shared.by_A[n]}, tile.A[n], shared.b[n], u, delta, shared.G[n], shared.g[n], d_u, d_delta, d_f,
                                         tile.d_A[n]);
      store_packed(d_B + n * kNumber, d_b);
      tile.d_bias[n] += d_b;
    }
    at(k.d_u + here) = d_u, at(k.d_delta + here) = d_delta + d_f * u;
    add_to_blocks(tile, d_B, 1, op.B.grad(m) + row * k.B_width, k.B_width, k.N);
  }
  for (int n = 0; n < tile.used; ++n) {
    const std::int64_t at_bias = (tile.n0 + n) * k.D + tile.c;
    if (op.bias) add_parts<Real, Number>(op.bias.grad(m) + at_bias, op.bias_imag ? op.bias_imag.grad(m) + at_bias : nullptr, tile.d_bias[n]);
    Real* d_A_log = op.A_log.grad(m) + tile.n0 + n;
    if constexpr (NumberKind<Number>::kParts == 2) {
      *d_A_log += tile.A[n].re[0] * sum_lanes<Real>(tile.d_A[n].re);
      op.A_imag.grad(m)[tile.n0 + n] += sum_lanes<Real>(tile.d_A[n].im);
    } else {
      *d_A_log += tile.A[n][0] * sum_lanes<Real>(tile.d_A[n]);
    }
  }
}

template <Discretisation rule, class Real, class Number>
void backward_model(const BlockScan<Real>& op, int m) {
  constexpr int NB = kLanes == 16 ? 4 : 2;
  const std::int64_t D = op.u.width;
  const BlockScratch<Real, Number, NB> scratch(op);
  BlockView<Real> k = view(op, m);
  prepare<rule>(op, scratch, k, m);
  for (const Rows<Real>* rows : {&op.u, &op.delta, &op.B}) clear(*rows, m, 0, k.shared);
  for (int s = 0; s < op.walks[m].sequences; ++s) backward_sequence<rule>(op, scratch, k, m, s);
  for (int i = 0; i < scratch.count; ++i) finish_tile<rule>(op, k, scratch.tiles[i], m);
  for (std::int64_t q = 0; q < op.y.count[m]; ++q)
    for (std::int64_t c = 0; c < D; c += kLanes) {
      const std::int64_t row = op.output_row[m][q] * D + c;
      const Vec<Real> d_y = at(op.y.grad(m) + q * D + c);
      at(op.skip.grad(m) + c) += d_y * at(op.u.value(m) + row), at(op.u.grad(m) + row) += d_y * at(op.skip.value(m) + c);
    }
}

template <class Real, class F>
void with_kind(const BlockScan<Real>& op, F&& f) {
  const auto with_rule = [&](auto number) {
    using Number = decltype(number);
    switch (op.discretisation) {
      case Discretisation::euler: return f.template operator()<Discretisation::euler, Number>();
      case Discretisation::zoh: return f.template operator()<Discretisation::zoh, Number>();
      case Discretisation::none: return f.template operator()<Discretisation::none, Number>();
    }
  };
  if (op.is_complex()) with_rule(Number<Real, true>{});
  else with_rule(Number<Real, false>{});
}

template <class Real>
void forward(const BlockScan<Real>& op) {
  with_kind(op, [&]<Discretisation rule, class Number>() {
    for (int m = 0; m < op.models; ++m) forward_model<rule, Real, Number>(op, m);
  });
}
template <class Real>
void backward(const BlockScan<Real>& op) {
  with_kind(op, [&]<Discretisation rule, class Number>() {
    for (int m = 0; m < op.models; ++m) backward_model<rule, Real, Number>(op, m);
  });
}

PHASEGRID_OPERATION(BlockScan)

}  // namespace PHASEGRID_ISA
}  // namespace phasegrid::kernels
