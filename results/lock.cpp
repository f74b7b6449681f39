#include "results/lock.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>

#include "results/journal_line.hpp"
#include "results/run_folder.hpp"
#include "results/utc.hpp"

namespace phasegrid::results {
namespace {

std::string host_name() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

// Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses. -1: no such process.
std::int64_t start_ticks(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return -1;
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::int64_t ticks = -1;
  fields >> ticks;
  return ticks;
}

bool is_alive_here(const Holder& holder) {
  return holder.host == host_name() && holder.pid > 0 && start_ticks(holder.pid) == holder.start_ticks;
}

// Opened anew each time: a network file system brings the newest content when a file is opened.
std::optional<Holder> read_holder(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  try {
    LineReader fields(line);
    Holder holder;
    holder.generation = static_cast<int>(fields.integer("generation"));
    holder.host = fields.text("host");
    holder.pid = static_cast<int>(fields.integer("pid"));
    holder.start_ticks = fields.integer("start_ticks");
    holder.since_utc = fields.text("since_utc");
    return holder;
  } catch (const LineError&) {
    return std::nullopt;  // torn by a crash: its generation is known from the journals
  }
}

struct flock whole_file(short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

bool means_held(int error) { return error == EACCES || error == EAGAIN; }

}  // namespace

std::string describe(const Holder& holder) {
  return "process " + std::to_string(holder.pid) + " on " + holder.host + " since " + holder.since_utc +
         " (generation " + std::to_string(holder.generation) + ")";
}

Lock Lock::take(const std::filesystem::path& directory, Locking locking) {
  Lock lock;
  lock.path_ = directory / "lock";
  lock.fd_ = Descriptor{open(lock.path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)};
  if (!lock.fd_) throw_system(lock.path_, "cannot open", errno);

  bool held = false, has_locks = locking == Locking::kernel;
  if (has_locks) {
    struct flock exclusive = whole_file(F_WRLCK);
    if (fcntl(lock.fd_.get(), F_OFD_SETLK, &exclusive) != 0) {
      held = means_held(errno);
      has_locks = held;
    }
  }
  const std::optional<Holder> holder = read_holder(lock.path_);
  if (!has_locks && holder) held = is_alive_here(*holder);
  if (held)
    throw RunError(directory.string() + ": in use by " + (holder ? describe(*holder) : "another coordinator") +
                   "; wait for it to end, stop it, or choose another folder");
  if (holder) lock.last_generation_ = holder->generation;
  return lock;
}

void Lock::claim(int generation) {
  generation_ = generation;
  const std::string line = LineWriter()
                               .integer("generation", generation)
                               .text("host", host_name())
                               .integer("pid", getpid())
                               .integer("start_ticks", start_ticks(getpid()))
                               .text("since_utc", utc_now())
                               .finish();
  write_all(fd_.get(), line, 0, path_);
  if (ftruncate(fd_.get(), static_cast<off_t>(line.size())) != 0 || fdatasync(fd_.get()) != 0)
    throw_system(path_, "cannot write", errno);
}

void Lock::check() const {
  const std::optional<Holder> holder = read_holder(path_);
  if (holder && holder->generation > generation_)
    throw RunError(path_.parent_path().string() + ": another coordinator took over: " + describe(*holder) +
                   "; this one (generation " + std::to_string(generation_) +
                   ") stops, its acknowledged cells are safe");
}

std::optional<Holder> current_holder(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "lock";
  const Descriptor fd{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  const std::optional<Holder> holder = read_holder(path);
  struct flock query =
      whole_file(F_RDLCK);  // a read lock conflicts with the coordinator's, and needs no right to write
  if (fcntl(fd.get(), F_OFD_GETLK, &query) == 0) return query.l_type == F_UNLCK ? std::nullopt : holder;
  return holder && is_alive_here(*holder) ? holder : std::nullopt;
}

}  // namespace phasegrid::results
