// The run folder: journals that are the truth, and the results file that is derived from them (docs/design.md 4.2).
//
//   journal.G.jsonl, bulk.G   one pair for each coordinator life G = 1, 2, ...
//   checkpoints.G             of cells that were interrupted, where there are any (checkpoints.hpp)
//   results.h5                rebuilt beside the old one and renamed over it
//   lock                      who coordinates, with its generation
//   log/
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "results/checkpoints.hpp"
#include "sweeps/cell.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/relocation.hpp"
#include "sweeps/shard.hpp"

namespace phasegrid::results {

// The run folder cannot be used: in use by another coordinator, read-only, full, of another sweep. The message says
// what to do.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// There is no room to write. Nothing is lost: the next flush() writes what this one could not.
class DiskFull : public RunError {
 public:
  using RunError::RunError;
};

// Where and with what a run happens: root attributes of results.h5.
struct Provenance {
  int numerics_version = 0;
  std::string device_kind, git_hash, compiler, mpi, host, started_utc;
  std::string sweep_file;      // as it was named on the command line
  sweeps::Shard shard = {};    // the part of the sweep that this folder is for
  std::string gpus;            // "4 x NVIDIA H100 (sm_90, 79.6 GiB, driver ...)"; "": none was used
};

// What the bits of a result depend on besides its cell.
struct Origin {
  int numerics_version = 0;
  std::string device_kind;
  bool operator==(const Origin&) const = default;
};
std::string describe(const Origin& origin);  // "numerics version 1 on cpu-avx2"

struct Attempt {
  std::uint64_t cell = 0;
  int attempt = 0;    // 1, 2, ...
  std::string where;  // "rank 2 slot 0 host-a"
  std::string started_utc, ended_utc;
  std::string outcome;  // a status, "crashed: signal 9", "interrupted" with its coordinator, "" while it runs
  std::int64_t from_step = 0;  // of the checkpoint that it went on from; 0: it began
};

// A remark in the journal: a planner's decision, a signal, the end of a run, a torn tail that was cut.
struct Note {
  std::string utc, kind, text;
};

// Everything the journals of a folder say.
struct RunState {
  std::string sweep_text, sweep_file;
  std::string sweep_hash, sweep_canonical;  // sweeps::Grid::hash(), canonical()
  Provenance provenance;
  std::unordered_map<std::uint64_t, sweeps::CellResult> results;  // acknowledged cells, with curves
  std::vector<Attempt> attempts;
  std::vector<Note> notes;
  CheckpointMap checkpoints;          // of cells without a result
  std::uint64_t checkpoints_taken = 0;   // ever: a run that only gets on with long cells shows it here
  std::vector<std::string> warnings;  // "journal.2.jsonl:17: bad checksum; its cell counts as missing"
  int generation = 0;                 // the last one

  // Of a result: the origin of the life that recorded it. One for all results unless mixing was accepted.
  const Origin& origin(std::uint64_t cell) const;
  bool mixed() const;  // results of several origins
  std::vector<Origin> origins;
  std::unordered_map<std::uint64_t, std::uint16_t> origin_of;  // into origins, where it is not 0
  std::uint16_t origin_now = 0;                                // of what is recorded next

  // A folder whose sweep has been extended (sweeps/relocation.hpp) counts its sweeps by the generation that began them.
  int grid = 0;                                   // of the present sweep; 0: it was never extended
  int grid_before = 0;                            // of the sweep that it extends
  std::optional<sweeps::Relocation> relocation;   // from there
};

// For status, explain, report: touches nothing. `skip` leaves curves and diagnostics empty, which saves time and memory; that they
// are there is looked at, not that they are whole.
enum class Bulk { load, skip };
RunState read_run(const std::filesystem::path& directory, Bulk bulk = Bulk::load);
bool is_run_folder(const std::filesystem::path& directory);

// Who coordinates the folder right now, "process 4711 on host-a since 2025-03-01T12:00:00Z (generation 3)", or "".
// Takes no lock.
std::string in_use_by(const std::filesystem::path& directory);

// The coordinator's side. One writer per folder; results are durable once flush() has returned.
class RunFolder {
 public:
  // Makes the folder or opens it, takes the lock, starts a new generation. A folder of a sweep that this one extends by
  // new axis values keeps its results at their new places. Throws RunError: in use (by whom), read-only, made from
  // another sweep (says what changed), or by other numerics unless accept_mixed.
  static RunFolder open(const std::filesystem::path& directory, const sweeps::Grid& grid, const Provenance& provenance,
                        bool accept_mixed = false);
  RunFolder(RunFolder&&) noexcept;
  RunFolder& operator=(RunFolder&&) noexcept;
  ~RunFolder();  // releases the lock; writes nothing

  const RunState& state() const;  // as read at opening, plus what was recorded since
  void started(std::uint64_t cell, int attempt, const std::string& where, std::int64_t from_step = 0);
  void ended(std::uint64_t cell, int attempt, const std::string& where, const std::string& outcome);  // a crash, a hang
  void finished(const sweeps::CellResult& result, int attempt, const std::string& where);
  // From another folder of the same sweep: an attempt that has ended without a result, and a result with its attempt.
  void adopt(const Attempt& attempt);
  void adopt(const sweeps::CellResult& result, const Attempt& attempt, const Origin& origin);
  // The newest checkpoint of a cell, in place of the one before; false: the disk is full, and the one before stays. With a host:
  // that machine keeps it itself.
  bool checkpoint(std::uint64_t cell, int attempt, std::int64_t step, std::int64_t steps, std::string_view bytes,
                  const std::string& host = "");
  std::string load_checkpoint(std::uint64_t cell) const;  // "": there is none here, or it is damaged
  void forget_checkpoint(std::uint64_t cell);             // it is of no use any more
  void note(const std::string& kind, const std::string& text);  // planner decisions, signals, ends
  void flush();  // one fdatasync; throws RunError (full disk, lost lock) with nothing lost

  void write_results() const;  // results.h5, atomically
  std::filesystem::path directory() const;

 private:
  struct Impl;
  explicit RunFolder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Lines that only one of two canonical sweep texts has: "\n  folder: axis d = 4 8\n  now:    axis d = 4 16".
std::string sweep_difference(const std::string& before, const std::string& now);

// What a results file says of its sweep and its trials: enough to analyse it without the journals. Curves, diagnostics
// and attempts stay in the file. Throws RunError where it is no results file.
RunState read_results_file(const std::filesystem::path& path);

// results.h5 from what is known (docs/design.md 4.3). Written to path + ".tmp" and renamed. An /analysis in the file
// that is there is kept: it says of how many results it was made.
void write_results_file(const std::filesystem::path& path, const sweeps::Grid& grid, const RunState& state);

}  // namespace phasegrid::results
