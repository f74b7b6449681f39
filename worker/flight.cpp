#include "worker/flight.hpp"

#include <algorithm>
#include <new>

#include "kernels/device/backend.hpp"

namespace phasegrid::worker {
namespace {

// A move ends with fresh tables, fresh graphs and a copy of each cell's state by way of the host: some tens of
// milliseconds.
constexpr std::int64_t kWorthMoving = 50;  // steps

// Halves of fewer cells would double the launches without having more to overlap.
constexpr std::size_t kLeastHalf = 2;

std::size_t packs_for(std::size_t cells, const Device& device, const Gang& gang) {
  const bool works_behind_our_back = gang.alone() && kernels::cuda_operations(device.kind);
  return works_behind_our_back && device.packs_in_flight > 1 && cells >= 2 * kLeastHalf ? 2 : 1;
}

// A member of a gang that has no memory says so to the others before any of them begins: null for all.
std::unique_ptr<Pack> make_pack(std::span<const sweeps::CellSpec> cells, const Device& device, Gang gang) {
  std::unique_ptr<Pack> pack;
  try {
    pack = std::make_unique<Pack>(cells, device, gang);
  } catch (const std::bad_alloc&) {
    if (!gang.ready()) throw;
  }
  return gang.all(pack != nullptr) ? std::move(pack) : nullptr;
}

template <class T>
std::vector<T> piece(const std::vector<T>& all, std::size_t begin, std::size_t end) {
  if (all.empty()) return {};
  return {all.begin() + static_cast<std::ptrdiff_t>(begin), all.begin() + static_cast<std::ptrdiff_t>(end)};
}

}  // namespace

Cells Cells::part(std::size_t begin, std::size_t end) const {
  return {piece(specs, begin, end), piece(places, begin, end), piece(states, begin, end)};
}

Flight::Flight(const Cells& cells, const Device& device, Gang gang) : cells_(cells.size()) {
  const std::size_t packs = packs_for(cells.size(), device, gang);
  for (std::size_t p = 0; p < packs; ++p) {
    const std::size_t begin = cells.size() * p / packs, end = cells.size() * (p + 1) / packs;
    auto pack = make_pack(std::span(cells.specs).subspan(begin, end - begin), device, gang);
    if (!pack) return;
    if (cells.states.empty()) pack->begin();
    else
      for (std::size_t i = begin; i < end; ++i) pack->restore(static_cast<int>(i - begin), cells.states[i]);
    first_.push_back(begin), packs_.push_back(std::move(pack));
  }
}

void Flight::step() {
  for (const auto& pack : packs_)
    if (pack->running()) pack->step();
}

int Flight::training() const {
  int models = 0;
  for (const auto& pack : packs_) models += pack->training();
  return models;
}

double Flight::last_loss() const {
  for (const auto& pack : packs_)
    if (pack->running()) return pack->last_loss();
  return packs_.front()->last_loss();
}

bool Flight::thin() const {
  std::int64_t steps = 0;
  for (const auto& pack : packs_) steps = std::max(steps, pack->steps_left());
  return 2 * static_cast<std::size_t>(training()) <= cells_ && steps >= kWorthMoving;
}

std::int64_t Flight::steps_done() const {
  std::int64_t steps = 0;
  for (const auto& pack : packs_) steps = std::max(steps, pack->steps_done());
  return steps;
}

std::int64_t Flight::steps_planned() const {
  std::int64_t steps = 0;
  for (const auto& pack : packs_) steps = std::max(steps, pack->steps_planned());
  return steps;
}

}  // namespace phasegrid::worker
