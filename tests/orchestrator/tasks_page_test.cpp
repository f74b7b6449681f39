// docs/tasks.md shows what the program prints, and lists every option of every task with its default.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "orchestrator/sample.hpp"
#include "tasks/task.hpp"

namespace phasegrid::orchestrator {
namespace {

std::string page() {
  std::ifstream file(PHASEGRID_SOURCE_DIR "/docs/tasks.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << "docs/tasks.md cannot be read";
  return text.str();
}

// Runs "sample TASK --count N --set a=b c=d", the words after "$ phasegrid ".
std::string run(const std::string& command) {
  std::istringstream words(command);
  std::string verb, task, word;
  std::vector<std::string> set;
  int count = 1;
  words >> verb >> task;
  while (words >> word) {
    if (word == "--count") words >> count;
    else if (word != "--set") set.push_back(word);
  }
  std::ostringstream out;
  sample(task, set, count, 0, false, out);
  return out.str();
}

TEST(TasksPage, ShowsWhatSamplePrints) {
  const std::string text = page(), prompt = "```\n$ phasegrid ";
  int examples = 0;
  for (std::size_t at = 0; (at = text.find(prompt, at)) != std::string::npos; ++examples) {
    const std::size_t begin = at + prompt.size(), line_end = text.find('\n', begin), end = text.find("```", line_end);
    const std::string command = text.substr(begin, line_end - begin);
    EXPECT_EQ(text.substr(line_end + 1, end - line_end - 1), run(command)) << command;
    at = end;
  }
  EXPECT_GE(examples, static_cast<int>(tasks::all_tasks().size()));
}

TEST(TasksPage, ListsEveryOptionOfEveryTaskWithItsDefault) {
  const std::string text = page();
  for (const tasks::TaskEntry& task : tasks::all_tasks()) {
    const std::size_t begin = text.find("\n## " + task.name + "\n");
    ASSERT_NE(begin, std::string::npos) << task.name << " has no section";
    const std::string common = text.substr(0, text.find("\n## "));
    const std::string section = common + text.substr(begin, text.find("\n## ", begin + 1) - begin);
    for (const tasks::OptionKey& key : task.options) {
      const std::string quote = key.kind == tasks::OptionKey::word ? "\"" : "";
      EXPECT_THAT(section, testing::HasSubstr("| `" + key.name + "` | " + quote + key.fallback + quote + " |"))
          << task.name;
    }
  }
}

}  // namespace
}  // namespace phasegrid::orchestrator
