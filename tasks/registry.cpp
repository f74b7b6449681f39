// Every task, by the name used in sweep files. A task is one file of this folder and one line of each list here.
#include <algorithm>

#include "tasks/task.hpp"

namespace phasegrid::tasks {

TaskEntry keep_nth();  // keep_nth.cpp
TaskEntry mqar();      // mqar.cpp

const std::vector<TaskEntry>& all_tasks() {
  static const std::vector<TaskEntry> tasks = {
      keep_nth(),
      mqar(),
  };
  return tasks;
}

const TaskEntry* find_task(const std::string& name) {
  const auto& tasks = all_tasks();
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const TaskEntry& task) { return task.name == name; });
  return found == tasks.end() ? nullptr : &*found;
}

}  // namespace phasegrid::tasks
