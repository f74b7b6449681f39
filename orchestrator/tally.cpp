#include "orchestrator/tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace phasegrid::orchestrator {
namespace {

using sweeps::Status;

constexpr std::size_t kRecent = 500;     // results over which the speed is taken
constexpr std::size_t kFailures = 8;     // kinds of failure that the summary shows
constexpr std::size_t kReason = 200;     // characters of a reason there; the journal has all

std::string first_of(const std::string& text, std::size_t most) {
  std::string line = text.size() > most ? text.substr(0, most - 3) + "..." : text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

bool counts_as_failed(Status status) {
  return status == Status::failed || status == Status::timeout || status == Status::out_of_memory || status == Status::infeasible;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto s = static_cast<long>(std::lround(std::max(0.0, seconds)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{} min {:02} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {:02} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

void Tally::count(const sweeps::CellResult& result) {
  ++by_status_[static_cast<std::size_t>(result.status)];
  cell_seconds_ += result.seconds;
}

void Tally::found(const sweeps::CellResult& result) {
  count(result);
  if (result.status == Status::done && !(result.accuracy <= best_)) best_ = result.accuracy;
}

void Tally::add(const sweeps::CellResult& result, const std::function<std::string()>& label, double now) {
  count(result);
  ++here_;
  recent_.push_back(now);
  if (recent_.size() > kRecent) recent_.pop_front();
  if (result.status == Status::done && !(result.accuracy <= best_)) best_ = result.accuracy, best_label_ = label();
  if (!counts_as_failed(result.status)) return;
  const auto same =
      std::find_if(failures_.begin(), failures_.end(), [&](const Failure& f) { return f.reason == result.reason; });
  if (same != failures_.end()) {
    ++same->cells;
  } else {
    failures_.push_back({result.reason, label(), 1});
  }
}

std::uint64_t Tally::recorded() const {
  std::uint64_t sum = 0;
  for (const auto n : by_status_) sum += n;
  return sum;
}

std::uint64_t Tally::failed() const {
  std::uint64_t sum = 0;
  for (const Status status : {Status::failed, Status::timeout, Status::out_of_memory, Status::infeasible})
    sum += by_status_[static_cast<std::size_t>(status)];
  return sum;
}

double Tally::cells_per_minute(double now) const {
  if (recent_.empty()) return 0;
  const double since = recent_.size() == kRecent ? recent_.front() : start_;
  return 60 * static_cast<double>(recent_.size()) / std::max(now - since, 1e-3);
}

std::string Tally::line(const Now& now) const {
  const std::uint64_t total = recorded() + now.running + now.pending;
  std::string text = fmt::format("{}/{} cells", recorded(), total);
  if (failed() > 0) text += fmt::format(", {} failed", failed());
  text += fmt::format(", {} running on {} slots", now.running, now.slots);
  const double speed = cells_per_minute(now.time);
  if (speed > 0) text += fmt::format(", {:.{}f} cells/min", speed, speed < 10 ? 1 : 0);
  if (now.running + now.pending > 0) text += fmt::format(", {} ± {} left", duration(now.left.seconds), duration(now.left.error));
  if (!std::isnan(best_)) text += fmt::format(", best accuracy {:.3f}", best_);
  return text;
}

std::string Tally::summary(const Now& now, const std::string& utilisation, const std::string& results_file) const {
  std::string text;
  const auto row = [&](const std::string& name, const std::string& value) {
    text += fmt::format("  {:<14} {}\n", name, value);
  };
  row("cells", fmt::format("{} recorded, {} of them in this run", recorded(), here_));
  for (std::size_t status = 0; status < by_status_.size(); ++status) {
    if (by_status_[status] > 0)
      row(std::string("  ") + to_text(static_cast<Status>(status)), std::to_string(by_status_[status]));
  }
  if (infeasible_ > 0) row("  infeasible", fmt::format("{} (see phasegrid plan)", infeasible_));
  if (now.running + now.pending > 0)
    row("  missing", fmt::format("{}: the same command does them", now.running + now.pending));
  for (std::size_t i = 0; i < std::min(failures_.size(), kFailures); ++i) {
    const Failure& f = failures_[i];
    row("failure", fmt::format("{} cell{}, for example {}: {}", f.cells, f.cells == 1 ? "" : "s", f.example,
                               first_of(f.reason, kReason)));
  }
  if (failures_.size() > kFailures) row("", fmt::format("and {} other reasons", failures_.size() - kFailures));
  if (!std::isnan(best_))
    row("best accuracy", fmt::format("{:.4f}{}", best_, best_label_.empty() ? "" : " at " + best_label_));
  row("wall time", fmt::format("{} ({} of cell time)", duration(now.time - start_), duration(cell_seconds_)));
  if (here_ > 0) row("utilisation", utilisation);
  row("results", results_file);
  return text;
}

}  // namespace phasegrid::orchestrator
