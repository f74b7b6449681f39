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
constexpr std::size_t kWindow = 64;   // chunks on their way to one rank
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
    Outbox& out = outboxes_[to];
    out.messages.push_back(std::move(bytes));
    fill(to, out);
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
    return own_.empty() && outboxes_.empty();
  }

  void forget(int rank) override {
    lost_[rank] = true;
    arriving_.erase(rank);
    const auto out = outboxes_.find(rank);
    if (out == outboxes_.end()) return;
    stuck_.splice(stuck_.end(), out->second.sending);  // the library may still read the buffers
    outboxes_.erase(out);
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
    std::string bytes;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  // To one rank: messages in order, the first of them partly on its way. A long one is not handed to the library at once.
  struct Outbox {
    std::deque<std::string> messages;
    std::size_t begun = 0;       // bytes of the first message
    std::list<Chunk> sending;
  };

  static void fill(int to, Outbox& out) {
    while (!out.messages.empty() && out.sending.size() < kWindow) {
      const std::string& message = out.messages.front();
      Chunk& chunk = out.sending.emplace_back();
      const bool last = out.begun + kChunk >= message.size();
      chunk.bytes = last ? kLast : kMore;
      chunk.bytes.append(message, out.begun, kChunk);
      const int rc = MPI_Isend(chunk.bytes.data(), static_cast<int>(chunk.bytes.size()), MPI_BYTE, to, kTag,
                               MPI_COMM_WORLD, &chunk.request);
      if (rc != MPI_SUCCESS) out.sending.pop_back();  // the receiver is gone: its silence will be noticed
      out.begun += kChunk;
      if (last) out.messages.pop_front(), out.begun = 0;
    }
  }

  static bool probe(MPI_Status& status) {
    int flag = 0;
    for (int i = 0; i < 2 && !flag; ++i) {
      if (MPI_Iprobe(MPI_ANY_SOURCE, kTag, MPI_COMM_WORLD, &flag, &status) != MPI_SUCCESS) return false;
    }
    return flag != 0;
  }

  void complete_sends() {
    for (auto to = outboxes_.begin(); to != outboxes_.end();) {
      Outbox& out = to->second;
      for (auto chunk = out.sending.begin(); chunk != out.sending.end();) {
        int done = 0;
        const int rc = MPI_Test(&chunk->request, &done, MPI_STATUS_IGNORE);
        chunk = done || rc != MPI_SUCCESS ? out.sending.erase(chunk) : std::next(chunk);
      }
      fill(to->first, out);
      to = out.sending.empty() && out.messages.empty() ? outboxes_.erase(to) : std::next(to);
    }
  }

  int rank_ = 0, size_ = 1;
  std::deque<Parcel> own_;
  std::map<int, Outbox> outboxes_;
  std::list<Chunk> stuck_;
  std::map<int, std::string> arriving_;
  std::map<int, bool> lost_;
};

}  // namespace

std::unique_ptr<Transport> make_mpi_transport() { return std::make_unique<MpiTransport>(); }

}  // namespace phasegrid::orchestrator
