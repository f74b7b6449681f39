// When a run must have ended: what the user says, else what Slurm says, else never.
//
// Slurm is asked for the time that is left, not for the time of the end: no clock and no time zone of another machine comes in.
#pragma once
#include <optional>
#include <string>

namespace phasegrid::orchestrator {

struct Deadline {
  double seconds = 0;   // from now
  std::string source;   // "the time limit of Slurm job 4711, by squeue"
};

// "+3600", or "2026-01-31T18:00:00Z" (local time without the Z) by the clock that reads `now` (Unix seconds): seconds from now.
// Throws sweeps::SweepError.
double parse_deadline(const std::string& text, double now);

// Slurm's "[days-]hours:minutes:seconds" or "minutes:seconds" in seconds; nothing for UNLIMITED, NOT_SET, INVALID.
std::optional<double> parse_slurm_time(const std::string& text);

// From what `scontrol show job` prints: TimeLimit less RunTime.
std::optional<double> parse_scontrol(const std::string& text);

enum class Ask { everybody, controller_only };   // controller_only: the limit may have been changed since the job began

// The end of the Slurm job around this process, if there is one and it has an end. Waits for Slurm's controller a few seconds at most.
std::optional<Deadline> slurm_deadline(Ask ask = Ask::everybody);

}  // namespace phasegrid::orchestrator
