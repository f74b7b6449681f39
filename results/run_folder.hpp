// The run folder: journals that are the truth, and the results file that is derived from them (docs/design.md 4.2).
//
//   journal.G.jsonl, bulk.G   one pair for each coordinator life G = 1, 2, ...
//   results.h5                rebuilt beside the old one and renamed over it
//   lock                      who coordinates, with its generation
//   log/
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include "sweeps/cell.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::results {

// The run folder cannot be used: in use by another coordinator, read-only, full, of another sweep. The message says
// what to do.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Where and with what a run happens: root attributes of results.h5.
struct Provenance {
  int numerics_version = 0;
  std::string device_kind, git_hash, compiler, mpi, host, started_utc;
  std::string sweep_file;  // as it was named on the command line
};

struct Attempt {
  std::uint64_t cell = 0;
  int attempt = 0;    // 1, 2, ...
  std::string where;  // "rank 2 slot 0 host-a"
  std::string started_utc, ended_utc;
  std::string outcome;  // a status, "crashed: signal 9", "interrupted" with its coordinator, "" while it runs
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
  std::vector<std::string> warnings;  // "journal.2.jsonl:17: bad checksum; its cell counts as missing"
  int generation = 0;                 // the last one
};

RunState read_run(const std::filesystem::path& directory);  // for status, explain, report: touches nothing
bool is_run_folder(const std::filesystem::path& directory);

// Who coordinates the folder right now, "process 4711 on host-a since 2025-03-01T12:00:00Z (generation 3)", or "".
// Takes no lock.
std::string in_use_by(const std::filesystem::path& directory);

// The coordinator's side. One writer per folder; results are durable once flush() has returned.
class RunFolder {
 public:
  // Makes the folder or opens it, takes the lock, starts a new generation. Throws RunError: in use (by whom),
  // read-only, made from a sweep with another hash (says what changed), or by other numerics unless accept_mixed.
  static RunFolder open(const std::filesystem::path& directory, const sweeps::Grid& grid, const Provenance& provenance,
                        bool accept_mixed = false);
  RunFolder(RunFolder&&) noexcept;
  RunFolder& operator=(RunFolder&&) noexcept;
  ~RunFolder();  // releases the lock; writes nothing

  const RunState& state() const;  // as read at opening, plus what was recorded since
  void started(std::uint64_t cell, int attempt, const std::string& where);
  void ended(std::uint64_t cell, int attempt, const std::string& where, const std::string& outcome);  // a crash, a hang
  void finished(const sweeps::CellResult& result, int attempt, const std::string& where);
  void note(const std::string& kind, const std::string& text);  // planner decisions, signals, ends
  void flush();  // one fdatasync; throws RunError (full disk, lost lock) with nothing lost

  void write_results() const;  // results.h5, atomically
  std::filesystem::path directory() const;

 private:
  struct Impl;
  explicit RunFolder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a results file says of its sweep and its trials: enough to analyse it without the journals. Curves, diagnostics
// and attempts stay in the file. Throws RunError where it is no results file.
RunState read_results_file(const std::filesystem::path& path);

// results.h5 from what is known (docs/design.md 4.3). Written to path + ".tmp" and renamed. An /analysis in the file
// that is there is kept: it says of how many results it was made.
void write_results_file(const std::filesystem::path& path, const sweeps::Grid& grid, const RunState& state);

}  // namespace phasegrid::results
