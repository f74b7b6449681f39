// A plain matrix of numbers, row-major: what diagnostics are computed from.
#pragma once
#include <complex>
#include <cstddef>
#include <vector>

namespace phasegrid::worker {

using Complex = std::complex<double>;

template <class Number>
struct Table {
  int rows = 0, columns = 0;
  std::vector<Number> data;

  Table() = default;
  Table(int rows, int columns, Number value = {})
      : rows(rows), columns(columns), data(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns), value) {}

  Number* row(int r) { return data.data() + static_cast<std::ptrdiff_t>(r) * columns; }
  const Number* row(int r) const { return data.data() + static_cast<std::ptrdiff_t>(r) * columns; }
  Number& operator()(int r, int c) { return row(r)[c]; }
  const Number& operator()(int r, int c) const { return row(r)[c]; }
  explicit operator bool() const { return !data.empty(); }
};

}  // namespace phasegrid::worker
