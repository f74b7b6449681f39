// Checkpoints on the scratch disk of a machine: DIR/phasegrid-RUN/NAME, NAME as worker/checkpoint.hpp calls the cell.
//
// They never leave the machine; the coordinator knows that they are there, and gives the cell to a slot of that machine. A file that
// is torn is noticed when it is opened (it holds its checksum), and its cell begins again.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace phasegrid::orchestrator {

// DIR/phasegrid-RUN, where RUN tells run folders apart.
std::string scratch_folder(const std::string& scratch, const std::filesystem::path& run_folder);

bool write_scratch(const std::string& folder, const std::string& name, const std::string& bytes);   // false: it cannot be written
std::string read_scratch(const std::string& folder, const std::string& name);                      // "": there is none
void remove_scratch(const std::string& folder, const std::string& name);                           // and the folder, once empty
void clean_scratch(const std::string& folder, const std::vector<std::string>& kept);               // removes all but these

}  // namespace phasegrid::orchestrator
