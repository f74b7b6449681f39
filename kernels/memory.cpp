#include "kernels/memory.hpp"

#include <cstring>

#include "kernels/arena.hpp"
#include "kernels/device/backend.hpp"
#include "kernels/operations.hpp"

namespace phasegrid::kernels {
namespace {

class HostMemory final : public Memory {
 public:
  explicit HostMemory(std::string_view kind) : operations_(operations<float>(kind)) {}
  void* allocate(std::size_t bytes) override { return arena_.allocate(bytes); }
  std::size_t bytes() const override { return arena_.bytes(); }
  void set(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void get(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { std::memcpy(to, from, bytes); }
  void zero(void* to, std::size_t bytes) override { std::memset(to, 0, bytes); }
  void update(std::span<const Update<float>> pack) override {
    for (const Update<float>& u : pack) operations_.update(u);
  }

 private:
  Arena arena_;
  const Operations<float>& operations_;
};

}  // namespace

std::unique_ptr<Memory> memory(std::string_view kind, int models) {
  if (cuda_operations(kind)) return cuda_memory(models);
  return std::make_unique<HostMemory>(kind);
}

}  // namespace phasegrid::kernels
