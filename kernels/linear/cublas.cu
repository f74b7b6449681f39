// y = act(x W + b) with the products of cuBLAS, one batched product for all models of a pack.
//
// Products are made of TF32: operands rounded to 11 bits, sums in float. That is what makes cuBLAS worth a device kind
// of its own: in float it runs on the same units as our own product, on tensor cores eight times as fast.
//
// cuBLAS gets its sizes from the host, which knows capacities only, so a product takes all rows of a table, and those
// that the batch does not have hold what an earlier one left. They do no harm in y and d_x, whose rows nobody reads. In
// d_W, a sum over rows, they would: a zero beside a NaN does not help, so what is left over is cleared in both factors.
//
// Which of its kernels cuBLAS takes depends on the shape that it is asked about: always that of one model, whatever the
// pack, and without a workspace, so that no sum is split. A cell has the same bits packed and alone, by the same
// library on the same GPU.
#include "kernels/linear/cublas.hpp"

#include <cublasLt.h>

#include <new>
#include <stdexcept>
#include <string>

#include "kernels/device/access.hpp"
#include "kernels/device/operations.hpp"
#include "kernels/device/pointwise.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {
namespace {

void require(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw std::bad_alloc();
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(std::string("cuBLAS: ") + what + ": status " + std::to_string(status));
}

cublasLtHandle_t handle() {  // never destroyed: the driver may be gone when statics are
  static const cublasLtHandle_t handle = [] {
    cublasLtHandle_t made = nullptr;
    require(cublasLtCreate(&made), "cannot begin");
    return made;
  }();
  return handle;
}

// cuBLAS sees our rows as columns: table (rows, width) is a matrix of `width` x rows there, of which it uses the first
// `used` rows.
struct Operand {
  const float* p;
  std::int64_t stride;  // from one model to the next
  int used, width;
  std::int64_t columns;
  bool flip;
};

class Layout {
 public:
  Layout(const Operand& o) {
    require(cublasLtMatrixLayoutCreate(&layout_, CUDA_R_32F, static_cast<std::uint64_t>(o.used),
                                       static_cast<std::uint64_t>(o.columns), o.width),
            "a layout");
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, o.stride);
  }
  ~Layout() { cublasLtMatrixLayoutDestroy(layout_); }
  Layout(const Layout&) = delete;
  void models(std::int32_t count) { set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, count); }
  cublasLtMatrixLayout_t get() const { return layout_; }

 private:
  template <class T>
  void set(cublasLtMatrixLayoutAttribute_t what, const T& value) {
    require(cublasLtMatrixLayoutSetAttribute(layout_, what, &value, sizeof value), "a layout");
  }
  cublasLtMatrixLayout_t layout_ = nullptr;
};

class Product {
 public:
  Product(bool flip_a, bool flip_b) {
    require(cublasLtMatmulDescCreate(&product_, CUBLAS_COMPUTE_32F_FAST_TF32, CUDA_R_32F), "a product");
    set(CUBLASLT_MATMUL_DESC_TRANSA, flip_a), set(CUBLASLT_MATMUL_DESC_TRANSB, flip_b);
  }
  ~Product() { cublasLtMatmulDescDestroy(product_); }
  Product(const Product&) = delete;
  cublasLtMatmulDesc_t get() const { return product_; }

 private:
  void set(cublasLtMatmulDescAttributes_t what, bool flip) {
    const cublasOperation_t way = flip ? CUBLAS_OP_T : CUBLAS_OP_N;
    require(cublasLtMatmulDescSetAttribute(product_, what, &way, sizeof way), "a product");
  }
  cublasLtMatmulDesc_t product_ = nullptr;
};

// Of one model's product: no workspace, no split sums; tables begin at multiples of kPad numbers.
class Wish {
 public:
  Wish() {
    require(cublasLtMatmulPreferenceCreate(&wish_), "a preference");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{0});
    set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_NONE});
    for (const auto what : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                            CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      set(what, std::uint32_t{kPad * sizeof(float)});
  }
  ~Wish() { cublasLtMatmulPreferenceDestroy(wish_); }
  Wish(const Wish&) = delete;
  cublasLtMatmulAlgo_t choose(const Product& product, const Layout& a, const Layout& b, const Layout& c) const {
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    require(cublasLtMatmulAlgoGetHeuristic(handle(), product.get(), a.get(), b.get(), c.get(), c.get(), wish_, 1,
                                           &found, &count),
            "the choice of a kernel");
    if (count == 0) throw std::runtime_error("cuBLAS has no kernel for a linear layer of this network");
    return found.algo;
  }

 private:
  template <class T>
  void set(cublasLtMatmulPreferenceAttributes_t what, const T& value) {
    require(cublasLtMatmulPreferenceSetAttribute(wish_, what, &value, sizeof value), "a preference");
  }
  cublasLtMatmulPreference_t wish_ = nullptr;
};

// C = op(A) op(B), or C + op(A) op(B), for every model.
void multiply(const Operand& A, const Operand& B, const Operand& C, bool add, int models) {
  if (rehearsal()) return;
  const Product product(A.flip, B.flip);
  Layout a(A), b(B), c(C);
  const cublasLtMatmulAlgo_t algorithm = Wish().choose(product, a, b, c);
  for (Layout* layout : {&a, &b, &c}) layout->models(models);
  const float one = 1, beta = add ? 1 : 0;
  float* to = const_cast<float*>(C.p);
  require(cublasLtMatmul(handle(), product.get(), &one, A.p, a.get(), B.p, b.get(), &beta, to, c.get(), to, c.get(),
                         &algorithm, nullptr, 0, queue().stream()),
          "a product");
}

Operand table(const float* p, const Rows<float>& r, int used, bool flip = false) {
  return {p, r.stride, used, r.width, capacity(r), flip};
}
Operand matrix(const float* p, const Parameter<float>& W, bool flip = false) {
  return {p, W.stride, W.columns, W.width, W.rows, flip};
}

}  // namespace

__global__ void linear_clear_rest(float* table, std::int64_t stride, int width, Count rows) {
  const int m = blockIdx.y;
  const std::int64_t begin = static_cast<std::int64_t>(rows.data[m]) * width;
  for (std::int64_t i = begin + first(); i < stride; i += step()) table[m * stride + i] = 0;
}

__global__ void linear_finish(Linear<float> op) {
  const int m = blockIdx.y, width = op.y.width;
  for (std::int64_t i = first(); i < static_cast<std::int64_t>(count(op.y, m)) * width; i += step()) {
    float z = value(op.y, m)[i];
    if (op.b.values) z += value(op.b, m)[i % width];
    const Pointwise<float> p = activate(op.activation, z);
    value(op.y, m)[i] = p.value;
    if (op.derivative.values) value(op.derivative, m)[i] = p.derivative;
  }
}

namespace {

void clear_rest(float* values, const Rows<float>& r, int models) {
  launch<linear_clear_rest>(blocks_for(r.stride, models), kThreads, values, r.stride, r.width, r.count);
}

void fast_forward(const Linear<float>& op) {
  if (!op.W) return forward(op);
  if (op.W.grads) clear_rest(op.x.values, op.x, op.models);
  multiply(matrix(op.W.values, op.W, op.transposed), table(op.x.values, op.x, op.x.columns),
           table(op.y.values, op.y, op.y.columns), false, op.models);
  if (op.b.values || op.activation != Activation::identity)
    launch<linear_finish>(blocks_for(op.y.stride, op.models), kThreads, op);
}

void fast_backward(const Linear<float>& op) {
  Linear<float> rest = op;
  rest.W = {};
  backward(rest);  // through the activation, to the bias
  if (!op.W) return;
  const Operand x = table(op.x.values, op.x, op.x.columns), d_z = table(op.y.grads, op.y, op.y.columns);
  const auto flipped = [](Operand o) { return o.flip = true, o; };
  clear_rest(op.y.grads, op.y, op.models);
  multiply(op.transposed ? x : d_z, flipped(op.transposed ? d_z : x), matrix(op.W.grads, op.W), true, op.models);
  if (op.x.grads)
    multiply(matrix(op.W.values, op.W, !op.transposed), d_z, table(op.x.grads, op.x, op.x.columns), op.x.add,
             op.models);
}

}  // namespace

const Functions<Linear<float>>* cublas() {
  static const Functions<Linear<float>> functions{&fast_forward, &fast_backward};
  return &functions;
}

}  // namespace phasegrid::kernels::cuda

namespace phasegrid::kernels {
const Functions<Linear<float>>* cublas_linear() { return cuda::cublas(); }
}  // namespace phasegrid::kernels
