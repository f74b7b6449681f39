#include "orchestrator/walltime.hpp"

#include <time.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "sweeps/error.hpp"

namespace phasegrid::orchestrator {
namespace {

std::optional<long> natural(const std::string& text) {
  if (text.empty() || text.size() > 12 || text.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stol(text);
}

// What a command prints, "" where it does not exist, fails or takes too long.
std::string output_of(const std::string& command) {
  constexpr const char* kWithin = "timeout -k 1 8 ";  // seconds
  struct Close {
    void operator()(std::FILE* pipe) const { pclose(pipe); }
  };
  const std::unique_ptr<std::FILE, Close> pipe(popen((kWithin + command + " 2>/dev/null").c_str(), "re"));
  std::string text;
  std::array<char, 4096> buffer;
  while (pipe) {
    const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe.get());
    if (n == 0) break;
    text.append(buffer.data(), n);
  }
  return text;
}

std::string first_word(const std::string& text) {
  std::string word;
  std::istringstream(text) >> word;
  return word;
}

// The value of "KEY=value" among words.
std::string value_of(const std::string& text, const std::string& key) {
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (word.starts_with(key + "=")) return word.substr(key.size() + 1);
  }
  return "";
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

constexpr double kClocksApart = 60;   // seconds that a node's clock may differ from Slurm's

// SLURM_JOB_END_TIME by our own clock. Nothing where that clock and Slurm's do not agree: the job would end before now, or have
// more time left than it ever had.
std::optional<double> left_by_variables() {
  const auto end = natural(variable("SLURM_JOB_END_TIME")), start = natural(variable("SLURM_JOB_START_TIME"));
  if (!end || *end == 0) return std::nullopt;
  const double left = static_cast<double>(*end) - static_cast<double>(time(nullptr));
  if (left <= 0 || (start && left > static_cast<double>(*end - *start) + kClocksApart)) return std::nullopt;
  return left;
}

}  // namespace

double parse_deadline(const std::string& text, double now) {
  std::size_t used = 0;
  if (text.starts_with("+")) {
    try {
      const double seconds = std::stod(text.substr(1), &used);
      if (used + 1 == text.size() && seconds > 0 && std::isfinite(seconds)) return seconds;
    } catch (const std::exception&) {
    }
  } else {
    tm parts{};
    parts.tm_isdst = -1;
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest != nullptr && (*rest == '\0' || std::string(rest) == "Z")) {
      const time_t at = *rest == 'Z' ? timegm(&parts) : mktime(&parts);
      return static_cast<double>(at) - now;
    }
  }
  throw sweeps::SweepError("--deadline " + text + ": expected +SECONDS, a time such as 2026-01-31T18:00:00Z, or none");
}

std::optional<double> parse_slurm_time(const std::string& text) {
  const auto dash = text.find('-');
  const auto days = dash == std::string::npos ? std::optional<long>(0) : natural(text.substr(0, dash));
  if (!days) return std::nullopt;
  std::istringstream parts(dash == std::string::npos ? text : text.substr(dash + 1));
  long seconds = 0;
  int count = 0;
  for (std::string part; std::getline(parts, part, ':'); ++count) {
    const auto value = natural(part);
    if (!value) return std::nullopt;
    seconds = 60 * seconds + *value;
  }
  const bool whole = count == 3 || (count == 2 && dash == std::string::npos);
  return whole ? std::optional<double>(static_cast<double>(*days * 86400 + seconds)) : std::nullopt;
}

std::optional<double> parse_scontrol(const std::string& text) {
  const auto limit = parse_slurm_time(value_of(text, "TimeLimit")), spent = parse_slurm_time(value_of(text, "RunTime"));
  if (!limit || !spent) return std::nullopt;
  return *limit - *spent;
}

std::optional<Deadline> slurm_deadline(Ask ask) {
  const std::string job = variable("SLURM_JOB_ID");
  if (!natural(job)) return std::nullopt;
  const std::string limit = "the time limit of Slurm job " + job;
  if (ask == Ask::everybody) {
    if (const auto left = left_by_variables()) return Deadline{*left, limit + ", by SLURM_JOB_END_TIME"};
  }
  if (const std::string left = first_word(output_of("squeue -h -j " + job + " -o %L")); !left.empty()) {
    const auto seconds = parse_slurm_time(left);
    return seconds ? std::optional(Deadline{*seconds, limit + ", by squeue"}) : std::nullopt;
  }
  if (const auto seconds = parse_scontrol(output_of("scontrol -o show job " + job)))
    return Deadline{*seconds, limit + ", by scontrol"};
  return std::nullopt;
}

}  // namespace phasegrid::orchestrator
