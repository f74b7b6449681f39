#include "orchestrator/gpus.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "orchestrator/binding.hpp"
#include "orchestrator/fd.hpp"
#include "orchestrator/machine.hpp"

extern char** environ;

namespace phasegrid::orchestrator {
namespace {

constexpr double kPatience = 60;  // seconds: a node of eight GPUs without persistence mode takes ten

// Where the batch system names the GPUs, and CUDA's own variable does not, they are named for CUDA.
std::vector<char*> environment(std::string& visible) {
  std::vector<char*> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) variables.push_back(*entry);
  if (!std::getenv("CUDA_VISIBLE_DEVICES") && (std::getenv("SLURM_STEP_GPUS") || std::getenv("SLURM_JOB_GPUS"))) {
    visible = "CUDA_VISIBLE_DEVICES=";
    for (const std::string& gpu : visible_gpus()) visible += (visible.back() == '=' ? "" : ",") + gpu;
    variables.push_back(visible.data());
  }
  variables.push_back(nullptr);
  return variables;
}

pid_t start(int to) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to, 1);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  std::array<char*, 3> arguments{const_cast<char*>("phasegrid"), const_cast<char*>("gpus"), nullptr};
  std::string visible;
  auto variables = environment(visible);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? pid : 0;
}

std::string read_all(int from) {
  std::string text;
  const double until = monotonic() + kPatience;
  while (monotonic() < until) {
    pollfd wait{from, POLLIN, 0};
    if (poll(&wait, 1, 1000) <= 0) continue;
    char buffer[4096];
    const ssize_t n = read(from, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

kernels::GpuSurvey failed(const std::string& why) {
  kernels::GpuSurvey survey;
  survey.problem = "cannot find out about GPUs: " + why;
  return survey;
}

}  // namespace

kernels::GpuSurvey ask_for_gpus() {
  if (!kernels::built_with_cuda()) return kernels::survey_gpus();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return failed("no pipe");
  Fd reading(ends[0]), writing(ends[1]);
  const pid_t pid = start(writing.get());
  if (pid == 0) return failed("`phasegrid gpus` does not start");
  writing.reset();
  const std::string answer = read_all(reading.get());
  kill(pid, SIGKILL);  // it has said what it has to say, or never will
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  return answer.empty() ? failed("`phasegrid gpus` says nothing") : gpu_survey_from(answer);
}

std::vector<std::string> usable_kinds(const kernels::GpuSurvey& survey) {
  std::vector<std::string> kinds;
  for (const kernels::Gpu& gpu : survey.gpus)
    if (gpu.problem.empty() && std::find(kinds.begin(), kinds.end(), gpu.kind) == kinds.end())
      kinds.push_back(gpu.kind);
  std::sort(kinds.begin(), kinds.end(), [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() < b.size() : a < b;  // sm_90 before sm_100
  });
  return kinds;
}

std::string trouble(const kernels::GpuSurvey& survey) {
  if (!survey.problem.empty()) return survey.problem;
  if (survey.gpus.empty()) return "no GPU";
  if (!usable_kinds(survey).empty()) return "";
  const kernels::Gpu& gpu = survey.gpus.front();
  return gpu.uuid + " (" + gpu.name + ") " + gpu.problem;
}

std::string to_text(const kernels::GpuSurvey& survey) {
  nlohmann::ordered_json gpus = nlohmann::ordered_json::array();
  for (const kernels::Gpu& gpu : survey.gpus)
    gpus.push_back({{"uuid", gpu.uuid},
                    {"kind", gpu.kind},
                    {"name", gpu.name},
                    {"bytes", gpu.bytes},
                    {"multiprocessors", gpu.multiprocessors},
                    {"bytes_per_second", gpu.byte_rate},
                    {"flops_per_second", gpu.flop_rate},
                    {"problem", gpu.problem}});
  return nlohmann::ordered_json{{"driver", survey.driver}, {"problem", survey.problem}, {"gpus", gpus}}.dump();
}

kernels::GpuSurvey gpu_survey_from(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    kernels::GpuSurvey survey;
    survey.driver = json.at("driver"), survey.problem = json.at("problem");
    for (const auto& gpu : json.at("gpus"))
      survey.gpus.push_back({gpu.at("uuid"), gpu.at("kind"), gpu.at("name"), gpu.at("bytes"), gpu.at("multiprocessors"),
                             gpu.at("bytes_per_second"), gpu.at("flops_per_second"), gpu.at("problem")});
    return survey;
  } catch (const nlohmann::json::exception& error) { return failed(error.what()); }
}

}  // namespace phasegrid::orchestrator
