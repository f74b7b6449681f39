#include "orchestrator/scratch.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "kernels/random.hpp"

namespace phasegrid::orchestrator {
namespace {

namespace fs = std::filesystem;

}  // namespace

std::string scratch_folder(const std::string& scratch, const fs::path& run_folder) {
  std::error_code ignored;
  char run[17];
  const std::string place = fs::weakly_canonical(run_folder, ignored).string();
  std::snprintf(run, sizeof run, "%016llx", static_cast<unsigned long long>(kernels::hash_text(place)));
  return scratch + "/phasegrid-" + run;
}

// Renamed over the one before: a reader sees one or the other. Not made durable: after a crash of the machine its checksum tells.
bool write_scratch(const std::string& folder, const std::string& name, const std::string& bytes) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  const std::string path = folder + "/" + name, beside = path + "." + std::to_string(getpid());
  {
    std::ofstream file(beside, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      fs::remove(beside, failed);
      return false;
    }
  }
  fs::rename(beside, path, failed);
  return !failed;
}

std::string read_scratch(const std::string& folder, const std::string& name) {
  std::ifstream file(folder + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void remove_scratch(const std::string& folder, const std::string& name) {
  std::error_code ignored;
  fs::remove(folder + "/" + name, ignored);
  fs::remove(folder, ignored);  // refused while it holds something
}

void clean_scratch(const std::string& folder, const std::vector<std::string>& kept) {
  std::error_code ignored;
  std::vector<std::string> useless;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (std::find(kept.begin(), kept.end(), name) == kept.end()) useless.push_back(name);
  }
  for (const std::string& name : useless) remove_scratch(folder, name);
}

}  // namespace phasegrid::orchestrator
