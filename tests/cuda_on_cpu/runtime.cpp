// Streams, events and graphs. A stream is a list of work that nobody does until somebody waits for it: as late as CUDA allows,
// so that a host that reads or overwrites too early sees wrong numbers.
#include <deque>
#include <memory>
#include <vector>

#include "block.hpp"
#include "memory.hpp"

using Work = std::function<void()>;
struct cuda_on_cpu_graph {
  std::vector<Work> work;
};
struct cuda_on_cpu_stream {
  std::deque<Work> waiting;
  std::uint64_t given = 0, done = 0;
  cuda_on_cpu_graph* capture = nullptr;
};
struct cuda_on_cpu_event {
  cuda_on_cpu_stream* stream = nullptr;
  std::uint64_t after = 0;
};

namespace cuda_on_cpu {
namespace {

std::vector<cuda_on_cpu_stream*> streams;
cuda_on_cpu_stream default_stream;
cuda_on_cpu_stream& get(cudaStream_t s) { return s ? *s : default_stream; }

void give(cudaStream_t s, Work work) {
  cuda_on_cpu_stream& stream = get(s);
  if (stream.capture) return stream.capture->work.push_back(std::move(work));
  stream.waiting.push_back(std::move(work)), ++stream.given;
}

void run_until(cuda_on_cpu_stream& stream, std::uint64_t done) {
  if (stream.capture) die("waiting for a stream that is being captured");
  while (stream.done < done && !stream.waiting.empty()) {
    const Work work = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    work();
    ++stream.done;
  }
}
void finish(cuda_on_cpu_stream& stream) {
  begin_access();
  run_until(stream, stream.given);
  check_margins();
  end_access();
}

void check_copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice,
             from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  to_device ? check_device_range("copy to", to, bytes) : check_host_range("copy to", to);
  from_device ? check_device_range("copy from", from, bytes) : check_host_range("copy from", from);
}

}  // namespace

void enqueue(cudaStream_t stream, Launch launch) {
  give(stream, [launch = std::move(launch)] { run(launch); });
}

}  // namespace cuda_on_cpu

using namespace cuda_on_cpu;

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  check_copy(to, from, bytes, kind);
  const bool pageable_source = kind == cudaMemcpyHostToDevice && !is_pinned(from),
             pageable_target = kind == cudaMemcpyDeviceToHost && !is_pinned(to);
  if (get(stream).capture && (pageable_source || pageable_target))
    die("a copy of memory that is not pinned, in a graph");
  if (pageable_source) {  // CUDA stages it before it returns
    auto staged =
        std::make_shared<std::vector<char>>(static_cast<const char*>(from), static_cast<const char*>(from) + bytes);
    give(stream, [=] { std::memcpy(to, staged->data(), bytes); });
  } else {
    give(stream, [=] { std::memcpy(to, from, bytes); });
  }
  return pageable_target ? cudaStreamSynchronize(stream) : cudaSuccess;
}
cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  cudaDeviceSynchronize();
  cudaMemcpyAsync(to, from, bytes, kind, nullptr);
  return cudaDeviceSynchronize();
}
cudaError_t cudaMemsetAsync(void* p, int value, std::size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  check_device_range("cudaMemset", p, bytes);
  give(stream, [=] { std::memset(p, value, bytes); });
  return cudaSuccess;
}
cudaError_t cudaMemset(void* p, int value, std::size_t bytes) { return cudaMemsetAsync(p, value, bytes, nullptr); }

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  streams.push_back(*stream = new cuda_on_cpu_stream);
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  finish(*stream);
  std::erase(streams, stream);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  finish(get(stream));
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  finish(default_stream);
  for (cudaStream_t stream : streams)
    if (!stream->capture) finish(*stream);
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new cuda_on_cpu_event;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  if (get(stream).capture) die("an event in a graph: not needed so far");
  event->stream = &get(stream), event->after = get(stream).given;
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (!event->stream) return cudaSuccess;
  begin_access();
  run_until(*event->stream, event->after);
  check_margins();
  end_access();
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }  // nothing runs behind the caller's back
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  if (event->stream) give(stream, [other = event->stream, after = event->after] { run_until(*other, after); });
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  get(stream).capture = new cuda_on_cpu_graph;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = get(stream).capture, get(stream).capture = nullptr;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new cuda_on_cpu_graph(*graph);
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  give(stream, [work = exec->work] {
    for (const Work& w : work) w();
  });
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) { return cudaGraphDestroy(exec); }

const char* cudaGetErrorString(cudaError_t e) {
  return e == cudaSuccess ? "no error" : e == cudaErrorMemoryAllocation ? "out of memory" : "an error";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }
cudaError_t cudaGetDeviceCount(int* n) {
  *n = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int) {
  *p = {};
  std::strcpy(p->name, "CUDA on the CPU, for tests");
  p->multiProcessorCount = 4, p->totalGlobalMem = memory_limit;
  return cudaSuccess;
}
