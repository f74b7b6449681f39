// A text file that is appended to and stays bounded: at `most` bytes it is renamed to FILE.1, over the one before.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

namespace phasegrid::orchestrator {

class LogFile {
 public:
  void open(const std::filesystem::path& file, long most = 8 << 20);   // throws results::RunError
  void line(const std::string& text);      // after the UTC time; what a full disk refuses is lost, nothing else
  void lines(const std::string& who, const std::string& text);   // each line of it after the time and who said it

 private:
  struct Close { void operator()(std::FILE* file) const { std::fclose(file); } };
  std::unique_ptr<std::FILE, Close> log_;
  std::filesystem::path file_;
  long most_ = 0;
};

}  // namespace phasegrid::orchestrator
