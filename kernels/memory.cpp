#include "kernels/memory.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/device/backend.hpp"
#include "kernels/operations.hpp"

namespace phasegrid::kernels {
namespace {

class HostMemory final : public Memory {
 public:
  HostMemory(std::string_view kind, int models) : operations_(operations<float>(kind)), models_(models) {}
  void* allocate(std::size_t bytes) override { return arena_.allocate(bytes); }
  std::size_t bytes() const override { return arena_.bytes(); }
  void set(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void get(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void zero(void* to, std::size_t bytes) override { std::memset(to, 0, bytes); }
  void prepare(std::span<const Update<float>> pack) override { pack_.assign(pack.begin(), pack.end()), next_ = 0; }
  void update() override {
    const std::size_t models = static_cast<std::size_t>(models_), begin = next_;
    for (next_ = std::min(begin + models, pack_.size()); const Update<float>& u : std::span(pack_).subspan(begin, next_ - begin)) {
      if (u.step == 0 || (u.record && !note(*u.record, *u.loss, u.step))) continue;
      operations_.update(u);
    }
  }
  void tally(const double* loss, const std::int64_t* right, Tally* sums) override {
    for (int m = 0; m < models_; ++m) sums[m].loss += loss[m], sums[m].right += right ? right[m] : 0;
  }

 private:
  Arena arena_;
  const Operations<float>& operations_;
  int models_;
  std::vector<Update<float>> pack_;   // [steps][models]
  std::size_t next_ = 0;
};

}  // namespace

void Memory::repeat(std::unique_ptr<Recorded>&, const std::function<void()>& work) { work(); }

std::unique_ptr<WorkQueue> work_queue(std::string_view kind) { return cuda_operations(kind) ? cuda_work_queue() : nullptr; }
UseQueue::UseQueue(WorkQueue* queue) : used_(queue) {
  if (used_) before_ = cuda_use(queue);
}
UseQueue::~UseQueue() {
  if (used_) cuda_use(before_);
}

std::unique_ptr<Memory> memory(std::string_view kind, int models) {
  if (cuda_operations(kind)) return cuda_memory(models);
  return std::make_unique<HostMemory>(kind, models);
}

}  // namespace phasegrid::kernels
