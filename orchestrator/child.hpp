// An executor seen from its agent: a child process of the same binary with a socket to talk through and its last words.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "orchestrator/channel.hpp"

namespace phasegrid::orchestrator {

class Child {
 public:
  Child() = default;
  // `gpu`: the one that it is to see, as CUDA_VISIBLE_DEVICES takes it; "": what we see. Throws std::system_error.
  static Child spawn(const std::string& gpu = "");
  Child(Child&&) = default;
  Child& operator=(Child&& other) noexcept;   // swaps
  ~Child();                                   // kills and reaps it

  pid_t pid() const { return pid_; }
  explicit operator bool() const { return pid_ > 0; }
  Channel channel;
  int error_fd() const { return errors_.get(); }
  void read_errors();                         // keeps the tail of what it writes to stderr and stdout
  // What it has written since the last call; of much, the first and the last. Without `all` in whole lines: what is begun comes later.
  std::string take_words(bool all);
  std::string last_words();                   // "" or the last lines

  void kill();                                // SIGKILL to its process group
  std::optional<int> reap();                  // its wait status, once it has ended; the child is empty then

 private:
  struct Pid {                                // moves like a unique_ptr
    pid_t value = 0;
    Pid() = default;
    explicit Pid(pid_t p) : value(p) {}
    Pid(Pid&& other) noexcept : value(std::exchange(other.value, 0)) {}
    Pid& operator=(Pid&& other) noexcept {
      std::swap(value, other.value);
      return *this;
    }
    operator pid_t() const { return value; }
  };
  Pid pid_;
  Fd errors_;
  std::string tail_, fresh_;
  std::size_t left_out_ = 0;                  // bytes, after the first kFresh of fresh_
};

std::string describe_wait_status(int status);  // "killed by signal 11 (Segmentation fault)", "exited with code 1"

}  // namespace phasegrid::orchestrator
