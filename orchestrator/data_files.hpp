// Sweeps that name files: what `plan`, `run`, `cell` and `sample` do about them before anything else.
#pragma once
#include <string>

#include "sweeps/grid.hpp"
#include "tasks/source.hpp"

namespace phasegrid::orchestrator {

// From now on tasks of this process can read batch files.
void provide_batch_files();

// The sweep file, and what the files that it names hold, recorded in its text (sweeps/data_files.hpp). Paths are seen from the sweep
// file's folder. Throws SweepError, also where a text that has its record already no longer agrees with the files.
sweeps::Grid read_sweep(const std::string& path);

// What the batch file holds; reads it once, block by block. `folder`: from where a relative path is seen. Throws SweepError.
tasks::SourceFacts look_into(const std::string& path, const std::string& folder);

}  // namespace phasegrid::orchestrator
