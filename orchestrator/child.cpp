#include "orchestrator/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

extern char** environ;

namespace phasegrid::orchestrator {
namespace {

constexpr std::size_t kTail = 1500;  // bytes of last words
constexpr std::size_t kFresh = 4000;  // bytes passed on at a time from the beginning, and as many from the end
constexpr int kSocket = 3;           // where the executor finds its socket
const std::string kVisible = "CUDA_VISIBLE_DEVICES=";

// The executor must not take itself for a rank: the launcher's variables stay behind. `gpu` is "" or "CUDA_VISIBLE_DEVICES=...".
std::vector<char*> environment(std::string& gpu) {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool launcher = !gpu.empty() && text.starts_with(kVisible);
    for (const std::string_view prefix : {"OMPI_", "PMIX_", "ORTE_", "PRTE_", "PMI_"})
      launcher |= text.starts_with(prefix);
    if (!launcher) kept.push_back(*entry);
  }
  if (!gpu.empty()) kept.push_back(gpu.data());
  kept.push_back(nullptr);
  return kept;
}

void must(int error, const char* what) {
  if (error != 0) throw std::system_error(error, std::generic_category(), what);
}

}  // namespace

Child Child::spawn(const std::string& gpu) {
  int ends[2], errors[2];
  must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 ? 0 : errno,
       "cannot make a socket for an executor");
  Fd ours(ends[0]), theirs(ends[1]);
  must(pipe2(errors, O_CLOEXEC) == 0 ? 0 : errno, "cannot make a pipe for an executor");
  Fd read_end(errors[0]), write_end(errors[1]);
  fcntl(read_end.get(), F_SETFL, O_NONBLOCK);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 2);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), kSocket);
  posix_spawn_file_actions_addclosefrom_np(&actions, kSocket + 1);

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);  // its own group: Ctrl-C is for us alone
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

  std::string parent = std::to_string(getpid());
  std::array<char*, 4> arguments{const_cast<char*>("phasegrid"), const_cast<char*>("executor"), parent.data(), nullptr};
  std::string visible = gpu.empty() ? "" : kVisible + gpu;
  auto variables = environment(visible);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  must(error, "cannot start an executor");

  Child child;
  child.pid_ = Pid(pid);
  child.channel = Channel(std::move(ours));
  child.errors_ = std::move(read_end);
  return child;
}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(channel, other.channel);
  std::swap(errors_, other.errors_);
  std::swap(tail_, other.tail_);
  std::swap(fresh_, other.fresh_);
  std::swap(left_out_, other.left_out_);
  return *this;
}

Child::~Child() {
  if (pid_ <= 0) return;
  kill();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
}

void Child::read_errors() {
  char buffer[4096];
  while (errors_) {
    const ssize_t n = read(errors_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errors_.reset();
    if (n <= 0) return;
    tail_.append(buffer, static_cast<std::size_t>(n));
    if (tail_.size() > 4 * kTail) tail_.erase(0, tail_.size() - kTail);
    fresh_.append(buffer, static_cast<std::size_t>(n));
    if (fresh_.size() <= 4 * kFresh) continue;
    const std::size_t excess = fresh_.size() - 2 * kFresh;
    fresh_.erase(kFresh, excess);
    left_out_ += excess;
  }
}

std::string Child::take_words(bool all) {
  const std::size_t end = all || left_out_ > 0 || fresh_.size() > kFresh ? fresh_.size() : fresh_.rfind('\n') + 1;
  std::string words = fresh_.substr(0, end);
  fresh_.erase(0, end);
  if (left_out_ > 0) words.insert(kFresh, "\n... " + std::to_string(left_out_) + " bytes left out ...\n");
  left_out_ = 0;
  return words;
}

std::string Child::last_words() {
  read_errors();
  std::string words = tail_.size() > kTail ? tail_.substr(tail_.size() - kTail) : tail_;
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  return words;
}

void Child::kill() {
  if (pid_ <= 0) return;
  if (::kill(-pid_, SIGKILL) != 0) ::kill(pid_, SIGKILL);
}

std::optional<int> Child::reap() {
  int status = 0;
  if (pid_ <= 0 || waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = Pid();
  return status;
}

std::string describe_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    return "killed by signal " + std::to_string(WTERMSIG(status)) + " (" + strsignal(WTERMSIG(status)) + ")";
  }
  return "exited with code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace phasegrid::orchestrator
