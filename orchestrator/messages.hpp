// What the processes of a run say to each other.
//
//   coordinator (rank 0)  <->  agent (every rank)  <->  executor (child process of an agent)
//
// A message is one byte of kind and the fields of its struct. Most are below a few hundred bytes; a result with its curve and the
// sweep text may be longer and travel in chunks (transport.hpp).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/device/survey.hpp"
#include "orchestrator/wire.hpp"
#include "sweeps/cell.hpp"

namespace phasegrid::orchestrator {

enum class Kind : std::uint8_t {
  hello, ready, free, finished, checkpoint, said, crashed, abandoned, slot_lost, gang_key, beat, stop_requested,  // agent -> coordinator
  setup, assign, gang_join, abandon, pulse, bye,                                     // coordinator -> agent
  progress, done, stop                                                               // executor -> agent (finished and checkpoint, too); agent -> executor
};

template <class Archive>
void fields(Archive& a, kernels::Gpu& gpu) {
  a(gpu.uuid, gpu.kind, gpu.name, gpu.bytes, gpu.multiprocessors, gpu.byte_rate, gpu.flop_rate, gpu.problem);
}
template <class Archive>
void fields(Archive& a, kernels::GpuSurvey& survey) {
  a(survey.gpus, survey.driver, survey.problem);
}

// An agent reports for work: what its machine is.
struct Hello {
  static constexpr Kind kKind = Kind::hello;
  std::string host;
  std::int64_t pid = 0;
  std::int32_t cores = 0;               // given to the job on this host, shared by all its ranks there
  std::vector<std::string> kinds;       // device kinds it can run, least capable first
  std::int32_t numerics = 0;
  std::string git_hash;
  std::string node;                     // as the batch system calls it; "": nobody does
  std::vector<std::string> gpus;        // that it was given, shared by all ranks there that name the same ones
  kernels::GpuSurvey survey;            // what the driver says of them; nothing where nobody asked
  template <class Archive> void fields(Archive& a) { a(host, pid, cores, kinds, numerics, git_hash, node, gpus, survey); }
};

// The sweep, once for each rank and each executor.
struct Setup {
  static constexpr Kind kKind = Kind::setup;
  std::string text, file, hash;         // hash of the grid that rank 0 made from the text
  std::string device_kind;
  std::int32_t threads = 1;             // of each executor
  std::int32_t rank = 0, slots = 0;     // of the agent that reads it
  std::string host;                     // where the coordinator runs
  std::int64_t pid = 0;
  double hang_limit = 0;                // seconds without a sign of life after which an executor is killed
  std::vector<std::int32_t> cores;      // where executors may run; filled in by the agent
  std::vector<std::string> gpus;        // of each slot; empty, or "" for a slot: left as it is
  double checkpoint_every = 0;          // seconds of training between two checkpoints of a cell; 0: none are taken
  std::string scratch;                  // where executors keep them themselves; "": the coordinator does
  std::vector<std::string> scratch_kept;   // names there that are still wanted
  bool scratch_cleaner = false;         // this agent removes the others
  template <class Archive> void fields(Archive& a) {
    a(text, file, hash, device_kind, threads, rank, slots, host, pid, hang_limit, cores, gpus, checkpoint_every, scratch, scratch_kept, scratch_cleaner);
  }
};

// The sweep was read (error empty), or why it could not be.
struct Ready {
  static constexpr Kind kKind = Kind::ready;
  std::string hash, error;
  template <class Archive> void fields(Archive& a) { a(hash, error); }
};

struct Free {                           // a slot asks for work
  static constexpr Kind kKind = Kind::free;
  std::int32_t slot = 0;
  template <class Archive> void fields(Archive& a) { a(slot); }
};

struct Assign {
  static constexpr Kind kKind = Kind::assign;
  std::int32_t slot = 0;
  std::vector<std::uint64_t> cells;
  std::vector<std::string> checkpoints; // to go on from: none, or one for each cell, "" where it begins
  std::uint64_t gang = 0;               // that trains them; 0: the slot alone
  std::int32_t replica = 0, replicas = 1;
  template <class Archive> void fields(Archive& a) { a(slot, cells, checkpoints, gang, replica, replicas); }
};

// By which the members of a gang on GPUs find each other: made by the executor of replica 0, for the coordinator ...
struct GangKey {
  static constexpr Kind kKind = Kind::gang_key;
  std::int32_t slot = 0;
  std::uint64_t gang = 0;
  std::string bytes;
  template <class Archive> void fields(Archive& a) { a(slot, gang, bytes); }
};
struct GangJoin {                       // ... who brings it to the executors of the others
  static constexpr Kind kKind = Kind::gang_join;
  std::int32_t slot = 0;
  std::uint64_t gang = 0;
  std::string key;
  template <class Archive> void fields(Archive& a) { a(slot, gang, key); }
};

struct Finished {
  static constexpr Kind kKind = Kind::finished;
  std::int32_t slot = 0;
  sweeps::CellResult result;
  template <class Archive> void fields(Archive& a) { a(slot, result); }
};

struct Checkpoint {                     // what a cell needs to go on, should its slot be stopped or crash
  static constexpr Kind kKind = Kind::checkpoint;
  std::int32_t slot = 0;
  std::uint64_t cell = 0;
  std::int64_t step = 0, steps = 0;
  std::string bytes;                    // "": it is on the scratch disk of the executor's machine
  template <class Archive> void fields(Archive& a) { a(slot, cell, step, steps, bytes); }
};

struct Said {                           // what an executor has written to stderr and stdout
  static constexpr Kind kKind = Kind::said;
  std::int32_t slot = 0;
  std::string text;
  template <class Archive> void fields(Archive& a) { a(slot, text); }
};

struct Crashed {                        // the slot's executor is gone, and with it the cells it was running
  static constexpr Kind kKind = Kind::crashed;
  std::int32_t slot = 0;
  bool out_of_memory = false;
  std::string reason;                   // "killed by signal 11 (Segmentation fault) at step 120 of 4000; last words: ..."
  template <class Archive> void fields(Archive& a) { a(slot, out_of_memory, reason); }
};

struct Abandoned {                      // the slot's unfinished cells were given up on request
  static constexpr Kind kKind = Kind::abandoned;
  std::int32_t slot = 0;
  template <class Archive> void fields(Archive& a) { a(slot); }
};

struct SlotLost {                       // executors of this slot do not even start
  static constexpr Kind kKind = Kind::slot_lost;
  std::int32_t slot = 0;
  std::string reason;
  template <class Archive> void fields(Archive& a) { a(slot, reason); }
};

struct Beat {                           // sign of life of an agent, with how far its slots are (0 .. 1; negative: not running)
  static constexpr Kind kKind = Kind::beat;
  std::vector<float> fractions;
  template <class Archive> void fields(Archive& a) { a(fractions); }
};

struct StopRequested {                  // an agent received a signal
  static constexpr Kind kKind = Kind::stop_requested;
  std::int32_t signal = 0;
  template <class Archive> void fields(Archive& a) { a(signal); }
};

struct Abandon {
  static constexpr Kind kKind = Kind::abandon;
  std::int32_t slot = 0;
  double patience = 0;                  // seconds until it is killed
  std::string because;                  // "": on request; else the cells' own fault, so that the end counts as a crash
  template <class Archive> void fields(Archive& a) { a(slot, patience, because); }
};

struct Pulse {                          // sign of life of the coordinator, in answer to a beat
  static constexpr Kind kKind = Kind::pulse;
  template <class Archive> void fields(Archive&) {}
};

struct Bye {
  static constexpr Kind kKind = Kind::bye;
  bool orderly = true;                  // false: a rank was lost, so leave without the library's farewell, which could hang
  template <class Archive> void fields(Archive& a) { a(orderly); }
};

struct Progress {
  static constexpr Kind kKind = Kind::progress;
  std::int64_t step = 0, steps = 0;
  double loss = 0;
  template <class Archive> void fields(Archive& a) { a(step, steps, loss); }
};

struct Done {                           // the executor waits for the next cells; also its first word
  static constexpr Kind kKind = Kind::done;
  template <class Archive> void fields(Archive&) {}
};

struct Stop {                           // give up what is running
  static constexpr Kind kKind = Kind::stop;
  template <class Archive> void fields(Archive&) {}
};

template <class Archive>
void fields(Archive& a, sweeps::CurvePoint& point) {
  a(point.step, point.accuracy, point.loss, point.train_loss);
}
template <class Archive>
void fields(Archive& a, sweeps::LabelledArray& array) {
  a(array.name, array.dims, array.shape, array.data, array.text, array.long_name, array.units);
}
template <class Archive>
void fields(Archive& a, sweeps::CellResult& r) {
  a(r.index, r.status, r.reason, r.accuracy, r.loss, r.accuracy_final, r.accuracy_validation, r.examples, r.steps, r.best_step,
    r.seconds, r.parameters, r.accuracy_T, r.loss_T, r.curve, r.diagnostics);
}

template <class Message>
std::string encode(Message message) {
  Writer writer;
  Kind kind = Message::kKind;
  writer(kind, message);
  return std::move(writer.bytes);
}

inline Kind kind_of(std::string_view bytes) {
  if (bytes.empty()) throw WireError("an empty message");
  return static_cast<Kind>(bytes[0]);
}

template <class Message>
Message decode(std::string_view bytes) {
  if (kind_of(bytes) != Message::kKind) throw WireError("a message of another kind than expected");
  Reader reader(bytes.substr(1));
  Message message;
  reader(message);
  if (!reader.empty()) throw WireError("a message is longer than its kind");
  return message;
}

}  // namespace phasegrid::orchestrator
