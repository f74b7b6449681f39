// Kinds of GPUs: "sm_90", and "sm_90+cublas" where linear layers are cuBLAS's (--fast-gemm): their bits differ.
#pragma once
#include <string>
#include <string_view>

namespace phasegrid::kernels {

bool built_with_cublas();
bool is_fast(std::string_view kind);
std::string plain_kind(std::string_view kind);  // "sm_90" of both: what the GPU says
std::string fast_kind(std::string_view plain);

}  // namespace phasegrid::kernels
