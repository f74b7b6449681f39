// Who coordinates a run folder: one process at a time.
//
// Two guards, because neither is enough alone. The kernel's lock (an open-file-description lock on `lock`, which
// network file systems pass on) ends with its process, so that a crash blocks nobody. The generation written in the
// file fences off a coordinator whose lock the file system forgot or never had: it is compared at every flush, and a
// stale one must stop.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "results/file.hpp"

namespace phasegrid::results {

struct Holder {
  int generation = 0;
  std::string host;
  int pid = 0;
  std::int64_t start_ticks = 0;  // of the process since boot: a pid alone may have been given to another process
  std::string since_utc;
};
std::string describe(const Holder& holder);  // "process 4711 on host-a since 2025-03-01T12:00:00Z (generation 3)"

enum class Locking { kernel, generation_only };  // generation_only: as on a file system without locks

class Lock {
 public:
  // Throws RunError when another coordinator holds it. Where there are no kernel locks, a holder on this host is asked
  // for by its pid; one on another host is taken over, and finds out at its next flush.
  static Lock take(const std::filesystem::path& directory, Locking locking = Locking::kernel);

  int last_generation() const { return last_generation_; }  // 0 in a new folder
  void claim(int generation);                               // writes this process into the file
  void check() const;                                       // throws RunError: another coordinator took over

 private:
  std::filesystem::path path_;
  Descriptor fd_;
  int last_generation_ = 0, generation_ = 0;
};

// Who coordinates the folder right now, if anyone does; takes no lock.
std::optional<Holder> current_holder(const std::filesystem::path& directory);

}  // namespace phasegrid::results
