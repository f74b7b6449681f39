#include "orchestrator/log_file.hpp"

#include <cerrno>
#include <cstring>
#include <sstream>

#include "orchestrator/machine.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {

void LogFile::open(const std::filesystem::path& file, long most) {
  file_ = file, most_ = most;
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  log_.reset(std::fopen(file.c_str(), "ae"));
  if (!log_) throw results::RunError("cannot write " + file.string() + ": " + std::strerror(errno));
}

void LogFile::lines(const std::string& who, const std::string& text) {
  const std::string start = utc_now() + " " + who + ": ";
  std::string all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);)
    if (!line.empty()) all += (all.empty() ? "" : "\n" + start) + line;
  if (!all.empty()) line(who + ": " + all);
}

void LogFile::line(const std::string& text) {
  if (!log_) return;
  std::fprintf(log_.get(), "%s %s\n", utc_now().c_str(), text.c_str());
  std::fflush(log_.get());
  if (std::ftell(log_.get()) < most_) return;
  log_.reset();
  std::error_code ignored;
  std::filesystem::rename(file_, file_.string() + ".1", ignored);
  log_.reset(std::fopen(file_.c_str(), "ae"));
}

}  // namespace phasegrid::orchestrator
