// Without the CUDA backend nobody can ask.
#include <stdexcept>

#include "worker/device/layout.hpp"

namespace phasegrid::worker {

void lay_out_on_device(const LayoutJob&) { throw std::logic_error("no device lays batches out here"); }

}  // namespace phasegrid::worker
