#include "worker/gang_of_threads.hpp"

#include <unistd.h>

#include <atomic>
#include <exception>
#include <fcntl.h>
#include <mutex>
#include <thread>
#include <vector>

#include "worker/replicas.hpp"

namespace phasegrid::worker {
namespace {

// What the members tell each other beside their work: that one of them has left early, and why.
class Trouble {
 public:
  void leave(std::exception_ptr why = nullptr) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = why;
    broken_ = true;
  }
  bool broken() const { return broken_; }
  void rethrow() const {
    if (first_) std::rethrow_exception(first_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr first_;
  std::atomic<bool> broken_{false};
};

}  // namespace

sweeps::CellResult run_gang(const sweeps::CellSpec& cell, const Device& device, const Observer& observer, const std::function<void(Pack&)>& keep) {
  const int count = static_cast<int>(cell.settings.integer("replicas"));
  std::vector<std::unique_ptr<Replicas>> replicas;
  Trouble trouble;
  const int file = make_shared_file();
  for (int r = 0; r < count; ++r)
    replicas.push_back(shared_replicas(r == 0 ? file : fcntl(file, F_DUPFD_CLOEXEC, 0), r, count, [&] { return !trouble.broken(); }));
  sweeps::CellResult result;
  const auto member = [&](int r) {
    const Observer other = [&](const Progress&) { return !trouble.broken(); };
    try {
      auto results = run_pack(std::span(&cell, 1), device, r == 0 ? observer : other, r == 0 ? keep : nullptr, replicas[static_cast<std::size_t>(r)].get());
      if (results.front().status == sweeps::Status::pending) trouble.leave();
      if (r == 0) result = std::move(results.front());
    } catch (...) {
      trouble.leave(std::current_exception());
    }
  };
  {
    std::vector<std::jthread> others;
    for (int r = 1; r < count; ++r) others.emplace_back(member, r);
    member(0);
  }
  trouble.rethrow();
  return result;
}

}  // namespace phasegrid::worker
