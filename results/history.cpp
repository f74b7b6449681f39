#include "results/history.hpp"

#include <algorithm>
#include <bit>

namespace phasegrid::results {
namespace {

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return same(x, y); });
}

bool same(const sweeps::CurvePoint& a, const sweeps::CurvePoint& b) {
  return a.step == b.step && same(a.accuracy, b.accuracy) && same(a.loss, b.loss) && same(a.train_loss, b.train_loss);
}

bool same(const sweeps::LabelledArray& a, const sweeps::LabelledArray& b) {
  return a.name == b.name && a.dims == b.dims && a.shape == b.shape && same(a.data, b.data) &&
         a.text == b.text && a.long_name == b.long_name && a.units == b.units;
}

}  // namespace

bool is_final(sweeps::Status status) {
  using enum sweeps::Status;
  return status != pending && status != failed && status != timeout && status != out_of_memory && status != infeasible;
}

bool same_bits(const sweeps::CellResult& a, const sweeps::CellResult& b) {
  const auto elements_same = [](const auto& x, const auto& y) { return same(x, y); };
  return a.index == b.index && a.status == b.status && same(a.accuracy, b.accuracy) && same(a.loss, b.loss) &&
         same(a.accuracy_final, b.accuracy_final) && same(a.accuracy_validation, b.accuracy_validation) &&
         a.examples == b.examples && a.steps == b.steps && a.best_step == b.best_step && a.parameters == b.parameters &&
         same(a.accuracy_T, b.accuracy_T) && same(a.loss_T, b.loss_T) &&
         std::ranges::equal(a.curve, b.curve, elements_same) &&
         std::ranges::equal(a.diagnostics, b.diagnostics, elements_same);
}

void relocate_cells(RunState& state, const sweeps::Relocation& relocation) {
  const std::uint64_t cells = relocation.cells();
  std::unordered_map<std::uint64_t, sweeps::CellResult> results;
  for (auto& [cell, result] : state.results) {
    if (cell >= cells) continue;  // of no grid that was ever described
    result.index = relocation(cell);
    results.emplace(result.index, std::move(result));
  }
  state.results = std::move(results);
  std::unordered_map<std::uint64_t, std::uint16_t> origin_of;
  for (const auto& [cell, origin] : state.origin_of)
    if (cell < cells) origin_of.emplace(relocation(cell), origin);
  state.origin_of = std::move(origin_of);
  CheckpointMap checkpoints;
  for (auto& [cell, checkpoint] : state.checkpoints)
    if (cell < cells) checkpoints.emplace(relocation(cell), std::move(checkpoint));
  state.checkpoints = std::move(checkpoints);
  std::erase_if(state.attempts, [&](const Attempt& attempt) { return attempt.cell >= cells; });
  for (Attempt& attempt : state.attempts) attempt.cell = relocation(attempt.cell);
}

std::uint16_t origin_index(RunState& state, const Origin& origin) {
  const auto known = std::ranges::find(state.origins, origin);
  const auto index = static_cast<std::uint16_t>(known - state.origins.begin());
  if (known == state.origins.end()) state.origins.push_back(origin);
  return index;
}

std::string describe(const Origin& origin) {
  return "numerics version " + std::to_string(origin.numerics_version) + " on " + origin.device_kind;
}

const Origin& RunState::origin(std::uint64_t cell) const {
  static const Origin nowhere;
  const auto other = origin_of.find(cell);
  if (other != origin_of.end()) return origins[other->second];
  return origins.empty() ? nowhere : origins[0];
}

bool RunState::mixed() const {
  if (origins.size() < 2 || results.empty()) return false;
  const Origin& first = origin(results.begin()->first);
  return std::ranges::any_of(results, [&](const auto& known) { return !(origin(known.first) == first); });
}

void History::started(std::uint64_t cell, int attempt, std::string where, std::string utc, std::int64_t from_step) {
  open_[cell] = state_->attempts.size();
  state_->attempts.push_back({cell, attempt, std::move(where), std::move(utc), "", "", from_step});
}

void History::checkpointed(std::uint64_t cell, Checkpoint checkpoint) {
  const auto result = state_->results.find(cell);
  if (result != state_->results.end() && is_final(result->second.status)) return;
  checkpoint.origin = state_->origin_now;
  Checkpoint& known = state_->checkpoints[cell];
  state_->checkpoints_taken += checkpoint.step > known.step;
  known = std::move(checkpoint);
}

void History::ended(std::uint64_t cell, int attempt, std::string where, std::string utc, std::string outcome) {
  const auto running = open_.find(cell);
  if (running != open_.end() && state_->attempts[running->second].attempt == attempt) {
    Attempt& known = state_->attempts[running->second];
    known.ended_utc = std::move(utc);
    known.outcome = std::move(outcome);
    open_.erase(running);
  } else {  // its start was never made durable
    state_->attempts.push_back({cell, attempt, std::move(where), "", std::move(utc), std::move(outcome), 0});
  }
}

void History::finished(sweeps::CellResult result, int attempt, std::string where, std::string utc,
                       const std::string& source) {
  ended(result.index, attempt, std::move(where), std::move(utc), sweeps::to_text(result.status));
  state_->checkpoints.erase(result.index);
  const auto [known, is_new] = state_->results.try_emplace(result.index);
  if (is_new || !is_final(known->second.status)) {
    if (state_->origin_now == 0) state_->origin_of.erase(result.index);
    else state_->origin_of[result.index] = state_->origin_now;
    known->second = std::move(result);
  } else if (is_final(result.status) && !same_bits(known->second, result)) {
    state_->warnings.push_back(source + ": cell " + std::to_string(result.index) +
                               " was trained twice with different results; the first is kept");
  }
}

void History::life_ended() {
  for (const auto& [cell, position] : open_) state_->attempts[position].outcome = "interrupted";
  open_.clear();
}

}  // namespace phasegrid::results
