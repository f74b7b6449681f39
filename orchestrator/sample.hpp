// The verb `sample`: draws sequences of a task and prints them.
#pragma once
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace phasegrid::orchestrator {

// Prints `count` sequences of `task` with the options `set` ("key=value" each), as aligned tokens above targets with
// '.' where nothing is scored, or as JSON lines {"tokens": [...], "targets": [...]} with -100 there; real-valued ones as
// {"inputs": [T][channels], "values": [T][outputs]} with null there. Returns the exit code 0. Throws sweeps::SweepError: unknown task, unknown key, value of the wrong kind or out of range, impossible
// combination.
int sample(const std::string& task, const std::vector<std::string>& set, int count, std::uint64_t seed, bool json,
           std::ostream& out);

}  // namespace phasegrid::orchestrator
