// For a program that was built without NCCL.
#include "worker/replicas_nccl.hpp"

namespace phasegrid::worker {
namespace {

[[noreturn]] void complain() {
  throw std::runtime_error("replicas on GPUs need NCCL, which this program was built without: install it and configure with -DPHASEGRID_CUDA=ON");
}

}  // namespace

bool built_with_nccl() { return false; }
std::string nccl_key() { complain(); }
std::unique_ptr<Replicas> nccl_replicas(const std::string&, int, int, Waiting) { complain(); }

}  // namespace phasegrid::worker
