// Which matrix product? Our 40 lines against Eigen, libxsmm and oneDNN, one thread, on the shapes of our networks. Run by hand:
//
//   g++ -std=c++20 -O3 -march=native -mprefer-vector-width=512 -I. -I/usr/include/eigen3 -DPHASEGRID_ISA=bench -Wno-psabi \
//       -Wno-ignored-attributes tests/bench/gemm.cpp -o gemm -ldnnl -lxsmm -lxsmmext -lblas && OMP_NUM_THREADS=1 ./gemm
//
// Prints GFLOP/s of the fastest of many repetitions: row-major C (M, N) = A (M, K) B (K, N), operands in cache.
#include <dnnl.h>
#include <libxsmm.h>

#include <Eigen/Dense>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "kernels/gemm.hpp"

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

double gigaflops(int M, int N, int K, const std::function<void()>& multiply) {
  using Clock = std::chrono::steady_clock;
  const double flops = 2.0 * M * N * K;
  const int inner = static_cast<int>(2e7 / flops) + 1;
  double best = 1e9;
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    for (int j = 0; j < inner; ++j) multiply();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / inner);
  }
  return flops / best / 1e9;
}

int main() {
  Eigen::setNbThreads(1);
  std::printf("%6s %5s %5s %10s %10s %10s %10s\n", "M", "N", "K", "ours", "eigen", "libxsmm", "onednn");
  const int shapes[][3] = {{4096, 64, 64}, {1300, 128, 64}, {1300, 32, 128}, {256, 64, 128}, {256, 256, 64}, {64, 128, 1300}, {20, 128, 64}};
  for (const auto& [M, N, K] : shapes) {
    auto* a = static_cast<float*>(std::aligned_alloc(128, sizeof(float) * M * K));
    auto* b = static_cast<float*>(std::aligned_alloc(128, sizeof(float) * K * N));
    auto* c = static_cast<float*>(std::aligned_alloc(128, sizeof(float) * M * N));
    for (int i = 0; i < M * K; ++i) a[i] = static_cast<float>(i % 7) - 3;
    for (int i = 0; i < K * N; ++i) b[i] = static_cast<float>(i % 5) - 2;
    const auto ours = [&] { phasegrid::kernels::gemm<float>(M, N, K, a, K, 1, b, N, c, N, false); };
    const auto eigen = [&] { Eigen::Map<RowMajor>(c, M, N).noalias() = Eigen::Map<RowMajor>(a, M, K) * Eigen::Map<RowMajor>(b, K, N); };
    const auto xsmm = libxsmm_smmdispatch(N, M, K, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);  // column-major: C^T = B^T A^T
    const auto libxsmm = [&] {
      float one = 1, zero = 0;
      int m = M, n = N, k = K;
      if (xsmm) xsmm(b, a, c);
      else libxsmm_sgemm("N", "N", &n, &m, &k, &one, b, &n, a, &k, &zero, c, &n);
    };
    const auto onednn = [&] { dnnl_sgemm('N', 'N', M, N, K, 1, a, K, b, N, 0, c, N); };
    std::printf("%6d %5d %5d %10.0f %10.0f %10.0f %10.0f\n", M, N, K, gigaflops(M, N, K, ours), gigaflops(M, N, K, eigen), gigaflops(M, N, K, libxsmm), gigaflops(M, N, K, onednn));
    std::free(a), std::free(b), std::free(c);
  }
}
