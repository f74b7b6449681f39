// Messages over MPI: the only file that knows the library.
//
// What Open MPI 4.1 asks for (measured; docs/design.md, section 3):
// - A blocking receive spins, so arrivals are probed for; a probe matches first and progresses afterwards, so a message that came
//   since the last call is seen by the second of two probes.
// - Messages are cut into chunks that stay below the eager limit (4 KiB over shared memory): they leave at once, and none can stick
//   half-sent when its receiver dies.
// - MPI_Finalize waits for everyone and may wait for ever: an alarm ends the process instead.
#define OMPI_SKIP_MPICXX 1   // the C interface only
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <signal.h>
#include <unistd.h>

#include <deque>
#include <list>
#include <map>
#include <stdexcept>

#include "orchestrator/transport.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr std::size_t kChunk = 3900;  // with Open MPI's header below 4 KiB
constexpr int kTag = 7;
enum : char { kMore = 0, kLast = 1 };

int leave_code = 0;
extern "C" void leave_now(int) { _exit(leave_code); }

class MpiTransport final : public Transport {
 public:
  MpiTransport() {
    if (MPI_Init(nullptr, nullptr) != MPI_SUCCESS) throw std::runtime_error("MPI_Init failed");
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  bool must_be_polled() const override { return size_ > 1; }

  std::string mpi_version() const override {
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;
    MPI_Get_library_version(text, &length);
    const std::string all(text, static_cast<std::size_t>(length));
    return all.substr(0, all.find_first_of(",\n"));
  }

  void send(int to, std::string bytes) override {
    if (to == rank_) return own_.push_back({rank_, std::move(bytes)});
    if (lost_.contains(to)) return;
    for (std::size_t begin = 0; begin == 0 || begin < bytes.size(); begin += kChunk) {
      Chunk& chunk = sending_.emplace_back();
      chunk.to = to;
      chunk.bytes = begin + kChunk < bytes.size() ? kMore : kLast;
      chunk.bytes.append(bytes, begin, kChunk);
      const int rc = MPI_Isend(chunk.bytes.data(), static_cast<int>(chunk.bytes.size()), MPI_BYTE, to, kTag,
                               MPI_COMM_WORLD, &chunk.request);
      if (rc != MPI_SUCCESS) sending_.pop_back();  // the receiver is gone: its silence will be noticed
    }
  }

  bool receive(Parcel& parcel) override {
    if (!own_.empty()) {
      parcel = std::move(own_.front());
      own_.pop_front();
      return true;
    }
    if (size_ == 1) return false;
    complete_sends();
    MPI_Status status;
    while (probe(status)) {
      int length = 0;
      MPI_Get_count(&status, MPI_BYTE, &length);
      std::string chunk(static_cast<std::size_t>(length), '\0');
      if (MPI_Recv(chunk.data(), length, MPI_BYTE, status.MPI_SOURCE, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE) !=
          MPI_SUCCESS)
        return false;
      if (chunk.empty() || lost_.contains(status.MPI_SOURCE)) continue;
      std::string& so_far = arriving_[status.MPI_SOURCE];
      so_far.append(chunk, 1);
      if (chunk[0] == kMore) continue;
      parcel = {status.MPI_SOURCE, std::move(so_far)};
      so_far.clear();
      return true;
    }
    return false;
  }

  bool idle() override {
    complete_sends();
    return own_.empty() && sending_.empty();
  }

  void forget(int rank) override {
    lost_[rank] = true;
    arriving_.erase(rank);
    for (auto chunk = sending_.begin(); chunk != sending_.end();) {
      if (chunk->to != rank) {
        ++chunk;
        continue;
      }
      stuck_.splice(stuck_.end(), sending_, chunk++);  // the library may still read the buffer
    }
  }

  void leave(double seconds, int code) override {
    if (!lost_.empty()) _exit(code);
    leave_code = code;
    signal(SIGALRM, leave_now);
    alarm(static_cast<unsigned>(seconds) + 1);
    MPI_Finalize();
    alarm(0);
  }

 private:
  struct Chunk {
    int to = 0;
    std::string bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  static bool probe(MPI_Status& status) {
    int flag = 0;
    for (int i = 0; i < 2 && !flag; ++i) {
      if (MPI_Iprobe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &flag, &status) != MPI_SUCCESS) return false;
    }
    return flag != 0;
  }

  void complete_sends() {
    for (auto chunk = sending_.begin(); chunk != sending_.end();) {
      int done = 0;
      const int rc = MPI_Test(&chunk->request, &done, MPI_STATUS_IGNORE);
      chunk = done || rc != MPI_SUCCESS ? sending_.erase(chunk) : std::next(chunk);
    }
  }

  int rank_ = 0, size_ = 1;
  std::deque<Parcel> own_;
  std::list<Chunk> sending_, stuck_;
  std::map<int, std::string> arriving_;
  std::map<int, bool> lost_;
};

}  // namespace

std::unique_ptr<Transport> make_mpi_transport() { return std::make_unique<MpiTransport>(); }

}  // namespace phasegrid::orchestrator
