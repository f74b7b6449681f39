// What operations read and write: tables of rows for M models, parameters, and index maps.
//
// A sequence variable is a table of distinct rows plus an index map from positions to rows. Two positions whose values must be
// equal (the same token in layer 1; the same last K tokens after the convolution) share a row, which is computed once, and
// whose gradient is the sum over its positions. Rows = positions is the ordinary network.
//
// The leading axis of everything is the pack: M models of one shape, each with its own weights and batch, hence its own row
// counts and maps. M = 1 is the ordinary case on a CPU core. Channels lie next to each other and are padded to kPad; padding
// is zero in values and gradients, always.
#pragma once
#include <cstdint>

namespace phasegrid::kernels {

constexpr int kPad = 16;  // numbers; the same on every machine, whatever its vectors
constexpr int padded(int n) { return (n + kPad - 1) / kPad * kPad; }

// Row counts, one per model; filled anew for each batch.
struct Count {
  const std::int32_t* data = nullptr;
  std::int32_t operator[](int m) const { return data[m]; }
};

// A map from rows to rows (or to tokens, labels ...), one per model; filled anew for each batch.
struct Index {
  const std::int32_t* const* data = nullptr;
  const std::int32_t* operator[](int m) const { return data[m]; }
  explicit operator bool() const { return data != nullptr; }
};

// A table (M, count, width). `grad` is null where no gradient is wanted.
template <class Real>
struct Rows {
  Real* values = nullptr;
  Real* grads = nullptr;
  std::int64_t stride = 0;  // from one model to the next
  int columns = 0;          // in use
  int width = 0;            // padded(columns)
  Count count;
  bool add = false;         // backward adds to grads instead of overwriting them: set by the tape for all but the last reader

  Real* value(int m) const { return values + m * stride; }
  Real* grad(int m) const { return grads ? grads + m * stride : nullptr; }
};

// A parameter (M, rows, columns) inside the flat parameter buffer of the pack, rows padded to `width`.
template <class Real>
struct Parameter {
  Real* values = nullptr;
  Real* grads = nullptr;    // null when evaluating; gradients accumulate
  std::int64_t stride = 0;
  int rows = 0, columns = 0, width = 0;

  Real* value(int m) const { return values + m * stride; }
  Real* grad(int m) const { return grads ? grads + m * stride : nullptr; }
  explicit operator bool() const { return values != nullptr; }
};

}  // namespace phasegrid::kernels
