// What a run says while it works: one live line on a terminal, plain lines with times elsewhere and always in the log file.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace phasegrid::orchestrator {

class Console {
 public:
  Console();
  // Appended to. When it has grown to `most` bytes it is renamed to FILE.1, over the one before. Throws results::RunError.
  void open_log(const std::filesystem::path& file, long most = 8 << 20);
  void silence() { silent_ = true; }       // the log only
  bool terminal() const { return terminal_ && !silent_; }

  void say(const std::string& text);       // to stderr and the log
  void live(const std::string& text);      // replaces the live line; terminals only
  void plain(const std::string& text);     // to the log, and to stderr if that is no terminal
  void end_live();                         // the live line stays behind, or is wiped if empty

 private:
  struct Close { void operator()(std::FILE* file) const { std::fclose(file); } };
  void log(const std::string& text);
  std::unique_ptr<std::FILE, Close> log_;
  std::filesystem::path file_;
  long most_ = 0;
  bool terminal_, line_shown_ = false, silent_ = false;
};

}  // namespace phasegrid::orchestrator
