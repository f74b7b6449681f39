#include "tests/nccl_stand_in/nccl.h"

#include <sys/mman.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <new>

namespace {

constexpr int kMost = 8;                    // members
constexpr std::size_t kRoom = 1 << 16;      // bytes of one member

// What the members share; mapped before they are forked.
struct Meeting {
  std::atomic<int> calls[kMost];            // made by each member
  std::atomic<int> failed;
  char bytes[2][kMost][kRoom];              // of odd and of even calls
};

}  // namespace

struct ncclComm {
  Meeting* meeting;
  int rank, count, call = 0;
  void* receive = nullptr;                  // of the call that is under way
  std::size_t size = 0;

  ncclResult_t made(void* to, std::size_t bytes) {
    receive = to, size = bytes;
    meeting->calls[rank] = ++call;
    return ncclInProgress;
  }
};

const char* ncclGetErrorString(ncclResult_t) { return "the stand-in was told to fail"; }

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  void* place = mmap(nullptr, sizeof(Meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) return ncclSystemError;
  auto* meeting = new (place) Meeting;
  std::memset(id, 0, sizeof *id);
  std::memcpy(id->internal, &meeting, sizeof meeting);   // the same address in every process that is forked from this one
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* communicator, int count, ncclUniqueId id, int rank, ncclConfig_t* config) {
  if (config->blocking || count > kMost) return ncclSystemError;
  Meeting* meeting;
  std::memcpy(&meeting, id.internal, sizeof meeting);
  *communicator = new ncclComm{meeting, rank, count};
  return (*communicator)->made(nullptr, 0);
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t c, ncclResult_t* state) {
  *state = c->meeting->failed ? ncclRemoteError : ncclSuccess;
  for (int r = 0; r < c->count && *state == ncclSuccess; ++r)
    if (c->meeting->calls[r] < c->call) *state = ncclInProgress;
  if (*state == ncclSuccess && c->receive) {
    for (int r = 0; r < c->count; ++r)
      cudaMemcpy(static_cast<char*>(c->receive) + static_cast<std::size_t>(r) * c->size, c->meeting->bytes[c->call % 2][r], c->size, cudaMemcpyHostToDevice);
    c->receive = nullptr;
  }
  return ncclSuccess;
}

ncclResult_t ncclAllGather(const void* send, void* receive, std::size_t count, ncclDataType_t, ncclComm_t c, cudaStream_t stream) {
  if (count > kRoom) return ncclSystemError;
  cudaStreamSynchronize(stream);            // its turn in the stream
  cudaMemcpy(c->meeting->bytes[(c->call + 1) % 2][c->rank], send, count, cudaMemcpyDeviceToHost);
  return c->made(receive, count);
}

ncclResult_t ncclCommFinalize(ncclComm_t c) { return c->made(nullptr, 0); }
ncclResult_t ncclCommDestroy(ncclComm_t c) { return ++nccl_stand_in::destroyed, delete c, ncclSuccess; }
ncclResult_t ncclCommAbort(ncclComm_t c) {
  c->meeting->failed = 1;   // for the others, a connection that is closed
  return ++nccl_stand_in::aborted, delete c, ncclSuccess;
}
