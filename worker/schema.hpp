// All keys of sweep files, joined from the table of tasks, the table of model variants and the trainer.
#pragma once
#include <memory>

#include "sweeps/settings.hpp"
#include "tasks/task.hpp"

namespace phasegrid::worker {

std::shared_ptr<const sweeps::Schema> make_schema();

// What the cell's task reads, as the task takes it.
tasks::Options task_options(const sweeps::Settings& settings);

// Numbers that the cell's task makes of its options. Remembered: safe to ask for millions of cells.
struct TaskFacts {
  int vocab, T, most_scored;
};
TaskFacts task_facts(const sweeps::Settings& settings);

// Counted, not measured: see cost.cpp.
sweeps::Cost cell_cost(const sweeps::Settings& settings);

// Rank of the low-rank step-size projection; 0: full.
std::int64_t delta_rank(const sweeps::Settings& settings);

}  // namespace phasegrid::worker
