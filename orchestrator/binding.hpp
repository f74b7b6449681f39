// Which slot trains on which GPU: found, divided and told without touching CUDA, which ranks never do.
//
// A GPU is named as CUDA_VISIBLE_DEVICES takes it: a UUID, or the index that a batch system has put there. Each executor is
// started with the one name of its slot in that variable.
#pragma once
#include <string>
#include <vector>

namespace phasegrid::orchestrator {

// The GPUs that this process was given: by CUDA_VISIBLE_DEVICES, else by Slurm, else all of this machine, by UUID.
std::vector<std::string> visible_gpus();
std::vector<std::string> parse_gpu_list(const std::string& list);   // "0,1"; ends, as for CUDA, at a "-1"
// The node as its batch system calls it, else "": several nodes may share one host, as in tests.
std::string node_name();

bool is_gpu_kind(const std::string& device_kind);                   // sm_90 and its like

struct Place {                           // of one rank
  std::string node;
  std::vector<std::string> gpus;         // that it may use; ranks of one node may see the same ones
};

// Slots for each rank so that every GPU of a node belongs to one slot of one rank that sees it; a rank left without gets one.
std::vector<int> gpu_slots(const std::vector<Place>& places);

struct Binding {
  std::vector<std::vector<std::string>> gpus;   // of each rank's slots; "" where the rank sees none
  std::string table;                            // rank, node, slot, GPU; a line each
  std::vector<std::string> warnings;            // GPUs that slots of different ranks share: --slots can ask only for sharing within a rank
};
Binding bind_gpus(const std::vector<Place>& places, const std::vector<int>& slots);

}  // namespace phasegrid::orchestrator
