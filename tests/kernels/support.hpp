// Tables for operation tests: padded, aligned, with random contents.
#pragma once
#include <string>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/operations.hpp"
#include "kernels/random.hpp"

namespace phasegrid::kernels::test {

inline std::vector<std::string> kinds() {
  const auto all = cpu_kinds();
  return {all.begin(), all.end()};
}
inline std::string name_of(const std::string& kind) { return kind.substr(kind.find('-') + 1); }

template <class Real>
class Tables {
 public:
  explicit Tables(std::uint64_t seed = 1) : random_(seed, 1, 0) {}

  Rows<Real> rows(const std::int32_t& count, int columns, bool fill = true) {
    Rows<Real> r;
    r.columns = columns, r.width = padded(columns), r.count = {&count}, r.stride = static_cast<std::int64_t>(count) * r.width;
    r.values = array(count, columns, fill), r.grads = array(count, columns, fill);
    return r;
  }
  Parameter<Real> parameter(int rows, int columns) {
    return {array(rows, columns, true), array(rows, columns, false), 0, rows, columns, padded(columns)};
  }
  Real* array(int rows, int columns, bool fill) {
    Real* p = arena_.allocate_array<Real>(static_cast<std::size_t>(rows) * padded(columns));
    for (int r = 0; fill && r < rows; ++r)
      for (int c = 0; c < columns; ++c) p[r * padded(columns) + c] = static_cast<Real>(random_.normal());
    return p;
  }
  Real* scratch(std::int64_t n) { return arena_.allocate_array<Real>(static_cast<std::size_t>(n)); }

 private:
  Arena arena_;
  Random random_;
};

}  // namespace phasegrid::kernels::test
