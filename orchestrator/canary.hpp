// Notices that a sweep fails from the start: if the first cells all fail in the same way, the others would too.
#pragma once
#include <string>

#include "sweeps/cell.hpp"

namespace phasegrid::orchestrator {

class Canary {
 public:
  explicit Canary(int cells) : wanted_(cells) {}  // 0: never

  void saw_success() { wanted_ = 0; }             // some cell has worked before
  void result(const sweeps::CellResult& result);  // in the order of arrival
  bool dead() const { return wanted_ > 0 && failed_ >= wanted_; }
  int cells() const { return failed_; }
  const std::string& reason() const { return reason_; }  // of the first failure

 private:
  int wanted_, failed_ = 0;
  std::string reason_, kind_;
};

}  // namespace phasegrid::orchestrator
