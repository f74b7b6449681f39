// Messages between the ranks of a run, whatever carries them.
//
// Nothing here blocks: send() queues, receive() takes what has arrived. Order is kept between two ranks. A message to oneself is
// delivered like any other.
#pragma once
#include <memory>
#include <string>

namespace phasegrid::orchestrator {

struct Parcel {
  int from = 0;
  std::string bytes;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string mpi_version() const = 0;           // "Open MPI v4.1.4", or "none"
  virtual void send(int to, std::string bytes) = 0;
  virtual bool receive(Parcel& parcel) = 0;              // false: nothing has arrived
  virtual bool idle() = 0;                               // everything sent is on its way
  virtual bool must_be_polled() const = 0;               // no file descriptor tells of arrivals
  virtual void forget(int rank) = 0;                     // a lost rank: what waits to be sent to it is dropped
  // Takes leave of the others; returns when all have, or at the latest after `seconds`, by ending the process with `code`.
  virtual void leave(double seconds, int code) = 0;
};

std::unique_ptr<Transport> make_local_transport();       // one process alone
std::unique_ptr<Transport> make_mpi_transport();         // started by mpirun or srun

bool started_by_launcher();                              // mpirun, or srun --mpi=...
std::unique_ptr<Transport> make_transport();

}  // namespace phasegrid::orchestrator
