// The process that trains: child of an agent, knows nothing of MPI, files or other executors.
#pragma once

namespace phasegrid::orchestrator {

// The hidden verb `executor`: serves the socket at descriptor 3 until it is closed. Returns the exit code.
int executor(long parent);

}  // namespace phasegrid::orchestrator
