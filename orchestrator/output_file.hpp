// Files that a verb writes at its end: what is wrong with their name is said at its beginning.
#pragma once
#include <initializer_list>
#include <string>

namespace phasegrid::orchestrator {

// Throws SweepError where `path` cannot be a new file: its folder is missing or not to be written to, it is a folder,
// or it is one of `inputs`, which would be lost. `option` is what gave it.
void check_output(const std::string& option, const std::string& path, std::initializer_list<std::string> inputs);

}  // namespace phasegrid::orchestrator
