// What the director does with the passing of time: flushing, rebuilding, showing progress, noticing losses and the end.
#include <algorithm>
#include <cmath>

#include "orchestrator/director.hpp"
#include "orchestrator/machine.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kReportBy = 120;        // seconds for all ranks to report at the start
constexpr double kCommitEvery = 0.03;    // seconds from a result's arrival to its flush
constexpr double kRebuildEvery = 10;     // seconds between two writings of results.h5, at least ...
constexpr double kRebuildShare = 0.015;  // ... and so that they take at most this share of the time
constexpr double kLongestRebuild = 120;  // seconds; a million cells take one
constexpr double kTryEvery = 1;          // seconds between two attempts to write to a full disk
constexpr double kLookEvery = 0.05;      // seconds between two looks at the ranks on this host
constexpr double kLimitsEvery = 1;       // seconds between two looks for cells that take too long
constexpr double kLineEvery = 30, kLiveEvery = 0.25;

}  // namespace

bool Director::poll(double now) {
  now_ = now;
  if (done()) return false;
  if (!coordinator_) {
    if (now - started_ > kReportBy) {
      throw std::runtime_error(team_.missing() + " did not report within " + duration(kReportBy) + " of the start");
    }
    return false;
  }
  if (now >= next_look_) {
    next_look_ = now + kLookEvery;
    for (const auto& [rank, reason] : team_.newly_lost(now)) lose(rank, reason, now);
  }
  if (now >= next_limits_) {
    next_limits_ = now + kLimitsEvery;
    apply(coordinator_->over_time(now));
  }
  watch_deadline();
  watch_canary();
  const bool flushed = flush_if_due(false);
  show_progress();
  end_if_over();
  if (!done() && changed_ && now >= next_rebuild_ && stop_reason_.empty()) rebuild();
  return flushed;
}

double Director::due(double now) const {
  double due = 1;
  if (dirty_since_ > 0) due = std::min(due, std::max(dirty_since_ + kCommitEvery, next_try_) - now);
  if (stop_by_ > 0) due = std::min(due, stop_by_ - now);
  if (console_.terminal()) due = std::min(due, kLiveEvery);
  return due;
}

// Monotonic time may stand still while the machine sleeps; a wall-time limit does not.
void Director::watch_deadline() {
  if (deadline_ == 0 || !stop_reason_.empty()) return;
  const double reserve = 1.6 + grace() + 2 * rebuild_took_;  // seconds to save, flush and write results.h5
  const double left = deadline_ - boot_time() - reserve;
  coordinator_->set_deadline(now_ + left);
  if (left > 0) return;
  stop_reason_ = "the deadline";
  stop_by_ = now_ + grace();
  apply(coordinator_->tick(now_));
}

// One fdatasync for all that has come. Only then is a result acknowledged.
bool Director::flush_if_due(bool at_once) {
  if (dirty_since_ == 0 || now_ < next_try_ || (!at_once && now_ - dirty_since_ < kCommitEvery)) return false;
  try {
    flush();
  } catch (const results::DiskFull& error) {
    wait_for_space(error);
    return false;
  }
  if (full_since_ > 0) {
    console_.say("there is space again after " + duration(now_ - full_since_) + ": going on");
    folder_->note("disk", "space again after " + duration(now_ - full_since_));
    full_since_ = next_try_ = 0;
    dirty();
    apply(coordinator_->resume(now_));
  }
  return true;
}

void Director::flush() {
  folder_->flush();
  dirty_since_ = 0;
  for (const auto& result : unflushed_) tally_.add(result, [&] { return grid_.label(result.index); }, now_);
  changed_ |= !unflushed_.empty();
  unflushed_.clear();
}

// What runs may end, and waits in memory; nothing is started, so that little can be lost.
void Director::wait_for_space(const results::DiskFull& error) {
  next_try_ = now_ + kTryEvery;
  if (full_since_ == 0) {
    full_since_ = now_;
    coordinator_->pause();
    console_.say(std::string("paused: ") + error.what());
    console_.say("nothing new is started and finished cells wait in memory until there is space, at most " +
                 duration(options_.disk_wait));
  }
  if (now_ - full_since_ >= options_.disk_wait) throw error;
}

void Director::watch_canary() {
  if (!canary_.dead() || !stop_reason_.empty()) return;
  stop_code_ = 3;
  console_.say("the first " + std::to_string(canary_.cells()) + " cells all failed in the same way: " + canary_.reason() +
               "\nso the others are not started; when the cause is mended: the same command with --retry failed "
               "(or with --canary 0 to run the others whatever happens)");
  stop("the failure of the first " + std::to_string(canary_.cells()) + " cells", now_);
}

void Director::rebuild() {
  const double before = monotonic();
  try {
    folder_->write_results();
    changed_ = false;
  } catch (const results::RunError& error) {  // the journal is the truth: the run goes on, and tries again later
    console_.say(std::string("warning: ") + error.what());
  }
  rebuild_took_ = std::min(monotonic() - before, kLongestRebuild);   // beyond that the machine slept meanwhile
  next_rebuild_ = now_ + rebuild_took_ + std::max(kRebuildEvery, rebuild_took_ / kRebuildShare);
}

Now Director::snapshot() const {
  Now now{now_, coordinator_->running() + unflushed_.size(), coordinator_->pending(), coordinator_->slots(),
          coordinator_->eta(now_), ""};
  if (search_) now.left = search_->left(tally_.mean_seconds(), now.slots), now.search = search_->text();
  return now;
}

void Director::show_progress() {
  if (now_ >= next_line_) {
    next_line_ = now_ + kLineEvery;
    console_.plain(tally_.line(snapshot()));
  }
  if (console_.terminal() && now_ >= next_live_) {
    next_live_ = now_ + kLiveEvery;
    console_.live(tally_.line(snapshot()));
  }
}

void Director::end_if_over() {
  if (coordinator_->finished()) {
    flush_if_due(true);
    if (dirty_since_ > 0) return;  // the disk is full: the end has to wait
    return end(tally_.failed() > 0 ? 3 : 0, tally_.failed() > 0 ? "done, but some cells failed" : "done");
  }
  if (!stop_reason_.empty()) {
    if (coordinator_->quiet() || now_ >= stop_by_) end(stop_code_, "stopped by " + stop_reason_);
    return;
  }
  if (!coordinator_->stuck(now_)) return;
  if (coordinator_->slots() > 0 && coordinator_->pending() == coordinator_->too_wide())
    throw std::runtime_error(std::to_string(coordinator_->pending()) + " cells need more slots at once (replicas) than are left; the last one was lost: " + slot_trouble_);
  if (deadline_ > 0) return end(75, "stopped: no cell that is left would end before the deadline");
  throw std::runtime_error("no executor is left to run cells on; the last one was lost: " + slot_trouble_);
}

void Director::end(int code, const std::string& how) {
  if (folder_) {
    if (coordinator_) folder_->note("utilisation", utilisation_.text(now_));
    folder_->note("end", how);
    flush();
    if (changed_) folder_->write_results();
    console_.end_live();
    console_.say(grid_.name() + ": " + how + "\n" +
                 tally_.summary(snapshot(), utilisation_.text(now_), (folder_->directory() / "results.h5").string()));
  } else {
    console_.say(how);
  }
  dismiss(code);
}

void Director::dismiss(int code) {
  for (int rank = 1; rank < team_.size(); ++rank) tell(rank, Bye{!team_.anyone_lost()});
  exit_code_ = code;
}

void Director::fail(const std::string& why) {
  console_.say("stopping: " + why);
  console_.say("every acknowledged cell is safe (" + std::to_string(tally_.recorded()) +
               " recorded); the same command does the rest");
  dismiss(75);
}

}  // namespace phasegrid::orchestrator
