#include "kernels/device/kinds.hpp"

#include "kernels/linear/cublas.hpp"

namespace phasegrid::kernels {
namespace {
constexpr std::string_view kFast = "+cublas";
}

bool built_with_cublas() { return cublas_linear() != nullptr; }
bool is_fast(std::string_view kind) { return kind.ends_with(kFast); }
std::string plain_kind(std::string_view kind) {
  return std::string(is_fast(kind) ? kind.substr(0, kind.size() - kFast.size()) : kind);
}
std::string fast_kind(std::string_view plain) { return std::string(plain) += kFast; }

}  // namespace phasegrid::kernels
