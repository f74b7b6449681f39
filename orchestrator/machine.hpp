// What this process can know about the machine it runs on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "orchestrator/fd.hpp"

namespace phasegrid::orchestrator {

std::string host_name();
std::string utc_now();                            // 2026-01-31T12:34:56Z

// The cores given to the job on this host. mpirun binds a rank to a part of them, so the launcher's own cores are asked for;
// a container's processor quota shortens the list.
std::vector<std::int32_t> job_cores();
void use_cores(const std::vector<std::int32_t>& cores);   // lets this process run on all of them

Fd watch_process(std::int64_t pid);               // readable once that process of this host has ended; empty if unknown
bool has_ended(const Fd& watched);

std::int64_t out_of_memory_kills();               // by the kernel since boot; differences tell of a fresh one

// Seconds from an arbitrary origin: monotonic() stands still while the machine sleeps, boot_time() does not.
double monotonic();
double boot_time();

}  // namespace phasegrid::orchestrator
