#include "results/run_folder.hpp"

#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <set>
#include <sstream>

#include "results/checksum.hpp"
#include "results/history.hpp"
#include "results/journal.hpp"
#include "results/lock.hpp"
#include "results/utc.hpp"

namespace phasegrid::results {
namespace {

namespace fs = std::filesystem;

// With its parents, as mkdir -p does; every new entry is made durable.
void make_folder(const fs::path& directory) {
  if (fs::is_directory(directory)) return;
  if (fs::exists(directory))
    throw RunError(directory.string() + ": is a file; a run folder or a new name was expected");
  if (directory.has_parent_path()) make_folder(directory.parent_path());
  if (mkdir(directory.c_str(), 0777) != 0 && errno != EEXIST)
    throw_system(directory, "cannot make the run folder", errno);
  sync_directory(directory.parent_path());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

// Canonical texts are sorted, so that lines that only one has are their difference.
std::string sweep_difference(const std::string& before, const std::string& now) {
  constexpr int kMostLines = 12;
  const std::vector<std::string> old_lines = lines_of(before), new_lines = lines_of(now);
  const std::multiset<std::string> old_set(old_lines.begin(), old_lines.end()),
      new_set(new_lines.begin(), new_lines.end());
  std::string out;
  int shown = 0;
  for (const std::string& line : old_lines)
    if (!new_set.contains(line) && ++shown <= kMostLines) out += "\n  folder: " + line;
  for (const std::string& line : new_lines)
    if (!old_set.contains(line) && ++shown <= kMostLines) out += "\n  now:    " + line;
  if (shown > kMostLines) out += "\n  and " + std::to_string(shown - kMostLines) + " more lines";
  return out;
}

namespace {

// Another sweep is welcome if it extends the folder's: then the results move to their places in it.
bool extend(const fs::path& directory, RunState& state, const sweeps::Grid& grid) {
  if (state.sweep_hash.empty() && !state.results.empty())
    throw RunError(directory.string() + ": its journals hold results but no readable sweep; choose another folder");
  if (state.sweep_hash.empty() || state.sweep_hash == grid.hash()) return false;
  try {
    const std::shared_ptr<const sweeps::Schema> schema{std::shared_ptr<void>{}, &grid.schema()};  // outlives this block
    state.relocation = sweeps::relocate(sweeps::Grid::parse(state.sweep_text, state.sweep_file, schema), grid);
  } catch (const sweeps::SweepError& error) {
    throw RunError(directory.string() + ": holds the results of another sweep (" + error.what() +
                   "); only new axis values may be added: choose another folder, or undo the change:" +
                   sweep_difference(state.sweep_canonical, grid.canonical()));
  }
  relocate_cells(state, *state.relocation);
  state.grid_before = state.grid;
  return true;
}

void check_origin(const fs::path& directory, const RunState& state, const Origin& now, bool accept_mixed) {
  for (const auto& [cell, result] : state.results)
    if (!accept_mixed && !(state.origin(cell) == now))
      throw RunError(directory.string() + ": its results are of " + describe(state.origin(cell)) +
                     ", this would add " + describe(now) +
                     ", whose bits differ; use the same device kind, another folder, or --accept-mixed");
}

// Creating the journal claims the generation, even where locks do nothing: only one process can create a file.
GrowingFile claim_generation(const fs::path& directory, int& life) {
  for (;; ++life) {
    if (fs::exists(bulk_path(directory, life))) continue;  // its journal was removed by hand
    try {
      return GrowingFile::create(journal_path(directory, life));
    } catch (const fs::filesystem_error&) {}
  }
}

}  // namespace

RunState read_run(const fs::path& directory, Bulk bulk) {
  if (!fs::exists(directory)) throw RunError(directory.string() + ": does not exist");
  if (!is_run_folder(directory)) throw RunError(directory.string() + ": is not a run folder (it has no journal)");
  return read_journals(directory, current_holder(directory).has_value(), bulk);
}

bool is_run_folder(const fs::path& directory) { return fs::is_directory(directory) && !generations(directory).empty(); }

std::string in_use_by(const fs::path& directory) {
  const std::optional<Holder> holder = current_holder(directory);
  return holder ? describe(*holder) : "";
}

struct RunFolder::Impl {
  Impl(fs::path where, const sweeps::Grid& of, Lock held, RunState known, GrowingFile lines, GrowingFile blocks)
      : directory(std::move(where)),
        grid(of),
        lock(std::move(held)),
        state(std::move(known)),
        journal(std::move(lines)),
        bulk(std::move(blocks)),
        checkpoints(directory, state.generation, state.checkpoints) {}

  fs::path directory;
  sweeps::Grid grid;
  Lock lock;
  RunState state;
  History history{state};
  GrowingFile journal, bulk;
  CheckpointFiles checkpoints;

  void forget_checkpoint(std::uint64_t cell) {
    const auto known = state.checkpoints.find(cell);
    if (known == state.checkpoints.end()) return;
    checkpoints.release(known->second);
    state.checkpoints.erase(known);
  }

  void finished(const sweeps::CellResult& result, int attempt, const std::string& where, const std::string& utc,
                const Origin* origin) {
    const std::string block = pack_bulk(result);
    const BulkBlock place{block.empty() ? 0 : bulk.append(block), block.size(), crc32c(block)};
    journal.append(finished_line(result, {result.index, attempt, state.grid}, where, utc, place, origin));
    forget_checkpoint(result.index);
    history.finished(result, attempt, where, utc, "this run");
  }
};

RunFolder::RunFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder& RunFolder::operator=(RunFolder&&) noexcept = default;
RunFolder::~RunFolder() = default;

RunFolder RunFolder::open(const fs::path& directory, const sweeps::Grid& grid, const Provenance& provenance,
                          bool accept_mixed) {
  make_folder(directory);
  Lock lock = Lock::take(directory);
  RunState state = read_journals(directory, false);
  const Origin origin{provenance.numerics_version, provenance.device_kind};
  check_origin(directory, state, origin, accept_mixed);

  const std::vector<int> lives = generations(directory);
  int life = std::max(lives.empty() ? 0 : lives.back(), lock.last_generation()) + 1;
  const bool extended = extend(directory, state, grid);
  GrowingFile journal = claim_generation(directory, life);
  if (extended) state.grid = life;
  lock.claim(life);
  GrowingFile bulk = GrowingFile::create(bulk_path(directory, life));
  std::error_code failed;
  fs::create_directory(directory / "log", failed);
  if (failed) throw_system(directory / "log", "cannot make", failed.value());

  const std::string utc = utc_now();
  Provenance now = provenance;
  if (now.started_utc.empty()) now.started_utc = utc;
  journal.append(run_line(grid, now, state, life, utc));
  if (extended) {
    state.notes.push_back({utc, "extended", std::to_string(state.results.size()) + " results kept; the sweep has " +
                                                std::to_string(grid.size()) + " cells, it had " +
                                                std::to_string(state.relocation->cells())});
    journal.append(note_line(state.notes.back().kind, state.notes.back().text, utc));
  }
  journal.commit();
  sync_directory(directory);

  if (!state.provenance.started_utc.empty()) now.started_utc = state.provenance.started_utc;
  state.provenance = now;
  state.origin_now = origin_index(state, origin);
  state.generation = life;
  state.sweep_file = now.sweep_file;
  state.sweep_hash = grid.hash();
  state.sweep_text = grid.text();
  state.sweep_canonical = grid.canonical();
  return RunFolder(
      std::make_unique<Impl>(directory, grid, std::move(lock), std::move(state), std::move(journal), std::move(bulk)));
}

const RunState& RunFolder::state() const { return impl_->state; }
fs::path RunFolder::directory() const { return impl_->directory; }

void RunFolder::started(std::uint64_t cell, int attempt, const std::string& where, std::int64_t from_step) {
  const std::string utc = utc_now();
  impl_->journal.append(started_line({cell, attempt, impl_->state.grid}, where, utc, from_step));
  impl_->history.started(cell, attempt, where, utc, from_step);
}

bool RunFolder::checkpoint(std::uint64_t cell, int attempt, std::int64_t step, std::int64_t steps,
                           std::string_view bytes, const std::string& host) {
  Checkpoint place;
  try {
    if (host.empty()) place = impl_->checkpoints.write(bytes);
  } catch (const DiskFull&) { return false; }
  place.step = step, place.steps = steps, place.host = host;
  const auto before = impl_->state.checkpoints.find(cell);
  if (before != impl_->state.checkpoints.end()) impl_->checkpoints.release(before->second);
  impl_->journal.append(checkpoint_line(place, {cell, attempt, impl_->state.grid}, utc_now()));
  impl_->history.checkpointed(cell, std::move(place));
  return true;
}

std::string RunFolder::load_checkpoint(std::uint64_t cell) const {
  const auto known = impl_->state.checkpoints.find(cell);
  if (known == impl_->state.checkpoints.end() || !known->second.host.empty()) return {};
  return read_checkpoint(impl_->directory, known->second);
}

void RunFolder::forget_checkpoint(std::uint64_t cell) { impl_->forget_checkpoint(cell); }

void RunFolder::ended(std::uint64_t cell, int attempt, const std::string& where, const std::string& outcome) {
  const std::string utc = utc_now();
  impl_->journal.append(ended_line({cell, attempt, impl_->state.grid}, where, utc, outcome));
  impl_->history.ended(cell, attempt, where, utc, outcome);
}

void RunFolder::finished(const sweeps::CellResult& result, int attempt, const std::string& where) {
  impl_->finished(result, attempt, where, utc_now(), nullptr);
}

void RunFolder::adopt(const Attempt& a) {
  const At at{a.cell, a.attempt, impl_->state.grid};
  if (!a.started_utc.empty()) {
    impl_->journal.append(started_line(at, a.where, a.started_utc));
    impl_->history.started(a.cell, a.attempt, a.where, a.started_utc);
  }
  impl_->journal.append(ended_line(at, a.where, a.ended_utc, a.outcome));
  impl_->history.ended(a.cell, a.attempt, a.where, a.ended_utc, a.outcome);
}

void RunFolder::adopt(const sweeps::CellResult& result, const Attempt& a, const Origin& origin) {
  RunState& state = impl_->state;
  if (!a.started_utc.empty()) {
    impl_->journal.append(started_line({a.cell, a.attempt, state.grid}, a.where, a.started_utc));
    impl_->history.started(a.cell, a.attempt, a.where, a.started_utc);
  }
  const std::uint16_t own = state.origin_now;
  state.origin_now = origin_index(state, origin);
  impl_->finished(result, a.attempt, a.where, a.ended_utc, state.origin_now == own ? nullptr : &origin);
  state.origin_now = own;
}

void RunFolder::note(const std::string& kind, const std::string& text) {
  const std::string utc = utc_now();
  impl_->journal.append(note_line(kind, text, utc));
  impl_->state.notes.push_back({utc, kind, text});
}

void RunFolder::flush() {
  impl_->lock.check();
  impl_->bulk.commit();
  impl_->checkpoints.sync();
  impl_->journal.commit();
  impl_->checkpoints.committed();
}

void RunFolder::write_results() const {
  write_results_file(impl_->directory / "results.h5", impl_->grid, impl_->state);
}

}  // namespace phasegrid::results
