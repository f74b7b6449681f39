// The ranks of a run as rank 0 knows them: their machines, how many slots each gets, which are alive.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/binding.hpp"
#include "orchestrator/fd.hpp"
#include "orchestrator/messages.hpp"

namespace phasegrid::orchestrator {

class Team {
 public:
  Team(int ranks, double now);

  void report(int rank, Hello hello, double now);
  bool complete() const { return reported_ == members_.size(); }
  std::string missing() const;                           // "ranks 3, 5"

  // Throws std::runtime_error naming both sides if numerics versions differ.
  void check_versions() const;
  // The most capable device kind that every rank can run. `wanted`: "auto", or a kind that all must be able to run (else
  // RunError). `before`: the kind of the results so far, kept by auto if all can run it. `device`: auto, cpu, cuda.
  std::string device_kind(const std::string& wanted, const std::string& before, const std::string& device = "auto") const;
  // Why not every rank can train on a GPU, in one line; "" if all can, on the same kind.
  std::string gpu_trouble() const;
  kernels::Gpu smallest_gpu(const std::string& kind) const;   // by memory; one without memory where nobody knows
  std::string describe_gpus(const std::string& kind) const;   // "4 x NVIDIA H100 (sm_90, 79.6 GiB, driver 550.54.15, CUDA 12.4)"
  // For each rank; 0 wanted: its GPUs of this kind, or its cores / threads.
  std::vector<int> slots(int wanted, const std::string& kind = "cpu", int threads = 1) const;
  std::vector<Place> places(const std::string& kind) const;                    // of the ranks, for binding GPUs of this kind
  std::string describe(const std::vector<int>& slots) const;   // "3 ranks on 2 hosts, 6 slots"
  std::string where(int rank, int slot) const;           // "rank 2 slot 0 host-a"

  const std::string& host(int rank) const { return members_[static_cast<std::size_t>(rank)].hello->host; }
  int node(int rank) const;                              // the first rank on the same host
  bool first_on_host(int rank) const { return node(rank) == rank; }

  void heard(int rank, double now) { members_[static_cast<std::size_t>(rank)].last_heard = now; }
  bool lost(int rank) const { return members_[static_cast<std::size_t>(rank)].lost; }
  bool anyone_lost() const;
  struct Loss {
    int rank;
    std::string reason;
  };
  std::vector<Loss> newly_lost(double now);              // told once
  bool everyone_else_left() const;                       // as far as can be seen from this host
  int size() const { return static_cast<int>(members_.size()); }

 private:
  std::vector<std::string> common_kinds() const;         // that every rank can run, least capable first

  struct Member {
    std::optional<Hello> hello;
    Fd process;                                          // watched where it runs on our host
    double last_heard = 0;
    bool lost = false;
  };
  std::vector<Member> members_;
  std::size_t reported_ = 0;
};

}  // namespace phasegrid::orchestrator
