// The batches of a network whose sequences the device draws and lays out itself: the host only says which.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kernels/memory.hpp"
#include "worker/device/layout.hpp"
#include "worker/layout.hpp"

namespace phasegrid::worker {

// How the tasks of a pack's models draw; none where one of them cannot say, or where a device had better not draw it. Null:
// a model that rests. Refers to the tasks.
std::optional<std::vector<tasks::Recipe>> recipes_of(std::span<const tasks::Task* const> tasks);


class DeviceBatches {
 public:
  // After the last operation of the network has been recorded on `memory`, which has a mirror. `layout` is the network's, whose maps on the
  // device are filled here from now on.
  DeviceBatches(kernels::Memory& memory, const Layout& layout, std::vector<tasks::Recipe> recipes);

  struct Range {
    std::uint64_t key = 0;
    tasks::Stream stream = tasks::Stream::train;
    std::int64_t begin = 0, end = 0;   // nothing: the model rests
  };
  void set(std::span<const Range> models);
  void make();                                   // the next batch of every model; nothing waits
  std::vector<std::int64_t> scored();            // positions of each model since set(); waits

 private:
  kernels::Memory& memory_;
  std::vector<tasks::Draws> here_;
  LayoutJob job_;
};

}  // namespace phasegrid::worker
