// All keys of sweep files, joined from the table of tasks, the table of model variants and the trainer.
#pragma once
#include <memory>

#include "sweeps/settings.hpp"

namespace phasegrid::worker {

std::shared_ptr<const sweeps::Schema> make_schema();

}  // namespace phasegrid::worker
