// What is wrong with an input file, where, and what was expected. Exit code 2.
#pragma once
#include <stdexcept>
#include <string>

namespace phasegrid::sweeps {

// The message is `file:line:column: key: what, and what was expected`.
class SweepError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace phasegrid::sweeps
