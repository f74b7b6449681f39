#include "orchestrator/transport.hpp"

#include <cstdlib>
#include <deque>
#include <string_view>

namespace phasegrid::orchestrator {
namespace {

class LocalTransport final : public Transport {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string mpi_version() const override { return "none"; }
  void send(int, std::string bytes) override { queue_.push_back({0, std::move(bytes)}); }
  bool receive(Parcel& parcel) override {
    if (queue_.empty()) return false;
    parcel = std::move(queue_.front());
    queue_.pop_front();
    return true;
  }
  bool idle() override { return queue_.empty(); }
  bool must_be_polled() const override { return false; }
  void forget(int) override {}
  void leave(double, int) override {}

 private:
  std::deque<Parcel> queue_;
};

}  // namespace

std::unique_ptr<Transport> make_local_transport() { return std::make_unique<LocalTransport>(); }

// An interactive shell inside a Slurm allocation has Slurm's variables too: only a step with PMI services counts as srun.
bool started_by_launcher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

std::unique_ptr<Transport> make_transport() {
  return started_by_launcher() ? make_mpi_transport() : make_local_transport();
}

}  // namespace phasegrid::orchestrator
