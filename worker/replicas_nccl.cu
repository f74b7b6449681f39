// Never run on a GPU: compiled by nvcc, and its logic tested with a stand-in for NCCL (tests/nccl_stand_in).
//
// The communicator never blocks, so that a member whose peer has died can be told to give up: every wait asks, and ends with ncclCommAbort,
// which also ends the kernels that wait on the device.
#include "worker/replicas_nccl.hpp"

#include <nccl.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "kernels/device/memory.hpp"
#include "kernels/device/queue.hpp"

namespace phasegrid::worker {
namespace {

using kernels::cuda::check;
using Clock = std::chrono::steady_clock;

constexpr auto kAskEvery = std::chrono::milliseconds(5);
constexpr auto kReasonComes = std::chrono::seconds(10);  // after an error here, until whoever started the gang knows which member has died
constexpr unsigned kLookEvery = 20;                      // microseconds

class Event {
 public:
  Event() { check(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "creating an event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  operator cudaEvent_t() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class NcclReplicas final : public Replicas {
 public:
  NcclReplicas(const std::string& key, int index, int count, Waiting waiting) : Replicas(index, count), waiting_(std::move(waiting)) {
    ncclUniqueId id;
    if (key.size() != sizeof id) throw std::runtime_error("the key of a gang has the wrong size");
    std::memcpy(&id, key.data(), sizeof id);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    begun(ncclCommInitRankConfig(&communicator_, count, id, index, &config));
  }

  // All gatherings were waited for, so nothing of this member is under way; the others may be gone.
  ~NcclReplicas() override {
    try {
      if (communicator_) begun(ncclCommFinalize(communicator_));
      if (communicator_) ncclCommDestroy(communicator_);
    } catch (const std::exception&) {
      abort();
    }
  }

  void reserve(std::size_t bytes) override {
    const std::size_t all = bytes * static_cast<std::size_t>(count());
    mine_ = kernels::cuda::Buffer(bytes), all_ = kernels::cuda::Buffer(all), all_here_ = kernels::cuda::Buffer(all, true);
  }
  std::size_t room() const override { return mine_.bytes(); }

  Gathering all_gather(const void* mine, std::size_t bytes) override {
    if (bytes > room()) throw std::logic_error("a gathering of more bytes than were reserved");
    begun(ncclAllGather(mine, all_.data(), bytes, ncclChar, communicator_, stream()));
    wait_for_device();
    return {all_.data(), bytes};
  }

  Gathering all_gather_here(const void* mine, std::size_t bytes) override {
    if (bytes > room()) throw std::logic_error("a gathering of more bytes than were reserved");
    check(cudaMemcpyAsync(mine_.data(), mine, bytes, cudaMemcpyHostToDevice, stream()), "a copy for the gang");
    begun(ncclAllGather(mine_.data(), all_.data(), bytes, ncclChar, communicator_, stream()));
    const std::size_t all = bytes * static_cast<std::size_t>(count());
    check(cudaMemcpyAsync(all_here_.data(), all_.data(), all, cudaMemcpyDeviceToHost, stream()), "a copy from the gang");
    wait_for_device();
    return {all_here_.data(), bytes};
  }

 private:
  static cudaStream_t stream() { return kernels::cuda::queue().stream(); }  // behind the gradient, in front of the sum

  void abort() {
    if (communicator_) ncclCommAbort(communicator_);
    communicator_ = nullptr;
  }

  // A call that does not block has begun: until it is in the queue.
  void begun(ncclResult_t result) {
    if (result != ncclSuccess && result != ncclInProgress) fail(result);
    wait_until([&] { return state() == ncclSuccess; });
  }
  void wait_for_device() {
    check(cudaEventRecord(done_, stream()), "an event");
    wait_until([&] {
      const cudaError_t error = cudaEventQuery(done_);
      if (error != cudaErrorNotReady) check(error, "waiting for the gang");
      return error == cudaSuccess;
    });
  }

  ncclResult_t state() {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t result = ncclCommGetAsyncError(communicator_, &state);
    return result == ncclSuccess ? state : result;
  }

  template <class Ready>
  void wait_until(Ready ready) {
    auto asked = Clock::now();
    while (!ready()) {
      if (const ncclResult_t now = state(); now != ncclSuccess && now != ncclInProgress) fail(now);
      usleep(kLookEvery);
      if (Clock::now() - asked < kAskEvery) continue;
      asked = Clock::now();
      if (!waiting_()) give_up();
    }
  }

  [[noreturn]] void give_up() {
    abort();
    throw GangBroken();
  }

  // A member that has died looks like an error of NCCL: its end is the better reason, so wait for it.
  [[noreturn]] void fail(ncclResult_t error) {
    const std::string what = ncclGetErrorString(error);
    abort();
    for (const auto since = Clock::now(); Clock::now() - since < kReasonComes; usleep(5000))
      if (!waiting_()) throw GangBroken();
    throw std::runtime_error("NCCL: " + what);
  }

  Waiting waiting_;
  ncclComm_t communicator_ = nullptr;
  Event done_;
  kernels::cuda::Buffer mine_, all_, all_here_;
};

}  // namespace

bool built_with_nccl() { return true; }

std::string nccl_key() {
  ncclUniqueId id;
  if (const ncclResult_t error = ncclGetUniqueId(&id); error != ncclSuccess)
    throw std::runtime_error(std::string("NCCL: ") + ncclGetErrorString(error));
  return {reinterpret_cast<const char*>(&id), sizeof id};
}

std::unique_ptr<Replicas> nccl_replicas(const std::string& key, int index, int count, Waiting waiting) {
  return std::make_unique<NcclReplicas>(key, index, count, std::move(waiting));
}

}  // namespace phasegrid::worker
