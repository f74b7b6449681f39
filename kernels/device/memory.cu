#include "kernels/device/memory.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "kernels/device/backend.hpp"
#include "kernels/device/graph.hpp"
#include "kernels/device/queue.hpp"
#include "kernels/optimiser/cuda.hpp"

namespace phasegrid::kernels {
namespace cuda {

Buffer::Buffer(std::size_t bytes, bool pinned) : bytes_(bytes), pinned_(pinned) {
  if (bytes == 0) return;
  if (!pinned) data_ = static_cast<char*>(take_memory(bytes, "allocating memory"));
  else if (rehearsal()) rehearsed_.resize(bytes), data_ = rehearsed_.data();
  else check(cudaMallocHost(reinterpret_cast<void**>(&data_), bytes), "allocating memory");
}
Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_), std::swap(bytes_, other.bytes_), std::swap(pinned_, other.pinned_);
  std::swap(rehearsed_, other.rehearsed_);
  return *this;
}
Buffer::~Buffer() {
  if (!data_ || !rehearsed_.empty()) return;
  if (pinned_) cudaFreeHost(data_);
  else give_memory_back(data_, bytes_);
}

Staging::Staging() {
  ask([&] { return cudaEventCreateWithFlags(&left_, cudaEventDisableTiming); }, "creating an event");
}
Staging::~Staging() {
  if (left_) cudaEventDestroy(left_);
}
char* Staging::begin(std::size_t bytes) {
  ask([&] { return cudaEventSynchronize(left_); }, "waiting for a copy");
  if (buffer_.bytes() < bytes) buffer_ = Buffer(bytes, true);
  return buffer_.data();
}
void Staging::copy(void* to, std::size_t offset, std::size_t bytes) {
  const auto copy = [&] {
    return cudaMemcpyAsync(to, buffer_.data() + offset, bytes, cudaMemcpyHostToDevice, queue().stream());
  };
  if (bytes > 0) ask(copy, "copying to the device");
}
void Staging::end() {
  ask([&] { return cudaEventRecord(left_, queue().stream()); }, "recording an event");
}

namespace {

class DeviceMemory final : public Memory {
 public:
  explicit DeviceMemory(int models) : models_(models), mirror_(models) { queue_.join(); }
  ~DeviceMemory() override { queue_.leave(); }

  void* allocate(std::size_t bytes) override {
    Buffer& buffer = buffers_.emplace_back(std::max<std::size_t>(bytes, 1));
    bytes_ += bytes;
    zero(buffer.data(), buffer.bytes());
    return buffer.data();
  }
  std::size_t bytes() const override { return bytes_ + mirror_.bytes(); }
  void set(void* to, const void* from, std::size_t bytes) override {
    transfer(to, from, bytes, cudaMemcpyHostToDevice), wait_for_queue();
  }
  void get(void* to, const void* from, std::size_t bytes) override {
    if (rehearsal()) std::memset(to, 0, bytes);
    transfer(to, from, bytes, cudaMemcpyDeviceToHost), wait_for_queue();
  }
  void copy(void* to, const void* from, std::size_t bytes) override {
    transfer(to, from, bytes, cudaMemcpyDeviceToDevice);
  }
  void zero(void* to, std::size_t bytes) override {
    ask([&] { return cudaMemsetAsync(to, 0, bytes, queue().stream()); }, "clearing memory");
  }
  using Memory::update;
  void prepare(std::span<const Update<float>> pack) override;
  void update() override;
  void repeat(std::unique_ptr<Recorded>& recorded, const std::function<void()>& work) override {
    if (!recorded) recorded = std::make_unique<Graph>();
    static_cast<Graph&>(*recorded).run(work);
  }
  const double* place_of(const double* results) override {
    return reinterpret_cast<const double*>(mirror_.place_of(results));
  }
  const std::int64_t* place_of(const std::int64_t* results) override {
    return reinterpret_cast<const std::int64_t*>(mirror_.place_of(results));
  }
  void tally(const double* loss, const std::int64_t* right, Tally* sums) override {
    add_to_tallies(loss, right, sums, models_);
  }

  Mirror* mirror() override { return &mirror_; }
  void upload() override { mirror_.upload(); }
  void download() override { mirror_.download(); }
  void wait() override { mirror_.wait(); }

 private:
  void transfer(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    ask([&] { return cudaMemcpyAsync(to, from, bytes, kind, queue().stream()); }, "copying memory");
  }
  void wait_for_queue() {
    ask([] { return cudaStreamSynchronize(queue().stream()); }, "waiting for the queue");
  }
  const Segment* segments_on_device(const Segment* segments, int count);

  Queue& queue_ = queue();
  int models_;
  std::vector<Buffer> buffers_;
  std::size_t bytes_ = 0;
  MapMirror mirror_;
  std::vector<Segment> segments_here_;
  Buffer segments_, updates_, turns_;
  Staging update_staging_[2];
  int turn_ = 0, updated_ = 0;      // models
  std::int64_t longest_ = 0, size_ = 0;  // numbers of the longest segment and of a model
};

// Segments are the same from step to step.
const Segment* DeviceMemory::segments_on_device(const Segment* segments, int count) {
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(Segment);
  const bool same = segments_here_.size() == static_cast<std::size_t>(count) &&
                    std::memcmp(segments_here_.data(), segments, bytes) == 0;
  if (!same) {
    segments_here_.assign(segments, segments + count);
    wait_for_queue();
    segments_ = Buffer(bytes);
    set(segments_.data(), segments, bytes);
  }
  return reinterpret_cast<const Segment*>(segments_.data());
}

void DeviceMemory::prepare(std::span<const Update<float>> pack) {
  updated_ = pack.empty() ? 0 : models_;
  if (pack.empty()) return;
  const Segment* segments = segments_on_device(pack.front().segments, pack.front().count);
  const std::size_t bytes = pack.size() * sizeof(PackUpdate);
  if (updates_.bytes() == 0) updates_ = Buffer(sizeof(PackUpdate) * static_cast<std::size_t>(models_) * kMostAhead);
  if (updates_.bytes() < bytes) throw std::logic_error("more optimiser steps are prepared than there is room for");
  if (turns_.bytes() == 0) turns_ = Buffer(static_cast<std::size_t>(models_) * sizeof(std::int32_t));
  zero(turns_.data(), turns_.bytes());
  Staging& staging = update_staging_[turn_ ^= 1];
  PackUpdate* here = reinterpret_cast<PackUpdate*>(staging.begin(bytes));
  for (const Update<float>& u : pack) *here++ = pack_update(u, segments);
  staging.copy(updates_.data(), 0, bytes), staging.end();
  longest_ = 0, size_ = pack.front().size;
  for (const Segment& segment : segments_here_) longest_ = std::max(longest_, segment.length);
}

void DeviceMemory::update() {
  if (updated_ == 0 || segments_here_.empty()) return;
  update_pack(reinterpret_cast<const PackUpdate*>(updates_.data()), reinterpret_cast<std::int32_t*>(turns_.data()),
              updated_, static_cast<int>(segments_here_.size()), longest_, size_);
}

}  // namespace

// One model, for those who have no Memory at hand.
void update(const Update<float>& u) { DeviceMemory(1).update({&u, 1}); }

}  // namespace cuda

std::unique_ptr<Memory> cuda_memory(int models) { return std::make_unique<cuda::DeviceMemory>(models); }

}  // namespace phasegrid::kernels
