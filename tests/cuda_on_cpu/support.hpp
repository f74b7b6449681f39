// The same operation on the CPU and on the device, for packs of models with row counts of their own.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/device/backend.hpp"
#include "kernels/mirror.hpp"
#include "kernels/operations.hpp"
#include "kernels/random.hpp"
#include "tests/cuda_on_cpu/cuda_on_cpu.hpp"

namespace phasegrid::kernels::test {

// Rows and parameters of each operation, whatever it reads or writes on the device.
template <class F>
void each_table(Embedding<float>& op, F&& f) {
  f(op.table), f(op.positions), f(op.base), f(op.y);
}
template <class F>
void each_table(Input<float>& op, F&& f) {
  f(op.y);
}
template <class F>
void each_table(Norm<float>& op, F&& f) {
  f(op.x), f(op.w), f(op.b), f(op.y);
}
template <class F>
void each_table(Linear<float>& op, F&& f) {
  f(op.x), f(op.W), f(op.b), f(op.y), f(op.derivative);
}
template <class F>
void each_table(Conv<float>& op, F&& f) {
  f(op.x), f(op.w), f(op.b), f(op.u), f(op.derivative);
}
template <class F>
void each_table(Scan<float>& op, F&& f) {
  f(op.u), f(op.delta), f(op.B), f(op.C), f(op.A_log), f(op.skip), f(op.y);
}
template <class F>
void each_table(Ssd<float>& op, F&& f) {
  f(op.u), f(op.delta), f(op.B), f(op.C), f(op.A_log), f(op.skip), f(op.y);
}
template <class F>
void each_table(S4dParameters<float>& p, F&& f) {
  f(p.log_dt), f(p.A_log), f(p.A_imag), f(p.B), f(p.B_imag), f(p.C), f(p.C_imag);
}
template <class F>
void each_table(S4d<float>& op, F&& f) {
  each_table(op.parameters, f), f(op.u), f(op.skip), f(op.y);
}
template <class F>
void each_table(S4dKernel<float>& op, F&& f) {
  each_table(op.parameters, f), f(op.K);
}
template <class F>
void each_table(LongConv<float>& op, F&& f) {
  f(op.u), f(op.K), f(op.skip), f(op.y);
}
template <class F>
void each_table(BlockDelta<float>& op, F&& f) {
  f(op.u), f(op.w), f(op.b), f(op.delta), f(op.derivative);
}
template <class F>
void each_table(BlockLinear<float>& op, F&& f) {
  f(op.x), f(op.W), f(op.W_imag), f(op.y);
}
template <class F>
void each_table(BlockScan<float>& op, F&& f) {
  f(op.u), f(op.delta), f(op.B), f(op.C), f(op.A_log), f(op.A_imag), f(op.bias), f(op.bias_imag), f(op.skip), f(op.y);
}
template <class F>
void each_table(Attention<float>& op, F&& f) {
  f(op.q), f(op.k), f(op.v), f(op.y);
}
template <class F>
void each_table(SoftSort<float>& op, F&& f) {
  f(op.x), f(op.score), f(op.y);
}
template <class F>
void each_table(Triangle<float>& op, F&& f) {
  f(op.U), f(op.log), f(op.W_B), f(op.W_C);
}
template <class F>
void each_table(Gather<float>& op, F&& f) {
  f(op.x), f(op.base), f(op.y);
}
template <class F>
void each_table(Gate<float>& op, F&& f) {
  f(op.y), f(op.z), f(op.o);
}
template <class F>
void each_table(CrossEntropy<float>& op, F&& f) {
  f(op.logits);
}
template <class F>
void each_table(SquaredError<float>& op, F&& f) {
  f(op.y);
}

// Of a pack of M models: tables with random contents, and maps.
class PackOf {
 public:
  explicit PackOf(int M, std::uint64_t seed = 1) : M_(M), random_(seed, 1, 0) {}
  int models() const { return M_; }

  Count count(const std::vector<std::int32_t>& counts) { return {keep(counts)}; }
  Rows<float> rows(Count count, int most, int columns, bool with_gradient = true) {
    Rows<float> r;
    r.columns = columns, r.width = padded(columns), r.count = count,
    r.stride = static_cast<std::int64_t>(most) * r.width;
    r.values = numbers(M_ * most, columns);
    if (with_gradient) r.grads = numbers(M_ * most, columns);
    return r;
  }
  Parameter<float> parameter(int rows, int columns) {
    const std::int64_t stride = static_cast<std::int64_t>(rows) * padded(columns);
    return {numbers(M_ * rows, columns), numbers(M_ * rows, columns), stride, rows, columns, padded(columns)};
  }
  // `each` entries for each row, below targets[m]; with `holes` some are -1.
  Index map(Count rows, int each, const std::function<int(int)>& targets, bool holes = false) {
    const std::int32_t** table = arena_.allocate_array<const std::int32_t*>(static_cast<std::size_t>(M_));
    for (int m = 0; m < M_; ++m) {
      std::vector<std::int32_t> map(static_cast<std::size_t>(rows[m] * each));
      for (auto& entry : map)
        entry = holes && random_.below(5) == 0
                    ? -1
                    : static_cast<std::int32_t>(random_.below(static_cast<std::uint32_t>(targets(m))));
      table[m] = keep(map);
    }
    return {table};
  }
  Reals reals(Count rows, int each) {
    const float** table = arena_.allocate_array<const float*>(static_cast<std::size_t>(M_));
    for (int m = 0; m < M_; ++m) {
      float* p = arena_.allocate_array<float>(static_cast<std::size_t>(rows[m] * each + 1));
      for (int i = 0; i < rows[m] * each; ++i) p[i] = static_cast<float>(random_.normal());
      table[m] = p;
    }
    return {table};
  }
  template <class T>
  T* array(std::int64_t n) {
    return arena_.allocate_array<T>(static_cast<std::size_t>(n));
  }
  template <class T>
  T* keep(const std::vector<T>& values) {
    T* p = array<T>(static_cast<std::int64_t>(values.size()) + 1);
    std::copy(values.begin(), values.end(), p);
    return p;
  }
  Random& random() { return random_; }

 private:
  float* numbers(int rows, int columns) {
    float* p = array<float>(static_cast<std::int64_t>(rows) * padded(columns));
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < columns; ++c) p[r * padded(columns) + c] = static_cast<float>(random_.normal());
    return p;
  }

  int M_;
  Arena arena_;
  Random random_;
};

inline std::string device_kind() { return cuda_kinds().at(0); }

template <class Op>
std::int64_t size_of(const Rows<float>& t, const Op& op) {
  return t.stride * op.models;
}
template <class Op>
std::int64_t size_of(const Parameter<float>& t, const Op& op) {
  return t.stride * op.models;
}

// An operation with its tables copied to the device, or back.
template <class Op>
class OnDevice {
 public:
  OnDevice(const Op& host, Functions<Op> Operations<float>::*functions, const std::string& kind = device_kind())
      : host_(host),
        op_(host),
        functions_(cuda_operations(kind)->*functions),
        memory_(cuda_memory(host.models)) {
    each_table(op_, [&](auto& t) {
      const std::int64_t n = size_of(t, host_);
      t.values = copy(t.values, n), t.grads = copy(t.grads, n);
    });
    if constexpr (requires { op_.scratch; }) op_.scratch = nullptr;  // the CPU's
    if constexpr (std::is_same_v<Op, Scan<float>>)
      op_.kept = memory_->allocate_array<float>(static_cast<std::size_t>(scan_kept(op_, op_.models)));
    mirror(op_, *memory_->mirror());
  }
  void run(bool backward = true) {
    memory_->upload();
    functions_.forward(op_);
    memory_->download();
    if (backward) functions_.backward(op_);
    memory_->wait();
  }
  // Values, then gradients, of each table in turn.
  std::vector<std::vector<float>> contents() {
    std::vector<std::vector<float>> all;
    each_table(op_, [&](auto& t) {
      for (const float* p : {t.values, t.grads}) {
        std::vector<float>& to = all.emplace_back();
        if (!p) continue;
        to.resize(static_cast<std::size_t>(size_of(t, host_)));
        memory_->get(to.data(), p, to.size() * sizeof(float));
      }
    });
    return all;
  }

 private:
  float* copy(const float* from, std::int64_t n) {
    if (!from) return nullptr;
    float* to = memory_->allocate_array<float>(static_cast<std::size_t>(n));
    memory_->set(to, from, static_cast<std::size_t>(n) * sizeof(float));
    return to;
  }
  Op host_, op_;
  Functions<Op> functions_;
  std::unique_ptr<Memory> memory_;
};

template <class Op>
std::vector<std::vector<float>> contents(Op op) {
  std::vector<std::vector<float>> all;
  each_table(op, [&](auto& t) {
    for (const float* p : {t.values, t.grads}) all.emplace_back(p, p ? p + size_of(t, op) : p);
  });
  return all;
}

// Model m of a pack as a pack of one.
template <class T>
void choose(T& p, int m) {
  if (p) p += m;
}
template <class Op>
void choose_maps(Op&, int) {}
inline void choose_maps(Embedding<float>& op, int m) {
  choose(op.token.data, m), choose(op.position.data, m), choose(op.noise.data, m);
}
inline void choose_maps(Input<float>& op, int m) { choose(op.numbers.data, m); }
inline void choose_maps(Conv<float>& op, int m) { choose(op.window.data, m); }
inline void choose_maps(Scan<float>& op, int m) { choose(op.walks, m), choose(op.output_row.data, m); }
inline void choose_maps(Ssd<float>& op, int m) { choose(op.walks, m), choose(op.window_input.data, m); }
inline void choose_maps(S4d<float>& op, int m) { choose(op.walks, m), choose(op.output_row.data, m); }
inline void choose_maps(LongConv<float>& op, int m) { choose(op.walks, m), choose(op.output_row.data, m); }
inline void choose_maps(BlockScan<float>& op, int m) { choose(op.walks, m), choose(op.output_row.data, m); }
inline void choose_maps(Attention<float>& op, int m) { choose(op.walks, m); }
inline void choose_maps(SoftSort<float>& op, int m) { choose(op.walks, m); }
inline void choose_maps(Gather<float>& op, int m) { choose(op.index.data, m); }
inline void choose_maps(Gate<float>& op, int m) { choose(op.row.data, m); }
inline void choose_maps(CrossEntropy<float>& op, int m) {
  choose(op.label.data, m), choose(op.loss, m), choose(op.right, m);
}
inline void choose_maps(SquaredError<float>& op, int m) { choose(op.target.data, m), choose(op.loss, m); }
template <class Op>
Op alone(Op op, int m) {
  op.models = 1;
  choose_maps(op, m);
  each_table(op, [&](auto& t) {
    if (t.values) t.values += m * t.stride;
    if (t.grads) t.grads += m * t.stride;
    if constexpr (requires { t.count; }) choose(t.count.data, m);
  });
  return op;
}

// Float has 24 bits and the terms of a sum come in another order: 1e-5 of the largest number of a table.
constexpr double kTolerance = 1e-5;

// The device computes what the CPU does, in every order of threads with the same bits, and for each model the bits it gets alone.
template <class Op>
void expect_agreement(const Op& op, Functions<Op> Operations<float>::*functions, bool backward = true) {
  const std::vector<std::vector<float>> start = contents(op);
  std::vector<std::vector<std::vector<float>>> results;
  for (const auto order : {cuda_on_cpu::Order::forward, cuda_on_cpu::Order::reverse, cuda_on_cpu::Order::random}) {
    cuda_on_cpu::order = order;
    OnDevice<Op> device(op, functions);
    device.run(backward);
    results.push_back(device.contents());
  }
  cuda_on_cpu::order = cuda_on_cpu::Order::forward;
  EXPECT_EQ(results[0], results[1]) << "the order of threads shows";
  EXPECT_EQ(results[0], results[2]) << "the order of threads shows";
  for (int m = 0; m < op.models; ++m) {
    Op one = alone(op, m);
    OnDevice<Op> device(one, functions);
    device.run(backward);
    const auto own = device.contents();
    for (std::size_t i = 0; i < own.size(); ++i) {
      const std::vector<float> in_pack(results[0][i].begin() + static_cast<std::ptrdiff_t>(m * own[i].size()),
                                       results[0][i].begin() + static_cast<std::ptrdiff_t>((m + 1) * own[i].size()));
      EXPECT_EQ(own[i], in_pack) << "table " << i / 2 << (i % 2 ? ", gradients" : "") << " of model " << m
                                 << " differs from the pack's";
    }
  }
  const Functions<Op>& on_cpu = operations<float>(cpu_kinds().back()).*functions;
  on_cpu.forward(op);
  if (backward) on_cpu.backward(op);
  const std::vector<std::vector<float>> expected = contents(op);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double scale = 1;
    for (const float x : expected[i]) scale = std::max(scale, std::fabs(static_cast<double>(x)));
    for (std::size_t k = 0; k < expected[i].size(); ++k)
      ASSERT_NEAR(expected[i][k], results[0][i][k], kTolerance * scale)
          << "table " << i / 2 << (i % 2 ? ", gradients" : "") << ", number " << k << "; it was " << start[i][k];
  }
}

}  // namespace phasegrid::kernels::test
