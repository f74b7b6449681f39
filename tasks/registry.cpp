// Every task, by the name used in sweep files. A task is one file of this folder and one line of each list here.
#include <algorithm>

#include "tasks/noise.hpp"

namespace phasegrid::tasks {

// Each is defined in the file of its name.
TaskEntry keep_nth(), mqar(), induction_heads(), selective_copy(), k_hop(), pointer_value_retrieval(),
    function_composition(), listops(), piecewise_constant(), prime_frequencies(), absolute_value(), linear_functional(),
    file();

const std::vector<TaskEntry>& all_tasks() {
  static const std::vector<TaskEntry> tasks = {
      with_noise(keep_nth()),
      with_noise(mqar()),
      with_noise(induction_heads()),
      with_noise(selective_copy()),
      with_noise(k_hop()),
      with_noise(pointer_value_retrieval()),
      with_noise(function_composition()),
      with_noise(listops()),
      with_embedding_noise(piecewise_constant()),
      with_embedding_noise(prime_frequencies()),
      with_embedding_noise(absolute_value()),
      with_embedding_noise(linear_functional()),
      with_noise(file()),
  };
  return tasks;
}

const TaskEntry* find_task(const std::string& name) {
  const auto& tasks = all_tasks();
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const TaskEntry& task) { return task.name == name; });
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace phasegrid::tasks
