// A list of launches that is given to the device as one graph, from its third time on.
//
// The first time does the work as it is, so that the workspace has its size; the second time records it; should the
// workspace move later, the list is recorded anew. Kernels in the list keep their arguments: addresses that never
// change, behind which each batch is different.
#pragma once
#include <cuda_runtime.h>

#include <functional>

#include "kernels/device/queue.hpp"

namespace phasegrid::kernels::cuda {

class Graph final : public Recorded {
 public:
  ~Graph() override;
  void run(const std::function<void()>& work);

 private:
  void record(const std::function<void()>& work);
  void forget();

  Queue& queue_ = queue();
  bool seen_ = false;
  int moves_ = 0;  // of the workspace when it was recorded
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace phasegrid::kernels::cuda
