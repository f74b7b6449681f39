#include "cublasLt.h"

#include <cstring>
#include <utility>

#include "cuda_on_cpu.hpp"
#include "memory.hpp"

using cuda_on_cpu::die;

struct cublas_on_cpu_handle {};
struct cublas_on_cpu_layout {
  std::uint64_t rows, columns;
  std::int64_t leading, stride = 0;
  std::int32_t batch = 1;
};
struct cublas_on_cpu_product {
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
};
struct cublas_on_cpu_wish {
  std::uint64_t workspace = 1;
  std::uint32_t reductions = 1, alignment[4] = {256, 256, 256, 256};
};

namespace {

template <class T>
void read(T& to, const void* from, std::size_t bytes) {
  if (bytes != sizeof to) die("cuBLAS: an attribute of %zu bytes, expected %zu", bytes, sizeof to);
  std::memcpy(&to, from, bytes);
}

// Column-major, one model: element (i, j) after the transposition.
struct View {
  const float* p;
  std::int64_t row, column, stride;
  std::uint64_t rows, columns;
  View(const void* p, const cublas_on_cpu_layout& l, cublasOperation_t way)
      : p(static_cast<const float*>(p)), row(1), column(l.leading), stride(l.stride), rows(l.rows), columns(l.columns) {
    if (l.leading < static_cast<std::int64_t>(l.rows)) die("cuBLAS: columns overlap");
    if (way == CUBLAS_OP_T) std::swap(row, column), std::swap(rows, columns);
  }
};

cublasLtMatmulAlgo_t shape_of(const View& a, const View& b, const View& c) {
  if (a.rows != c.rows || b.columns != c.columns || a.columns != b.rows)
    die("cuBLAS: %zu x %zu times %zu x %zu into %zu x %zu", a.rows, a.columns, b.rows, b.columns, c.rows, c.columns);
  return {{c.rows, c.columns, a.columns, static_cast<std::uint64_t>(a.row), static_cast<std::uint64_t>(b.row)}};
}

}  // namespace

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  static cublas_on_cpu_handle one;
  *handle = &one;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
  *layout = new cublas_on_cpu_layout{rows, columns, leading};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t what,
                                                const void* value, std::size_t bytes) {
  if (what == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT) read(layout->batch, value, bytes);
  else read(layout->stride, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* product, cublasComputeType_t, cudaDataType_t) {
  *product = new cublas_on_cpu_product;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t product) {
  delete product;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t product, cublasLtMatmulDescAttributes_t what,
                                              const void* value, std::size_t bytes) {
  read(what == CUBLASLT_MATMUL_DESC_TRANSA ? product->a : product->b, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* wish) {
  *wish = new cublas_on_cpu_wish;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t wish) {
  delete wish;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t wish,
                                                    cublasLtMatmulPreferenceAttributes_t what, const void* value,
                                                    std::size_t bytes) {
  if (what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) read(wish->workspace, value, bytes);
  else if (what == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) read(wish->reductions, value, bytes);
  else read(wish->alignment[what - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES], value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t product, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                              cublasLtMatrixLayout_t d, cublasLtMatmulPreference_t wish, int,
                                              cublasLtMatmulHeuristicResult_t* result, int* found) {
  for (const cublas_on_cpu_layout* l : {a, b, c, d})
    if (l->batch != 1) die("cuBLAS chooses a kernel for a pack: its choice would depend on how many models there are");
  if (wish->workspace != 0 || wish->reductions != CUBLASLT_REDUCTION_SCHEME_NONE)
    die("cuBLAS may split a sum: how often would depend on what else the GPU does");
  for (const std::uint32_t bytes : wish->alignment)
    if (bytes > 64) die("cuBLAS expects tables at multiples of %u bytes", bytes);
  *result = {.algo = shape_of({nullptr, *a, product->a}, {nullptr, *b, product->b}, {nullptr, *d, CUBLAS_OP_N})};
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t product, const void* alpha, const void* A,
                              cublasLtMatrixLayout_t a_layout, const void* B, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* C, cublasLtMatrixLayout_t c_layout, void* D,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void*,
                              std::size_t, cudaStream_t stream) {
  const View a(A, *a_layout, product->a), b(B, *b_layout, product->b), d(D, *d_layout, CUBLAS_OP_N);
  const cublasLtMatmulAlgo_t shape = shape_of(a, b, d);
  if (std::memcmp(&shape, algorithm, sizeof shape) != 0) die("cuBLAS: a kernel that was chosen for another shape");
  if (C != D || c_layout != d_layout) die("cuBLAS: not in place: not needed so far");
  for (const void* p : {A, B, C})
    if (reinterpret_cast<std::uintptr_t>(p) % 64 != 0) die("cuBLAS: a table that is not aligned as was said");
  const float one = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  const std::int32_t models = d_layout->batch;
  if (a_layout->batch != models || b_layout->batch != models) die("cuBLAS: batches of different sizes");
  cuda_on_cpu::enqueue(
      stream,
      {"cublasLtMatmul", dim3(1), dim3(1), [=] {
         for (std::int32_t m = 0; m < models; ++m)
           for (std::uint64_t j = 0; j < d.columns; ++j)
             for (std::uint64_t i = 0; i < d.rows; ++i) {
               float sum = 0;
               for (std::uint64_t k = a.columns; k-- > 0;)
                 sum +=
                     a.p[m * a.stride + static_cast<std::int64_t>(i) * a.row +
                         static_cast<std::int64_t>(k) * a.column] *
                     b.p[m * b.stride + static_cast<std::int64_t>(k) * b.row + static_cast<std::int64_t>(j) * b.column];
               float& to = const_cast<float&>(
                   d.p[m * d.stride + static_cast<std::int64_t>(i) + static_cast<std::int64_t>(j) * d.column]);
               to = one * sum + (keep != 0 ? keep * to : 0);
             }
       }});
  return CUBLAS_STATUS_SUCCESS;
}
