// Numbers that a batch brings along, one array per model; filled anew for each batch. Floats in either precision: they are data.
#pragma once

namespace phasegrid::kernels {

struct Reals {
  const float* const* data = nullptr;
  const float* operator[](int m) const { return data[m]; }
  explicit operator bool() const { return data != nullptr; }
};

}  // namespace phasegrid::kernels
