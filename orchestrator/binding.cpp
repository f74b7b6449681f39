#include "orchestrator/binding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

namespace phasegrid::orchestrator {
namespace {

// "GPU UUID:  GPU-..." for each card that the driver knows; tells of nothing where there is no driver.
std::vector<std::string> uuids_of_driver() {
  std::vector<std::string> uuids;
  std::vector<std::filesystem::path> cards;
  std::error_code none;
  for (const auto& card : std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", none)) cards.push_back(card.path());
  std::sort(cards.begin(), cards.end());  // by PCI address
  for (const auto& card : cards) {
    std::ifstream file(card / "information");
    for (std::string line; std::getline(file, line);) {
      const auto at = line.find("GPU-");
      if (line.starts_with("GPU UUID") && at != std::string::npos) uuids.push_back(line.substr(at));
    }
  }
  return uuids;
}

// For each rank the GPUs that are its own: each GPU goes to the rank with the fewest among those of its node that see it.
std::vector<std::vector<std::string>> divide(const std::vector<Place>& places) {
  std::vector<std::vector<std::string>> own(places.size());
  std::vector<std::pair<std::string, std::string>> given;  // (node, GPU)
  for (const Place& place : places) {
    for (const std::string& gpu : place.gpus) {
      const std::pair name(place.node, gpu);
      if (std::find(given.begin(), given.end(), name) != given.end()) continue;
      given.push_back(name);
      std::size_t best = places.size();
      for (std::size_t rank = 0; rank < places.size(); ++rank) {
        const auto& seen = places[rank].gpus;
        if (places[rank].node != place.node || std::find(seen.begin(), seen.end(), gpu) == seen.end()) continue;
        if (best == places.size() || own[rank].size() < own[best].size()) best = rank;
      }
      own[best].push_back(gpu);
    }
  }
  return own;
}

}  // namespace

std::vector<std::string> parse_gpu_list(const std::string& list) {
  std::vector<std::string> names;
  std::istringstream in(list);
  for (std::string name; std::getline(in, name, ',');) {
    std::erase(name, ' ');
    if (name.empty() || name == "-1" || name == "NoDevFiles") break;
    names.push_back(name);
  }
  return names;
}

std::vector<std::string> visible_gpus() {
  for (const char* name : {"CUDA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS"}) {
    if (const char* list = std::getenv(name)) return parse_gpu_list(list);
  }
  return uuids_of_driver();
}

std::string node_name() {
  const char* name = std::getenv("SLURMD_NODENAME");
  return name ? name : "";
}

bool is_gpu_kind(const std::string& device_kind) { return device_kind.starts_with("sm_"); }

std::vector<int> gpu_slots(const std::vector<Place>& places) {
  std::vector<int> slots;
  for (const auto& own : divide(places)) slots.push_back(std::max(1, static_cast<int>(own.size())));
  return slots;
}

Binding bind_gpus(const std::vector<Place>& places, const std::vector<int>& slots) {
  const auto own = divide(places);
  std::map<std::pair<std::string, std::string>, std::vector<std::size_t>> users;  // (node, GPU) -> ranks
  Binding binding;
  for (std::size_t rank = 0; rank < places.size(); ++rank) {
    const Place& place = places[rank];
    const auto& mine = own[rank].empty() ? place.gpus : own[rank];
    auto& names = binding.gpus.emplace_back();
    for (int slot = 0; slot < slots[rank]; ++slot) {
      const auto least = std::min_element(mine.begin(), mine.end(), [&](const std::string& a, const std::string& b) {
        return users[{place.node, a}].size() < users[{place.node, b}].size();
      });
      names.push_back(least == mine.end() ? "" : *least);
      if (least != mine.end()) users[{place.node, *least}].push_back(rank);
      binding.table += fmt::format("  rank {} {} slot {}: {}\n", rank, place.node, slot,
                                   names.back().empty() ? "no GPU" : "GPU " + names.back());
    }
  }
  for (const auto& [gpu, ranks] : users) {
    if (ranks.front() == ranks.back()) continue;
    binding.warnings.push_back(fmt::format("GPU {} of {} is shared by slots of ranks {}: start at most one rank for each GPU",
                                           gpu.second, gpu.first, fmt::format("{}", fmt::join(ranks, ", "))));
  }
  return binding;
}

}  // namespace phasegrid::orchestrator
