// The header that runs kernels on the CPU: it computes what a GPU computes, and it catches what it says it catches.
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "cuda_runtime.h"

namespace {

using cuda_on_cpu::launch;
using cuda_on_cpu::Order;

// Device memory with the contents of a vector.
template <class T>
class Device {
 public:
  explicit Device(const std::vector<T>& values) : size_(values.size()) {
    EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&data_), size_ * sizeof(T)), cudaSuccess);
    cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~Device() { cudaFree(data_); }
  T* get() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> v(size_);
    cudaMemcpy(v.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost);
    return v;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

// Prefix sums of a block (Hillis and Steele). A step reads, then writes: a barrier after each.
template <bool missing_barrier>
__global__ void block_scan(float* x) {
  __shared__ float s[128];
  const int t = threadIdx.x;
  s[t] = x[blockIdx.x * blockDim.x + t];
  __syncthreads();
  for (int d = 1; d < static_cast<int>(blockDim.x); d *= 2) {
    const float v = t >= d ? s[t - d] : 0.0f;
    if (!missing_barrier) __syncthreads();
    s[t] += v;
    __syncthreads();
  }
  x[blockIdx.x * blockDim.x + t] = s[t];
}

template <bool missing_barrier>
std::vector<float> scanned(Order order) {
  cuda_on_cpu::order = order;
  std::vector<float> x(3 * 128);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7);
  const Device<float> device(x);
  launch<block_scan<missing_barrier>>(3, 128, nullptr, device.get());
  const std::vector<float> result = device.values();
  cuda_on_cpu::order = Order::forward;
  return result;
}
std::vector<float> prefix_sums() {
  std::vector<float> x(3 * 128);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 7) + (i % 128 > 0 ? x[i - 1] : 0);
  return x;
}

TEST(CudaOnCpu, RunsBlocksWithBarriersInEveryOrderOfThreads) {
  for (const Order order : {Order::forward, Order::reverse, Order::random})
    EXPECT_EQ(scanned<false>(order), prefix_sums());
}

#if defined(__SANITIZE_THREAD__)
TEST(CudaOnCpuDeathTest, AMissingBarrierIsADataRace) {
  EXPECT_DEATH(scanned<true>(Order::forward), "data race.*block_scan<true>");
}
#else
TEST(CudaOnCpu, AMissingBarrierShowsInSomeOrderOfThreads) {
  int wrong = 0;
  for (const Order order : {Order::forward, Order::reverse, Order::random})
    wrong += scanned<true>(order) != prefix_sums();
  EXPECT_GT(wrong, 0);
}
#endif

__global__ void warp_sums(const int* x, int* sums, int* count) {
  int v = x[blockIdx.x * blockDim.x + threadIdx.x];
  for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(~0u, v, d);
  const int first = __shfl_sync(~0u, v, 0), again = __shfl_xor_sync(~0u, first, 5), up = __shfl_up_sync(~0u, again, 3);
  if (threadIdx.x % 32 == 7) sums[(blockIdx.x * blockDim.x + threadIdx.x) / 32] = up;
  atomicAdd(count, 1);
}
TEST(CudaOnCpu, ShufflesWithinWarpsAndCountsAtomically) {
  std::vector<int> x(2 * 64);
  std::iota(x.begin(), x.end(), 0);
  const Device<int> in(x), sums({0, 0, 0, 0}), count({0});
  launch<warp_sums>(2, 64, nullptr, in.get(), sums.get(), count.get());
  EXPECT_EQ(sums.values(), (std::vector<int>{496, 1520, 2544, 3568}));
  EXPECT_EQ(count.values()[0], 128);
}

__global__ void write_at(float* x, int i) {
  if (threadIdx.x == 1) x[i] = 1;
}
void write_outside(int size, int i) {
  const Device<float> x(std::vector<float>(static_cast<std::size_t>(size)));
  launch<write_at>(1, 2, nullptr, x.get(), i);
  cudaDeviceSynchronize();
}
TEST(CudaOnCpuDeathTest, CatchesWritesOutsideAnAllocationAndSaysWho) {
  EXPECT_DEATH(write_outside(64, 64),
               "write_at, block \\(0, 0, 0\\), thread \\(1, 0, 0\\): access to byte 256 of an allocation of 256 bytes");
  EXPECT_DEATH(write_outside(3, 3), "something wrote to byte 12 of an allocation of 12 bytes");
  EXPECT_DEATH(write_outside(64, -1), "something wrote to byte -4 of an allocation of 256 bytes");
}
TEST(CudaOnCpuDeathTest, CatchesUseAfterFree) {
  const auto use = [] {
    float* p;
    cudaMalloc(reinterpret_cast<void**>(&p), 256);
    cudaFree(p);
    launch<write_at>(1, 2, nullptr, p, 0);
    cudaDeviceSynchronize();
  };
  EXPECT_DEATH(use(), "access to device memory after it was freed");
}
TEST(CudaOnCpuDeathTest, CatchesTheHostInDeviceMemory) {
  const Device<float> x({1, 2, 3});
  EXPECT_DEATH(x.get()[0] = 4, "device memory is touched outside of kernels and copies");
}
TEST(CudaOnCpuDeathTest, CatchesHostPointersGivenToKernelsInStructsToo) {
  std::vector<float> host(1);
  EXPECT_DEATH((launch<write_at>(1, 2, nullptr, host.data(), 0)),
               "argument 1 of \\S*write_at holds a host pointer at byte 0");
  struct Pair {
    bool small;
    float* p;
  };
  EXPECT_DEATH((cuda_on_cpu::checked("k", 2, Pair{true, host.data()})),
               "argument 2 of k holds a host pointer at byte 8");
}
TEST(CudaOnCpuDeathTest, CatchesCopiesThatLeaveAnAllocation) {
  const Device<float> x({1, 2, 3});
  float host[4] = {};
  EXPECT_DEATH(cudaMemcpy(x.get(), host, 16, cudaMemcpyHostToDevice),
               "copy to: 16 bytes from byte 0 of an allocation of 12 bytes");
  EXPECT_DEATH(cudaMemcpy(host, host, 4, cudaMemcpyDeviceToHost), "is not device memory");
}

template <bool all>
__global__ void some_threads_wait() {
  if (all || threadIdx.x < 16) __syncthreads();
}
__global__ void two_masks(int* x) {
  x[threadIdx.x] = __shfl_sync(threadIdx.x < 16 ? 0xffffu : ~0u, static_cast<int>(threadIdx.x), 3);
}
TEST(CudaOnCpu, LetsThreadsWaitWhoAllReachTheBarrier) {
  launch<some_threads_wait<true>>(1, 32, nullptr);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}
TEST(CudaOnCpuDeathTest, CatchesThreadsThatMissABarrier) {
  EXPECT_DEATH((launch<some_threads_wait<false>>(1, 32, nullptr), cudaDeviceSynchronize()),
               "only 16 of 32 threads reach __syncthreads \\(16 have returned\\)");
  const Device<int> x(std::vector<int>(32));
  EXPECT_DEATH((launch<two_masks>(1, 32, nullptr, x.get()), cudaDeviceSynchronize()),
               "lane 16 reads lane 3, which takes no part in the exchange");
}

TEST(CudaOnCpu, GivesMemoryThatIsNotANumberUntilSomebodyWritesIt) {
  float* p;
  ASSERT_EQ(cudaMalloc(reinterpret_cast<void**>(&p), 4), cudaSuccess);
  float x = 0;
  cudaMemcpy(&x, p, 4, cudaMemcpyDeviceToHost);
  EXPECT_TRUE(std::isnan(x));
  cudaFree(p);
  cuda_on_cpu::memory_limit = 1000;
  EXPECT_EQ(cudaMalloc(reinterpret_cast<void**>(&p), 1001), cudaErrorMemoryAllocation);
  cuda_on_cpu::memory_limit = std::size_t{1} << 32;
}

__global__ void add_one(int* x) { ++*x; }
TEST(CudaOnCpu, DoesTheWorkOfAStreamWhenSomebodyWaitsForIt) {
  const Device<int> x({5});
  int* pinned;
  cudaMallocHost(reinterpret_cast<void**>(&pinned), sizeof(int));
  *pinned = 0;
  cudaStream_t stream, other;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  launch<add_one>(1, 1, stream, x.get());
  cudaEventRecord(event, stream);
  cudaStreamWaitEvent(other, event);
  cudaMemcpyAsync(pinned, x.get(), sizeof(int), cudaMemcpyDeviceToHost, other);
  EXPECT_EQ(*pinned, 0) << "read before anybody waited";
  cudaStreamSynchronize(other);
  EXPECT_EQ(*pinned, 6);
  cudaEventDestroy(event), cudaStreamDestroy(stream), cudaStreamDestroy(other), cudaFreeHost(pinned);
}

TEST(CudaOnCpu, ReplaysACapturedGraph) {
  const Device<int> x({0});
  cudaStream_t stream;
  cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
  cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
  launch<add_one>(1, 1, stream, x.get());
  launch<add_one>(1, 1, stream, x.get());
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  cudaStreamEndCapture(stream, &graph), cudaGraphInstantiate(&exec, graph, 0), cudaGraphDestroy(graph);
  EXPECT_EQ(x.values()[0], 0) << "capturing does nothing yet";
  for (int i = 0; i < 3; ++i) cudaGraphLaunch(exec, stream);
  cudaStreamSynchronize(stream);
  EXPECT_EQ(x.values()[0], 6);
  cudaGraphExecDestroy(exec), cudaStreamDestroy(stream);
}

}  // namespace
