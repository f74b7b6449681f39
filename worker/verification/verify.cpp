#include "worker/verification/verify.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "kernels/operations.hpp"

namespace phasegrid::worker {

bool Verified::holds() const {
  return accuracy >= least && accuracy_double >= least && !below.empty() &&
         std::all_of(below.begin(), below.end(), [this](const Below& b) { return b.accuracy < least; });
}

std::vector<Verified> verify(const VerifyRequest& request, const Device& device) {
  std::vector<VerifyJob> jobs = recall_jobs(request);
  for (VerifyJob& job : haar_jobs(request)) jobs.push_back(std::move(job));
  std::vector<Verified> lines(jobs.size());
  std::atomic<std::size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    kernels::flush_denormals();
    try {
      for (std::size_t i = next++; i < jobs.size(); i = next++) lines[i] = jobs[i](device);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < std::min<std::size_t>(std::max(1u, std::thread::hardware_concurrency()), jobs.size()); ++i)
    threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  return lines;
}

}  // namespace phasegrid::worker
