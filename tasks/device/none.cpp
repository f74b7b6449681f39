// Without the CUDA backend nobody can ask.
#include <stdexcept>

#include "tasks/device/draw.hpp"

namespace phasegrid::tasks {

void draw_on_device(const Draws*, const DrawnTables&) { throw std::logic_error("no device draws sequences here"); }

}  // namespace phasegrid::tasks
