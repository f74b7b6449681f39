// Ranks without processes: each has one slot and "trains" whatever it is given in no time. For measuring and testing the
// director by itself. Messages are those of real ranks, byte for byte.
#pragma once
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "orchestrator/messages.hpp"
#include "orchestrator/transport.hpp"

namespace phasegrid::orchestrator {

class Crowd final : public Transport {
 public:
  using Train = std::function<sweeps::CellResult(std::uint64_t cell)>;
  Crowd(int ranks, std::string sweep_hash, Train train);

  int rank() const override { return 0; }
  int size() const override { return ranks_; }
  std::string mpi_version() const override { return "none"; }
  void send(int to, std::string bytes) override { to_do_.push_back({to, std::move(bytes)}); }
  bool receive(Parcel& parcel) override;
  bool idle() override { return true; }
  bool must_be_polled() const override { return false; }
  void forget(int) override {}
  void leave(double, int) override {}

 private:
  void answer(const Parcel& message);
  template <class Message>
  void say(int rank, const Message& message) {
    said_.push_back({rank, encode(message)});
  }

  int ranks_;
  std::string hash_;
  Train train_;
  std::deque<Parcel> to_do_, said_;  // to the ranks; by the ranks
};

}  // namespace phasegrid::orchestrator
