// What a run says while it works: one live line on a terminal, plain lines with times elsewhere and always in the log file.
#pragma once
#include <cstdio>
#include <filesystem>
#include <string>

#include "orchestrator/log_file.hpp"

namespace phasegrid::orchestrator {

class Console {
 public:
  Console();
  void open_log(const std::filesystem::path& file) { log_.open(file); }   // throws results::RunError
  void silence() { silent_ = true; }       // the log only
  bool terminal() const { return terminal_ && !silent_; }

  void say(const std::string& text);       // to stderr and the log
  void live(const std::string& text);      // replaces the live line; terminals only
  void plain(const std::string& text);     // to the log, and to stderr if that is no terminal
  void end_live();                         // the live line stays behind, or is wiped if empty

 private:
  LogFile log_;
  bool terminal_, line_shown_ = false, silent_ = false;
};

}  // namespace phasegrid::orchestrator
