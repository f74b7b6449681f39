// All keys of sweep files, joined from the table of tasks, the table of model variants and the trainer.
#pragma once
#include <memory>

#include "sweeps/settings.hpp"
#include "tasks/task.hpp"

namespace phasegrid::worker {

// Always the same schema: settings refer to it and may outlive their grid.
std::shared_ptr<const sweeps::Schema> make_schema();

// What the cell's task reads, as the task takes it.
tasks::Options task_options(const sweeps::Settings& settings);

// What a sweep records of a file, and what a task wants to know about it: the same facts.
sweeps::DataFile data_file(const tasks::SourceFacts& facts);
tasks::SourceFacts source_facts(const sweeps::DataFile& data);

// Numbers that the cell's task makes of its options. Remembered: safe to ask for millions of cells.
struct TaskFacts {
  int vocab, T, most_scored;
  int channels, outputs;   // of a real-valued task
  bool noisy;              // noise on embeddings
};
TaskFacts task_facts(const sweeps::Settings& settings);

// Does the cell's task or variant read this key? Keys of others have values, too, that mean nothing to it.
bool reads(const sweeps::Settings& settings, std::string_view key);

// Counted, not measured: see cost.cpp.
sweeps::Cost cell_cost(const sweeps::Settings& settings);

// Of one training step with batches of such rows, without evaluations.
struct RowCounts;
sweeps::Cost step_cost(const sweeps::Settings& settings, const RowCounts& counts);

// Rank of the low-rank step-size projection; 0: full.
std::int64_t delta_rank(const sweeps::Settings& settings);

// Heads of the mixer; auto: 1 below 128 inner channels, else the largest divisor of their number with heads of at least 64.
std::int64_t head_count(const sweeps::Settings& settings);

}  // namespace phasegrid::worker
