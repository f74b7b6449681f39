// Device memory, the mirror of a batch's maps, and the pinned buffers between host and device.
//
// The mirror keeps two pieces of device memory. The head has a fixed place for everything that operations point at: row counts,
// tables of pointers (one a model; three a model for maps with an inverse) and walks. The body has the contents, packed one after
// the other anew for each batch. upload() writes both into one pinned buffer and copies them; two such buffers take turns, so that the
// host may prepare a batch while the one before is still on its way. After settle() both stay where they are, with room for the
// longest of everything: then the device fills them itself (kernels/device/invert.cu makes the inverses).
#pragma once
#include <cuda_runtime.h>

#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <vector>

#include "kernels/device/invert.hpp"
#include "kernels/memory.hpp"

namespace phasegrid::kernels::cuda {

// Memory of one allocation, freed with its owner.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes, bool pinned = false);
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();
  char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  char* data_ = nullptr;
  std::size_t bytes_ = 0;
  bool pinned_ = false;
  std::vector<char> rehearsed_;  // pinned memory of a rehearsal
};

// A pinned buffer and when it is free again.
class Staging {
 public:
  Staging();
  ~Staging();
  Staging(const Staging&) = delete;
  char* begin(std::size_t bytes);                              // waits until the last copy has left
  void copy(void* to, std::size_t offset, std::size_t bytes);  // from the buffer to the device
  void end();

 private:
  Buffer buffer_;
  cudaEvent_t left_ = nullptr;
};

class MapMirror final : public Mirror {
 public:
  explicit MapMirror(int models);
  void counts(Count& counts) override;
  void map(Index& map, Count rows, std::int64_t most_rows, int each, Targets targets) override;
  void reals(Reals& reals, Count rows, std::int64_t most_rows, int each) override;
  void walks(const Walk*& walks, std::int64_t most_sequences, std::int64_t most_steps) override;
  void result(double*& results) override;
  void result(std::int64_t*& results) override;
  void settle() override;
  std::int32_t* there(Count counts) override;
  std::int32_t* const* there(Index map) override;
  Walk* there(const Walk* walks) override;
  void invert() override;

  void upload();
  void download() { asked_ = true; }
  void wait();
  const char* place_of(const void* results) const;
  std::size_t bytes() const { return head_.bytes() + body_.bytes(); }

 private:
  // Where upload() is writing: places in the pinned buffer and what their addresses will be on the device.
  struct Cursor {
    char *head, *body;
    const char* body_on_device;
    std::size_t used, most;
    bool settled;  // each has room for the longest
    template <class T>
    T* room(std::int64_t n, std::int64_t longest, const T*& on_device);
  };
  // A map with an inverse: its table on the device and, on the host, what says how long it is.
  struct Inverse {
    const void* map;
    const std::int32_t* const* table;
    const std::int32_t *rows, *targets;  // targets: null where there are always most_targets
    std::int64_t most_rows, most_targets;
    int each;
  };
  struct Result {
    void* to;
    std::size_t offset, bytes;
  };

  std::size_t place(std::size_t bytes);  // in the head
  // What is mirrored: an address and, of a map with an inverse, whose rows it points at.
  using Key = std::tuple<const void*, const void*, std::int64_t>;
  // Calls `fill` with every upload; returns the place, or that of the same key before.
  template <class Fill>
  char* mirrored(const Key& key, std::size_t head_bytes, std::int64_t body_bytes, Fill fill);
  template <class T>
  void add_result(T*& results);
  void fill(char* here, bool settled, std::size_t& used);
  char* known(const void* host) const;  // the place of what was first mirrored from there; null: nothing was

  int models_;
  Buffer head_, body_, results_, results_here_;
  std::size_t head_used_ = 0, most_body_ = 0, results_used_ = 0;
  std::map<Key, char*> known_;
  std::map<const void*, char*> first_;
  std::vector<std::function<void(Cursor&)>> fills_;
  std::vector<Result> result_list_;
  Staging staging_[2];
  int turn_ = 0;
  std::vector<Inverse> inverses_;
  std::set<const void*> asked_for_;        // maps that the device fills
  Buffer inversions_;
  int inversions_made_ = 0;
  std::int64_t longest_inversion_ = 0;
  bool settled_ = false;
  bool asked_ = false;  // results have been left that the host has not seen
};

}  // namespace phasegrid::kernels::cuda
