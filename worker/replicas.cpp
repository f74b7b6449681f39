// Gatherings through shared memory:
//
//   head | slots of round 0, 2, 4 ...: one for each replica | slots of round 1, 3, 5 ...
//
// In round k every member fills its own slot and arrives; the last to arrive lets the round begin for all. A slot is filled again two rounds
// later, which no member enters before all have arrived at the round between, done with reading.
#include "worker/replicas.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <new>
#include <system_error>

namespace phasegrid::worker {
namespace {

constexpr std::size_t kHead = 4096, kAlign = 128;
constexpr long kAskEvery = 5'000'000;   // nanoseconds
constexpr int kLooks = 2000;            // before sleeping: some microseconds

struct Head {
  std::atomic<std::uint64_t> arrivals;  // of all rounds
  std::atomic<std::uint32_t> rounds;    // complete; what waiting members sleep on
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t), "the kernel takes it for a plain number");

std::size_t padded(std::size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

class SharedReplicas final : public Replicas {
 public:
  SharedReplicas(int file, int index, int count, Waiting waiting) : Replicas(index, count), file_(file), waiting_(std::move(waiting)) {}
  ~SharedReplicas() override {
    if (base_) munmap(base_, size_);
    close(file_);
  }

  // Everyone makes the file the same size, so the order does not matter.
  void reserve(std::size_t bytes) override {
    slot_ = padded(bytes);
    size_ = kHead + 2 * static_cast<std::size_t>(count()) * slot_;
    if (ftruncate(file_, static_cast<off_t>(size_)) != 0) throw std::bad_alloc();
    void* base = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<char*>(base);
  }

  std::size_t room() const override { return base_ ? slot_ : 0; }

  Gathering all_gather(const void* mine, std::size_t bytes) override {
    if (!base_ || bytes > slot_) throw std::logic_error("a gathering of more bytes than were reserved");
    char* slots = base_ + kHead + (round_ % 2) * static_cast<std::size_t>(count()) * slot_;
    std::memcpy(slots + static_cast<std::size_t>(index()) * slot_, mine, bytes);
    ++round_;
    if (head().arrivals.fetch_add(1, std::memory_order_acq_rel) + 1 == round_ * static_cast<std::uint64_t>(count())) open_round();
    else wait_for_round();
    return {slots, slot_};
  }
  Gathering all_gather_here(const void* mine, std::size_t bytes) override { return all_gather(mine, bytes); }

 private:
  Head& head() const { return *reinterpret_cast<Head*>(base_); }
  std::uint32_t* word() const { return reinterpret_cast<std::uint32_t*>(&head().rounds); }

  void open_round() {
    head().rounds.store(static_cast<std::uint32_t>(round_), std::memory_order_release);
    syscall(SYS_futex, word(), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  }

  void wait_for_round() {
    const auto wanted = static_cast<std::uint32_t>(round_);   // nobody is more than one round ahead: either this or the one before
    for (int look = 0; look < kLooks; ++look)
      if (head().rounds.load(std::memory_order_acquire) == wanted) return;
    while (head().rounds.load(std::memory_order_acquire) != wanted) {
      const timespec patience{0, kAskEvery};
      const long slept = syscall(SYS_futex, word(), FUTEX_WAIT, wanted - 1, &patience, nullptr, 0);
      if (slept != 0 && errno == ETIMEDOUT && !waiting_()) throw GangBroken();
    }
  }

  int file_;
  Waiting waiting_;
  char* base_ = nullptr;
  std::size_t size_ = 0, slot_ = 0;
  std::uint64_t round_ = 0;
};

}  // namespace

int make_shared_file() {
  const int file = memfd_create("phasegrid_gang", MFD_CLOEXEC);
  if (file < 0) throw std::system_error(errno, std::generic_category(), "cannot make memory for a gang");
  return file;
}

std::unique_ptr<Replicas> shared_replicas(int file, int index, int count, Waiting waiting) {
  return std::make_unique<SharedReplicas>(file, index, count, std::move(waiting));
}

}  // namespace phasegrid::worker
