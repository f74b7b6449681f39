// The memory that the gangs of one agent share: a file without a name for each, handed to every member with its cell and kept no longer than
// that. It is gone when the last member's executor is, however that ends.
#pragma once
#include <cstdint>
#include <map>

#include "orchestrator/fd.hpp"

namespace phasegrid::orchestrator {

class GangFiles {
 public:
  // For one more of the gang's members. Throws std::system_error.
  Fd take(std::uint64_t gang, int replicas);

 private:
  struct File {
    Fd fd;
    int left;   // members without it
  };
  std::map<std::uint64_t, File> files_;
};

}  // namespace phasegrid::orchestrator
