#include "orchestrator/team.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "orchestrator/gpus.hpp"
#include "orchestrator/machine.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr double kSilence = 90;  // seconds without a beat after which a rank on another host counts as lost

std::string plural(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

}  // namespace

Team::Team(int ranks, double now) : members_(static_cast<std::size_t>(ranks)) {
  for (Member& member : members_) member.last_heard = now;
}

void Team::report(int rank, Hello hello, double now) {
  Member& member = members_[static_cast<std::size_t>(rank)];
  if (!member.hello) ++reported_;
  if (rank != 0 && hello.host == host_name()) member.process = watch_process(hello.pid);
  member.hello = std::move(hello);
  member.last_heard = now;
}

std::string Team::missing() const {
  std::string text;
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    if (!members_[rank].hello) text += (text.empty() ? "rank " : ", ") + std::to_string(rank);
  }
  return text;
}

void Team::check_versions() const {
  const Hello& first = *members_[0].hello;
  for (std::size_t rank = 1; rank < members_.size(); ++rank) {
    const Hello& other = *members_[rank].hello;
    if (other.numerics == first.numerics) continue;
    throw results::RunError("rank " + std::to_string(rank) + " on " + other.host + " computes with numerics version " +
                            std::to_string(other.numerics) + " (built from " + other.git_hash + "), rank 0 on " +
                            first.host + " with " + std::to_string(first.numerics) + " (built from " + first.git_hash +
                            "): start the same binary everywhere");
  }
}

std::vector<std::string> Team::common_kinds() const {
  std::vector<std::string> common = members_[0].hello->kinds;
  for (const Member& member : members_) {
    const auto& kinds = member.hello->kinds;
    std::erase_if(common,
                  [&](const std::string& kind) { return std::find(kinds.begin(), kinds.end(), kind) == kinds.end(); });
  }
  return common;
}

std::string Team::device_kind(const std::string& wanted, const std::string& before, const std::string& device) const {
  std::vector<std::string> common = common_kinds();
  const auto other = [&](const std::string& kind) { return is_gpu_kind(kind) != (device == "cuda"); };
  if (device != "auto") std::erase_if(common, other);
  if (device == "cuda" && common.empty()) throw results::RunError("--device cuda: " + gpu_trouble());
  const auto has = [&](const std::string& kind) {
    return std::find(common.begin(), common.end(), kind) != common.end();
  };
  if (wanted == "auto") {
    if (common.empty()) throw results::RunError("no device kind can run on every rank: choose machines of one kind");
    return has(before) ? before : common.back();
  }
  if (has(wanted)) return wanted;
  std::string all;
  for (const auto& kind : common) all += (all.empty() ? "" : ", ") + kind;
  throw results::RunError("--device-kind " + wanted + ": not every rank can run it; kinds that all can run: " + all);
}

std::string Team::gpu_trouble() const {
  const auto common = common_kinds();
  if (std::any_of(common.begin(), common.end(), is_gpu_kind)) return "";
  std::string kinds;
  for (std::size_t rank = 0; rank < members_.size(); ++rank) {
    const Hello& hello = *members_[rank].hello;
    const std::string name = "rank " + std::to_string(rank) + " on " + hello.host + ": ", why = trouble(hello.survey);
    if (!why.empty()) return name + why;
    kinds += (kinds.empty() ? "" : "; ") + name;
    for (const std::string& kind : usable_kinds(hello.survey)) kinds += kind + " ";
    kinds.pop_back();
  }
  return "the ranks' GPUs are of different kinds: " + kinds;
}

kernels::Gpu Team::smallest_gpu(const std::string& kind) const {
  kernels::Gpu smallest;
  for (const Member& member : members_)
    for (const kernels::Gpu& gpu : member.hello->survey.gpus)
      if (gpu.kind == kind && gpu.problem.empty() && (smallest.bytes == 0 || gpu.bytes < smallest.bytes))
        smallest = gpu;
  return smallest;
}

std::string Team::describe_gpus(const std::string& kind) const {
  std::map<std::string, std::set<std::pair<std::string, std::string>>> same;  // description -> (host, UUID)
  for (const Member& member : members_)
    for (const kernels::Gpu& gpu : member.hello->survey.gpus) {
      if (gpu.kind != kind || !gpu.problem.empty()) continue;
      const auto tenths = static_cast<std::int64_t>(static_cast<double>(gpu.bytes) / (1 << 30) * 10 + 0.5);
      same[gpu.name + " (" + kind + ", " + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB, driver " +
           member.hello->survey.driver + ")"].emplace(member.hello->host, gpu.uuid);
    }
  std::string text;
  for (const auto& [what, which] : same) text += (text.empty() ? "" : "; ") + std::to_string(which.size()) + " x " + what;
  return text;
}

std::vector<Place> Team::places(const std::string& kind) const {
  std::vector<Place> places;
  for (const Member& member : members_) {
    const Hello& hello = *member.hello;
    Place& place = places.emplace_back(Place{hello.node.empty() ? hello.host : hello.node, {}});
    for (const kernels::Gpu& gpu : hello.survey.gpus)
      if (gpu.kind == kind && gpu.problem.empty()) place.gpus.push_back(gpu.uuid);
    if (hello.survey.gpus.empty()) place.gpus = hello.gpus;  // nobody asked the driver
  }
  return places;
}

std::vector<int> Team::slots(int wanted, const std::string& kind, int threads) const {
  if (is_gpu_kind(kind) && wanted == 0) return gpu_slots(places(kind));
  std::map<std::string, int> ranks_on;
  for (const Member& member : members_) ++ranks_on[member.hello->host];
  std::map<std::string, int> seen;
  std::vector<int> slots;
  for (const Member& member : members_) {
    const std::string& host = member.hello->host;
    const int ranks = ranks_on[host], nth = seen[host]++;
    const int fair = member.hello->cores / ranks + (nth < member.hello->cores % ranks ? 1 : 0);
    slots.push_back(wanted > 0 ? wanted : std::max(1, fair / threads));
  }
  return slots;
}

std::string Team::describe(const std::vector<int>& slots) const {
  std::set<std::string> hosts;
  std::size_t total = 0;
  for (const Member& member : members_) hosts.insert(member.hello->host);
  for (const int n : slots) total += static_cast<std::size_t>(n);
  return plural(members_.size(), "rank") + " on " + plural(hosts.size(), "host") + ", " + plural(total, "slot");
}

std::string Team::where(int rank, int slot) const {
  const auto& hello = members_[static_cast<std::size_t>(rank)].hello;
  return "rank " + std::to_string(rank) + " slot " + std::to_string(slot) + " " + (hello ? hello->host : "");
}

int Team::node(int rank) const {
  int first = 0;
  while (first < rank && host(first) != host(rank)) ++first;
  return first;
}

bool Team::anyone_lost() const {
  return std::any_of(members_.begin(), members_.end(), [](const Member& member) { return member.lost; });
}

std::vector<Team::Loss> Team::newly_lost(double now) {
  std::vector<Loss> losses;
  for (std::size_t rank = 1; rank < members_.size(); ++rank) {
    Member& member = members_[rank];
    if (member.lost || !member.hello) continue;
    if (has_ended(member.process)) {
      losses.push_back({static_cast<int>(rank), "its process has ended"});
    } else if (now - member.last_heard > kSilence) {
      losses.push_back({static_cast<int>(rank), "no word from " + member.hello->host + " for " +
                                                    std::to_string(static_cast<int>(kSilence)) + " s"});
    } else {
      continue;
    }
    member.lost = true;
  }
  return losses;
}

bool Team::everyone_else_left() const {
  return std::all_of(members_.begin() + 1, members_.end(),
                     [](const Member& member) { return !member.process || has_ended(member.process); });
}

}  // namespace phasegrid::orchestrator
