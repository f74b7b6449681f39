#include "kernels/device/graph.hpp"

namespace phasegrid::kernels::cuda {

Graph::~Graph() {
  if (!graph_) return;
  cudaStreamSynchronize(queue_.stream());
  cudaGraphExecDestroy(graph_);
}

void Graph::forget() {
  if (!graph_) return;
  check(cudaStreamSynchronize(queue_.stream()), "waiting for a graph");
  check(cudaGraphExecDestroy(graph_), "forgetting a graph");
  graph_ = nullptr;
}

void Graph::record(const std::function<void()>& work) {
  cudaStream_t stream = queue_.stream();
  cudaGraph_t list = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "recording a graph");
  try {
    work();
  } catch (...) {
    cudaStreamEndCapture(stream, &list);
    if (list) cudaGraphDestroy(list);
    throw;
  }
  check(cudaStreamEndCapture(stream, &list), "recording a graph");
  const cudaError_t made = cudaGraphInstantiate(&graph_, list, 0);
  cudaGraphDestroy(list);
  check(made, "making a graph");
  moves_ = queue_.moves();
}

void Graph::run(const std::function<void()>& work) {
  if (rehearsal()) return work();
  if (graph_ && moves_ != queue_.moves()) forget(), seen_ = false;
  if (!seen_) {
    seen_ = true;
    return work();
  }
  if (!graph_) record(work);
  check(cudaGraphLaunch(graph_, queue_.stream()), "a graph");
}

}  // namespace phasegrid::kernels::cuda
