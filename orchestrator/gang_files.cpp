#include "orchestrator/gang_files.hpp"

#include <fcntl.h>

#include <cerrno>
#include <system_error>

#include "worker/replicas.hpp"

namespace phasegrid::orchestrator {

Fd GangFiles::take(std::uint64_t gang, int replicas) {
  auto known = files_.find(gang);
  if (known == files_.end()) known = files_.emplace(gang, File{Fd(worker::make_shared_file()), replicas}).first;
  Fd copy(fcntl(known->second.fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) throw std::system_error(errno, std::generic_category(), "cannot hand memory to a gang");
  if (--known->second.left == 0) files_.erase(known);
  return copy;
}

}  // namespace phasegrid::orchestrator
