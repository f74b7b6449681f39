#include "orchestrator/output_file.hpp"

#include <unistd.h>

#include <filesystem>

#include "sweeps/error.hpp"

namespace phasegrid::orchestrator {

namespace fs = std::filesystem;

void check_output(const std::string& option, const std::string& path, std::initializer_list<std::string> inputs) {
  const auto refuse = [&](const std::string& why) { throw sweeps::SweepError(option + " " + path + ": " + why); };
  std::error_code ignored;
  if (path.empty() || fs::is_directory(path, ignored)) refuse("expected the name of a file");
  for (const std::string& input : inputs)
    if (fs::equivalent(path, input, ignored)) refuse("is also what is read, expected another file");
  const fs::path folder = fs::path(path).has_parent_path() ? fs::path(path).parent_path() : fs::path(".");
  if (!fs::is_directory(folder, ignored)) refuse("there is no folder " + folder.string());
  if (access(folder.c_str(), W_OK) != 0) refuse("the folder " + folder.string() + " cannot be written to");
}

}  // namespace phasegrid::orchestrator
