// Where a device keeps the numbers of a network, and how what a batch brings along gets there.
//
// Operations are described with addresses of the host: maps, row counts and walks lie in a layout that is filled anew for each
// batch. On a device whose memory is its own, the mirror (kernels/mirror.hpp) replaces these addresses once, when an operation is
// recorded; upload() then brings the contents of a batch over in one piece. Losses stay on the device until somebody asks for them.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "kernels/optimiser/optimiser.hpp"
#include "kernels/reals.hpp"
#include "kernels/rows.hpp"
#include "kernels/scan/scan.hpp"

namespace phasegrid::kernels {

// Each function replaces addresses of the host by those of the device. The same address again gives the same copy.
class Mirror {
 public:
  virtual ~Mirror() = default;
  virtual void counts(Count& counts) = 0;
  // A map with `each` entries for every one of rows[m] <= most_rows rows. With targets, its inverse comes with it: who points at each of
  // targets[m] <= most_targets rows; without counts, at each of most_targets rows.
  struct Targets { Count count; std::int64_t most; };
  virtual void map(Index& map, Count rows, std::int64_t most_rows, int each, Targets targets = {}) = 0;
  virtual void reals(Reals& reals, Count rows, std::int64_t most_rows, int each) = 0;
  virtual void walks(const Walk*& walks, std::int64_t most_sequences, std::int64_t most_steps) = 0;
  // What an operation leaves for the host, one number a model: there after download() and wait().
  virtual void result(double*& results) = 0;
  virtual void result(std::int64_t*& results) = 0;

  // For those who fill maps on the device instead of the host, after everything is recorded. settle() gives each map the place for
  // its longest, for good, with what the host says now; from then on upload() does nothing. What is said of host addresses before
  // they were replaced:
  virtual void settle() = 0;
  virtual std::int32_t* there(Count counts) = 0;                  // null: nobody reads them
  virtual std::int32_t* const* there(Index map) = 0;              // [models], on the device; null likewise
  virtual Walk* there(const Walk* walks) = 0;                     // [models], with the places of their steps
  virtual void invert() = 0;                                      // makes the inverses of the maps that have been asked for
};

// Work that is given to the device again and again, as the device remembers it.
class Recorded {
 public:
  virtual ~Recorded() = default;
};

constexpr int kMostAhead = 64;   // steps

class Memory {
 public:
  virtual ~Memory() = default;
  virtual void* allocate(std::size_t bytes) = 0;                                // zeroed; freed with this object; throws std::bad_alloc
  template <class T>
  T* allocate_array(std::size_t n) { return static_cast<T*>(allocate(n * sizeof(T))); }
  virtual std::size_t bytes() const = 0;
  virtual void set(void* to, const void* from, std::size_t bytes) = 0;          // from the host
  virtual void get(void* to, const void* from, std::size_t bytes) = 0;          // to the host; waits
  virtual void copy(void* to, const void* from, std::size_t bytes) = 0;
  virtual void zero(void* to, std::size_t bytes) = 0;

  // Optimiser steps of all models: prepare() brings the settings of one or more steps over, one step after the other and at
  // most kMostAhead of them; each update() takes the next.
  virtual void prepare(std::span<const Update<float>> pack) = 0;
  virtual void update() = 0;
  void update(std::span<const Update<float>> pack) { prepare(pack), update(); }

  // Does `work`, which must be the same operations in the same order each time; what it reads may change.
  virtual void repeat(std::unique_ptr<Recorded>& recorded, const std::function<void()>& work);
  // Where an operation on this memory leaves what its description, on the host, calls `results`.
  virtual const double* place_of(const double* results) { return results; }
  virtual const std::int64_t* place_of(const std::int64_t* results) { return results; }
  // Adds what a forward pass left at such places to the sums of each model; `right` may be null.
  virtual void tally(const double* loss, const std::int64_t* right, Tally* sums) = 0;

  virtual Mirror* mirror() { return nullptr; }                                  // null: operations may use the host's addresses
  virtual void upload() {}                                                      // what the batches of the host say now
  virtual void download() {}                                                    // results: they are fetched by the next wait()
  virtual void wait() {}
};

// What goes to a device through one queue is done in the order given; what goes through two may overlap. Memory and what works on it keep to the
// queue for which they were made.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;   // waits
};
std::unique_ptr<WorkQueue> work_queue(std::string_view device_kind);   // null: there are none, everything is done at once
// From here to the end of the scope everything goes through this queue; null: the one before.
class UseQueue {
 public:
  explicit UseQueue(WorkQueue* queue);
  ~UseQueue();
  UseQueue(const UseQueue&) = delete;

 private:
  WorkQueue* before_ = nullptr;
  bool used_;
};

// `models`: of the pack. Throws std::invalid_argument for a kind that this machine cannot run.
std::unique_ptr<Memory> memory(std::string_view device_kind, int models);

}  // namespace phasegrid::kernels
