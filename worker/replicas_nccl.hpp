// A gang of GPUs, one for each replica, on any machines: NCCL moves the numbers and never adds them.
#pragma once
#include <string>

#include "worker/replicas.hpp"

namespace phasegrid::worker {

bool built_with_nccl();

// By which the members find each other: made by replica 0, which must live as long as the gang, and brought to the others.
// Throws std::runtime_error where this program has no NCCL.
std::string nccl_key();

// Returns when all members have come. Throws GangBroken when told to give up, std::runtime_error if NCCL fails.
std::unique_ptr<Replicas> nccl_replicas(const std::string& key, int index, int count, Waiting waiting);

}  // namespace phasegrid::worker
