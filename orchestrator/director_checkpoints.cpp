// Checkpoints as the director sees them: where they are kept, and which cells go on from one.
#include <algorithm>

#include "orchestrator/channel.hpp"
#include "orchestrator/director.hpp"
#include "orchestrator/scratch.hpp"
#include "worker/checkpoint.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kWorthStarting = 60;      // seconds of training for which a cell is started that will not end in time

}  // namespace

// The order of work begins with what finished cells of this device kind have taken.
void Director::start_coordinator(JobList list, bool gangs_across_ranks) {
  Policy policy{.attempts = options_.attempts, .pack = options_.pack, .gangs_across_ranks = gangs_across_ranks};
  if (time_in_all_ > 0) policy.whole = time_in_all_;
  if (options_.checkpoint_every > 0) policy.part = std::min(kWorthStarting, options_.checkpoint_every);
  policy.limit_factor = options_.cell_limit, policy.least_limit = options_.hang_limit;
  coordinator_.emplace(std::move(list.jobs), policy);
  for (std::uint32_t family = 0; family < list.known.size(); ++family) {
    coordinator_->learn(family, list.known[family].cost, list.known[family].seconds);
    coordinator_->learn(family, list.known[family].rates);
  }
}

// While the disk is full the checkpoint that is there already has to do.
void Director::checkpoint(int rank, const Checkpoint& message) {
  const bool on_its_node = message.bytes.empty();
  if (!coordinator_ || full_since_ > 0) return;
  const SlotId slot{rank, message.slot};
  const auto running = coordinator_->cells(slot);
  if (std::find(running.begin(), running.end(), message.cell) == running.end()) return;
  const std::string host = on_its_node ? team_.host(rank) : "";
  if (!folder_->checkpoint(message.cell, attempts_[message.cell], message.step, message.steps, message.bytes, host)) {
    console_.say("warning: no room on the disk for a checkpoint of " + grid_.label(message.cell));
    return;
  }
  coordinator_->checkpointed(slot, message.cell, message.step, message.steps, on_its_node);
  dirty();
}

// A checkpoint of other numerics is of no use, and one on a machine that is not ours now cannot be reached.
void Director::resume_jobs(std::vector<Job>& jobs, const results::Origin& origin) {
  const results::RunState& state = folder_->state();
  if (state.checkpoints.empty()) return;
  for (Job& job : jobs) {
    const auto known = state.checkpoints.find(job.cell);
    if (known == state.checkpoints.end()) continue;
    const results::Checkpoint& checkpoint = known->second;
    const bool same_numerics = checkpoint.origin < state.origins.size() && state.origins[checkpoint.origin] == origin;
    const int node = checkpoint.host.empty() || options_.scratch.empty() ? -1 : node_of(checkpoint.host);
    if (!same_numerics || (!checkpoint.host.empty() && node < 0) || options_.checkpoint_every <= 0) {
      folder_->forget_checkpoint(job.cell);
      continue;
    }
    const double steps = static_cast<double>(std::max<std::int64_t>(1, checkpoint.steps));
    job.done = std::min(0.99, static_cast<double>(checkpoint.step) / steps);
    job.step = checkpoint.step, job.node = node;
  }
}

// None where all begin. One that is damaged is said, and its cell begins again.
std::vector<std::string> Director::checkpoints_of(const std::vector<std::uint64_t>& cells) {
  std::vector<std::string> all;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::uint64_t cell = cells[i];
    const auto known = folder_->state().checkpoints.find(cell);
    if (known == folder_->state().checkpoints.end() || !known->second.host.empty()) continue;
    std::string state = folder_->load_checkpoint(cell);
    if (state.empty()) {
      console_.say("warning: the checkpoint of " + grid_.label(cell) + " is damaged: it begins again");
      folder_->forget_checkpoint(cell);
    }
    if (bytes + state.size() > Channel::kLongest / 2) continue;  // the message would be too long
    bytes += state.size();
    all.resize(cells.size());
    all[i] = std::move(state);
  }
  return all;
}

void Director::set_scratch(Setup& setup) {
  if (options_.scratch.empty()) return;
  setup.scratch = scratch_folder(options_.scratch, options_.directory);
  setup.scratch_cleaner = team_.first_on_host(setup.rank);
  setup.scratch_kept.clear();
  if (!setup.scratch_cleaner) return;
  for (const auto& [cell, checkpoint] : folder_->state().checkpoints)
    if (checkpoint.host == team_.host(setup.rank))
      setup.scratch_kept.push_back(worker::checkpoint_name(grid_.cell(cell), {setup.device_kind}));
}

int Director::node_of(const std::string& host) const {
  for (int rank = 0; rank < team_.size(); ++rank)
    if (team_.host(rank) == host) return team_.node(rank);
  return -1;
}

// A step may be long, and so may the way of what it has made: a hundredth of the time, within bounds.
double Director::grace() const {
  constexpr double kLeast = 0.4, kMost = 15, kPart = 0.01;
  return options_.checkpoint_every > 0 ? std::clamp(kPart * time_in_all_, kLeast, kMost) : kLeast;
}

void Director::said(int rank, const Said& message) {
  words_.lines(team_.where(rank, message.slot), message.text);
}

}  // namespace phasegrid::orchestrator
