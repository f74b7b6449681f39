#include "orchestrator/coordinator.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace phasegrid::orchestrator {

Coordinator::Coordinator(std::vector<Job> jobs, Policy policy) 
    : policy_(policy), gangs_(policy.gangs_across_ranks), limits_(policy.limit_factor, policy.least_limit) {
  std::sort(jobs.begin(), jobs.end(), Order{});
  for (const Job& job : jobs) {
    Rate& rate = rate_of(job.family);
    if (rate.cost == 0) rate = {policy_.rate * job.cost, job.cost, policy_.rate};
    Bucket& bucket = buckets_[bucket_of(job)];
    bucket.jobs.insert(bucket.jobs.end(), job);
    pending_cost_[job.family] += job.left() * job.replicas;
    pending_squares_[job.family] += job.left() * job.left();
  }
  pending_ = jobs.size();
  for (std::size_t b = 0; b < buckets_.size(); ++b) rank(b);
}

Coordinator::Rate& Coordinator::rate_of(std::uint32_t family) {
  while (rates_.size() <= family) {
    rates_.push_back({});
    pending_cost_.push_back(0);
    pending_squares_.push_back(0);
  }
  return rates_[family];
}

void Coordinator::learn(std::uint32_t family, double cost, double seconds) {
  Rate& rate = rate_of(family);
  if (rate.cost == 0 || !(seconds > 0)) return;  // no cell of this family is left
  rate.seconds += seconds;
  rate.cost += cost;
  rate.ranked = rate.value();
  for (std::size_t b = 0; b < buckets_.size(); ++b)
    if (buckets_[b].family == family) rank(b);
}

std::size_t Coordinator::bucket_of(const Job& job) {
  const auto [place, is_new] =
      bucket_index_.try_emplace({job.family, job.shape, job.step, job.node}, buckets_.size());
  if (is_new) buckets_.push_back({job.family, job.node, job.replicas, {}, 0}), gangs_used_ |= job.replicas > 1;
  return place->second;
}

void Coordinator::rank(std::size_t b) {
  Bucket& bucket = buckets_[b];
  order_.erase({-bucket.head, b});
  if (bucket.jobs.empty()) return;
  bucket.head = bucket.jobs.begin()->left() * rates_[bucket.family].ranked;
  order_.insert({-bucket.head, b});
}

void Coordinator::put(const Job& job) {
  const std::size_t b = bucket_of(job);
  buckets_[b].jobs.insert(job);
  pending_cost_[job.family] += job.left() * job.replicas;
  pending_squares_[job.family] += job.left() * job.left();
  ++pending_;
  rank(b);
}

void Coordinator::take(Bucket& bucket, std::set<Job, Order>::iterator job) {
  pending_cost_[job->family] -= job->left() * job->replicas;
  pending_squares_[job->family] -= job->left() * job->left();
  --pending_;
  bucket.jobs.erase(job);
}

Actions Coordinator::hand_out(SlotId id, double now) {
  if (stopping_ || paused_) return {};
  std::vector<Job> jobs = choose(id, now);
  if (jobs.empty()) return {};
  HandOut action{id, {}, {}};
  for (const Job& job : jobs) action.cells.push_back(job.cell);
  if (jobs.front().replicas > 1) action.gang = gangs_.form(id, jobs.front().replicas, waiting_);
  for (const SlotId& member : action.gang) waiting_.erase(member);
  running_ += jobs.size();
  waiting_.erase(id);
  Slot& slot = slots_[id];
  slot.begun_at = slot.fraction = jobs.front().done;
  slot.jobs = std::move(jobs);
  slot.started = now, slot.over_time = false;
  return {std::move(action)};
}

Actions Coordinator::slot_ready(SlotId id, double now) {
  [[maybe_unused]] const Slot& slot = slots_[id];
  assert(slot.jobs.empty() && "a slot asks when it has nothing to do");
  gangs_.joined(id), gangs_.leave(id);
  waiting_.insert(id);
  Actions actions = hand_out(id, now);
  if (gangs_used_ && !actions.empty()) give_waiting(actions, now);   // those who gathered for what is now taken
  return actions;
}

Actions Coordinator::add(const std::vector<Job>& jobs, double now) {
  for (const Job& job : jobs) {
    Rate& rate = rate_of(job.family);
    if (rate.cost == 0) rate = {policy_.rate * job.cost, job.cost, policy_.rate};
    put(job);
  }
  Actions actions;
  give_waiting(actions, now);
  return actions;
}

void Coordinator::give_waiting(Actions& actions, double now) {
  const std::vector<SlotId> ids(waiting_.begin(), pending_ > 0 ? waiting_.end() : waiting_.begin());
  for (const SlotId& id : ids) {
    if (!waiting_.contains(id)) continue;        // in a gang by now
    Actions more = hand_out(id, now);
    if (more.empty() && !gangs_used_ && !bound_) return;   // nothing fits: not for the next one either
    std::move(more.begin(), more.end(), std::back_inserter(actions));
  }
}

bool Coordinator::result(SlotId id, std::uint64_t cell, double seconds, std::int64_t steps) {
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return false;
  auto& jobs = slot->second.jobs;
  const auto job = std::find_if(jobs.begin(), jobs.end(), [&](const Job& j) { return j.cell == cell; });
  if (job == jobs.end()) return false;

  Rate& rate = rates_[job->family];
  if (seconds > 0) {
    const double deviation = std::log(seconds / (job->cost * rate.value()));
    deviations_ += deviation * deviation;
    predictions_ += 1;
    rate.seconds += seconds, rate.cost += job->cost;
    limits_.learn(job->family, slot->second.node, job->cost, trained_part(steps, *job), seconds);
  }
  const std::uint32_t family = job->family;
  jobs.erase(job);
  if (jobs.empty()) gangs_.dissolve(id);
  --running_;
  crashes_.erase(cell);
  if (std::abs(rate.value() - rate.ranked) > 0.1 * rate.ranked) {  // the order between families may have changed
    rate.ranked = rate.value();
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      if (buckets_[b].family == family) rank(b);
    }
  }
  return true;
}

// The unfinished cells of a slot wait again.
Actions Coordinator::take_back(SlotId id, double now) {
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return {};
  for (const Job& job : slot->second.jobs) put(job);
  running_ -= slot->second.jobs.size();
  slot->second.jobs.clear();
  Actions actions;
  give_waiting(actions, now);
  return actions;
}

Actions Coordinator::crashed(SlotId member, const std::string& reason, bool out_of_memory, double now) {
  const SlotId id = gangs_.leader(member);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return {};
  Actions actions;
  break_up(member, actions);
  auto& jobs = slot->second.jobs;
  const bool was_pack = jobs.size() > 1;
  std::erase_if(jobs, [&](const Job& job) {
    Crashes& crashes = crashes_[job.cell];
    if (!was_pack) ++crashes.count;  // in a pack nobody knows whose fault it was: each is tried again alone first
    crashes.out_of_memory |= out_of_memory;
    if (crashes.count < policy_.attempts) return false;
    const bool timeout = slot->second.over_time && !crashes.out_of_memory;
    actions.emplace_back(Quarantine{job.cell, crashes.count, crashes.out_of_memory, timeout, reason});
    crashes_.erase(job.cell);
    --running_;
    return true;
  });
  Actions more = take_back(id, now);
  std::move(more.begin(), more.end(), std::back_inserter(actions));
  return actions;
}

std::vector<std::uint64_t> Coordinator::cells(SlotId id) const {
  std::vector<std::uint64_t> cells;
  const auto slot = slots_.find(gangs_.leader(id));
  if (slot == slots_.end()) return cells;
  for (const Job& job : slot->second.jobs) cells.push_back(job.cell);
  return cells;
}

void Coordinator::progress(SlotId id, double fraction) {
  const auto slot = slots_.find(id);
  if (slot != slots_.end()) slot->second.fraction = std::max(slot->second.begun_at, fraction);
}

double Coordinator::remaining(const Slot& slot, double now) const {
  const double elapsed = now - slot.started;
  const double gained = slot.fraction - slot.begun_at;
  if (gained > 0.02) return elapsed * (1 - slot.fraction) / gained;
  double predicted_seconds = 0;
  for (const Job& job : slot.jobs) predicted_seconds += predicted(job);
  return std::max(0.0, predicted_seconds - elapsed);
}

Actions Coordinator::resume(double now) {
  paused_ = false;
  Actions actions;
  give_waiting(actions, now);
  return actions;
}

Actions Coordinator::stop(double now, double grace) {
  stopping_ = true;
  Actions actions;
  for (const auto& [id, slot] : slots_) {
    if (slot.jobs.empty() || (slot.fraction > slot.begun_at && remaining(slot, now) <= grace)) continue;
    actions.emplace_back(GiveUp{id});
    for (const SlotId& other : gangs_.others(id)) actions.emplace_back(GiveUp{other});
  }
  return actions;
}

Actions Coordinator::tick(double now) {
  if (now < deadline_ || stopping_) return {};
  return stop(now, 0);
}

Eta Coordinator::eta(double now) const {
  double total = 0, longest = 0, squares = 0;
  for (std::size_t family = 0; family < rates_.size(); ++family) {
    if (rates_[family].cost <= 0) continue;
    const double rate = rates_[family].value();
    total += std::max(0.0, pending_cost_[family]) * rate;
    squares += std::max(0.0, pending_squares_[family]) * rate * rate;
  }
  for (const auto& [id, slot] : slots_) {
    if (slot.jobs.empty()) continue;
    const double left = remaining(slot, now);
    total += left * slot.jobs.front().replicas;
    squares += left * left;
    longest = std::max(longest, left);
  }
  if (!order_.empty()) longest = std::max(longest, -order_.begin()->first);
  if (slots_.empty()) return {std::numeric_limits<double>::infinity(), 0};

  const double spread = std::sqrt(deviations_ / predictions_), of_rate = spread / std::sqrt(predictions_);
  const double share = total / static_cast<double>(slots_.size());
  if (longest >= share) return {longest, longest * spread};
  return {share, share * std::hypot(of_rate, spread * std::sqrt(squares) / total)};
}

}  // namespace phasegrid::orchestrator
