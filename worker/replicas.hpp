// How the members of a gang, the replicas that train one cell together, reach each other. All of them call the same functions in the same order.
//
// Two ways: memory that executors of one machine share (here), and NCCL between GPUs (replicas_nccl.hpp). A member that has died is
// not noticed here: whoever started the gang knows, and answers the question that waiting members keep asking.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>

namespace phasegrid::worker {

// Thrown where a member waits for others and is told to give up.
class GangBroken : public std::runtime_error {
 public:
  GangBroken() : std::runtime_error("the others of the gang are gone") {}
};

// Asked again and again while waiting, at least every few milliseconds. False: give up.
using Waiting = std::function<bool()>;

// What every member has brought, in the order of replicas. Stays until this member's next gathering.
struct Gathering {
  const char* data = nullptr;
  std::size_t stride = 0;  // bytes from one replica's to the next
  template <class T>
  const T* of(int replica) const { return reinterpret_cast<const T*>(data + static_cast<std::size_t>(replica) * stride); }
};

class Replicas {
 public:
  Replicas(int index, int count) : index_(index), count_(count) {}
  virtual ~Replicas() = default;
  Replicas(const Replicas&) = delete;
  int index() const { return index_; }
  int count() const { return count_; }

  // Room for gatherings of so many bytes, once and before the first of them. Throws std::bad_alloc.
  virtual void reserve(std::size_t bytes) = 0;
  virtual std::size_t room() const = 0;  // 0 before
  // The same number of bytes from every member; in the memory of the device, and in that of the host. Throws GangBroken.
  virtual Gathering all_gather(const void* mine, std::size_t bytes) = 0;
  virtual Gathering all_gather_here(const void* mine, std::size_t bytes) = 0;

 private:
  int index_, count_;
};

// A file without a name, empty, that exists as long as somebody has it open or mapped: nothing is left behind, however its users end.
// The descriptor is closed on exec. Throws std::system_error.
int make_shared_file();

// The members share a file as above; `file` is closed when the object goes. The contents must not have been used by another gang.
std::unique_ptr<Replicas> shared_replicas(int file, int index, int count, Waiting waiting);

}  // namespace phasegrid::worker
