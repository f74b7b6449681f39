#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "results/checksum.hpp"
#include "results/file.hpp"
#include "results/history.hpp"
#include "results/journal.hpp"
#include "results/journal_line.hpp"

namespace phasegrid::results {
namespace {

sweeps::Status status_of(const std::string& text) {
  try {
    return sweeps::status_from_text(text);
  } catch (const std::invalid_argument& error) { throw LineError(error.what()); }
}

sweeps::Shard shard_of(const std::string& text) {
  try {
    return sweeps::shard_from_text(text);
  } catch (const sweeps::SweepError& error) { throw LineError(error.what()); }
}

// The bulk file of one journal, opened when the first line points into it.
class BulkReader {
 public:
  explicit BulkReader(std::filesystem::path path) : path_(std::move(path)) {}

  // That the block may be there; cheap.
  void look(const BulkBlock& block) {
    if (block.length <= size_ && block.offset <= size_ - block.length) return;
    std::error_code missing;  // the file may have grown since
    size_ = std::filesystem::file_size(path_, missing);
    if (missing) size_ = 0;
    if (block.length > size_ || block.offset > size_ - block.length)
      throw LineError("its curve is missing from " + path_.filename().string());
  }

  std::string read(const BulkBlock& block) {
    look(block);
    if (!fd_) fd_ = Descriptor{open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd_) throw LineError("its curve cannot be read from " + path_.filename().string());
    std::string bytes(block.length, '\0');
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t got =
          pread(fd_.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(block.offset + done));
      if (got <= 0) throw LineError("its curve cannot be read from " + path_.filename().string());
      done += static_cast<std::size_t>(got);
    }
    if (crc32c(bytes) != block.checksum) throw LineError("bad checksum of its curve in " + path_.filename().string());
    return bytes;
  }

 private:
  std::filesystem::path path_;
  Descriptor fd_;
  std::uint64_t size_ = 0;
};

class JournalReader {
 public:
  JournalReader(RunState& state, const std::filesystem::path& directory, int generation, Bulk bulk)
      : state_(state),
        load_bulk_(bulk == Bulk::load),
        history_(state),
        generation_(generation),
        path_(journal_path(directory, generation)),
        bulk_(bulk_path(directory, generation)) {}

  void read(bool running);

 private:
  struct BadLine {
    std::size_t number, bytes;
    bool torn;  // what a crash leaves at the end: no newline, or blocks that were never written
    std::string what;
  };

  std::string place(std::size_t number) const { return path_.filename().string() + ":" + std::to_string(number); }
  void apply(std::string_view line, std::size_t number);
  void run(LineReader& fields);
  void finished(LineReader& fields, std::string utc, std::size_t number);
  void checkpoint(LineReader& fields);
  void read_grid(LineReader& fields);
  void check_grid(LineReader& fields) const;
  void report(std::vector<BadLine> bad, std::size_t lines);

  RunState& state_;
  bool load_bulk_;
  History history_;
  int generation_;
  std::filesystem::path path_;
  BulkReader bulk_;
};

void JournalReader::read(bool running) {
  std::ifstream file(path_, std::ios::binary);
  if (!file) throw_system(path_, "cannot read", errno);
  std::vector<BadLine> bad;
  std::size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    try {
      if (file.eof()) throw LineError("no end");
      apply(line, number);
    } catch (const LineError& error) {
      bad.push_back({number, line.size(), file.eof() || line.find('\0') != line.npos, error.what()});
    }
  }
  if (file.bad()) throw_system(path_, "cannot read", errno);
  if (!running) history_.life_ended();
  report(std::move(bad), number);
}

void JournalReader::report(std::vector<BadLine> bad, std::size_t lines) {
  std::size_t cut = 0;
  for (; !bad.empty() && bad.back().torn && bad.back().number == lines; --lines) {
    cut += bad.back().bytes;
    bad.pop_back();
  }
  if (cut > 0)
    state_.notes.push_back({"", "journal",
                            path_.filename().string() + ": the last " + std::to_string(cut) +
                                " bytes were never acknowledged and are ignored"});
  for (const BadLine& line : bad)
    state_.warnings.push_back(place(line.number) + ": " + line.what + "; its cell counts as missing");
}

void JournalReader::apply(std::string_view line, std::size_t number) {
  LineReader fields(line);
  const std::string kind = fields.text("kind");
  std::string utc = fields.text("utc");
  if (kind == "finished") return finished(fields, std::move(utc), number);
  if (kind == "run") return run(fields);
  if (kind == "checkpoint") return checkpoint(fields);
  if (kind == "note") {
    std::string about = fields.text("about");
    state_.notes.push_back({std::move(utc), std::move(about), fields.text("text")});
  } else if (kind == "started" || kind == "ended") {
    const auto cell = static_cast<std::uint64_t>(fields.integer("cell"));
    const int attempt = static_cast<int>(fields.integer("attempt"));
    std::string where = fields.text("where");
    check_grid(fields);
    const auto from_step = [&] { return fields.next_is("from_step") ? fields.integer("from_step") : 0; };
    if (kind == "started") history_.started(cell, attempt, std::move(where), std::move(utc), from_step());
    else history_.ended(cell, attempt, std::move(where), std::move(utc), fields.text("outcome"));
  } else {
    throw LineError("unknown kind \"" + kind + "\" (written by another version?)");
  }
}

void JournalReader::checkpoint(LineReader& fields) {
  const auto cell = static_cast<std::uint64_t>(fields.integer("cell"));
  fields.integer("attempt");
  Checkpoint checkpoint;
  checkpoint.host = fields.text("where");
  check_grid(fields);
  checkpoint.step = fields.integer("step"), checkpoint.steps = fields.integer("steps");
  if (checkpoint.host.empty()) {
    checkpoint.file = generation_;
    checkpoint.offset = static_cast<std::uint64_t>(fields.integer("offset"));
    checkpoint.length = static_cast<std::uint64_t>(fields.integer("length"));
    checkpoint.checksum = static_cast<std::uint32_t>(fields.integer("checksum"));
  }
  history_.checkpointed(cell, std::move(checkpoint));
}

// The first life says when the run began; the last one, with what it goes on.
void JournalReader::run(LineReader& fields) {
  const std::int64_t version = fields.integer("version");
  if (version != kJournalVersion)
    throw RunError(path_.string() + ": journal version " + std::to_string(version) + ", this program reads version " +
                   std::to_string(kJournalVersion));
  state_.generation = static_cast<int>(fields.integer("generation"));
  Provenance& p = state_.provenance;
  const std::string first_start = p.started_utc;
  state_.sweep_file = p.sweep_file = fields.text("sweep_file");
  state_.sweep_hash = fields.text("sweep_hash");
  state_.sweep_text = fields.text("sweep_text");
  state_.sweep_canonical = fields.text("sweep_canonical");
  p.numerics_version = static_cast<int>(fields.integer("numerics_version"));
  p.device_kind = fields.text("device_kind");
  p.git_hash = fields.text("git_hash");
  p.compiler = fields.text("compiler");
  p.mpi = fields.text("mpi");
  p.host = fields.text("host");
  p.started_utc = fields.text("started_utc");
  if (!first_start.empty()) p.started_utc = first_start;
  p.shard = fields.next_is("shard") ? shard_of(fields.text("shard")) : sweeps::Shard{};
  p.gpus = fields.next_is("gpus") ? fields.text("gpus") : "";
  state_.origin_now = origin_index(state_, {p.numerics_version, p.device_kind});
  read_grid(fields);
}

// Where this life's sweep extends the one before, what is known moves to its new place.
void JournalReader::read_grid(LineReader& fields) {
  int grid = 0, grid_before = 0;
  sweeps::Relocation relocation;
  if (fields.next_is("grid")) {
    grid = static_cast<int>(fields.integer("grid"));
    grid_before = static_cast<int>(fields.integer("grid_before"));
    relocation.base = static_cast<std::uint64_t>(fields.integer("moved_base"));
    const std::vector<double> sizes = fields.reals("moved_sizes"), offsets = fields.reals("moved_offsets");
    std::size_t next = 0;
    for (const double size : sizes) {
      auto& axis = relocation.offsets.emplace_back();
      for (double i = 0; i < size && next < offsets.size(); ++i)
        axis.push_back(static_cast<std::uint64_t>(offsets[next++]));
    }
  }
  if (grid == state_.grid) return;
  if (grid_before == state_.grid && grid > 0) {
    relocate_cells(state_, relocation);
  } else if (!state_.results.empty()) {
    state_.warnings.push_back(path_.filename().string() + ": the sweep before it is not described; its " +
                              std::to_string(state_.results.size()) + " cells count as missing");
    state_.results.clear(), state_.attempts.clear(), state_.origin_of.clear();
  }
  state_.grid = grid, state_.grid_before = grid_before, state_.relocation = std::move(relocation);
}

void JournalReader::check_grid(LineReader& fields) const {
  const int grid = fields.next_is("grid") ? static_cast<int>(fields.integer("grid")) : 0;
  if (grid != state_.grid) throw LineError("of a sweep that is not described");
}

void JournalReader::finished(LineReader& fields, std::string utc, std::size_t number) {
  sweeps::CellResult result;
  result.index = static_cast<std::uint64_t>(fields.integer("cell"));
  const int attempt = static_cast<int>(fields.integer("attempt"));
  std::string where = fields.text("where");
  check_grid(fields);
  const std::uint16_t of_this_life = state_.origin_now;
  if (fields.next_is("numerics_version")) {
    const int version = static_cast<int>(fields.integer("numerics_version"));
    state_.origin_now = origin_index(state_, {version, fields.text("device_kind")});
  }
  result.status = status_of(fields.text("status"));
  if (fields.next_is("reason")) result.reason = fields.text("reason");
  result.accuracy = fields.real("accuracy");
  result.loss = fields.real("loss");
  result.accuracy_final = fields.real("accuracy_final");
  result.accuracy_validation = fields.real("accuracy_validation");
  result.examples = fields.integer("examples");
  result.steps = fields.integer("steps");
  result.best_step = fields.integer("best_step");
  result.seconds = fields.real("seconds");
  result.parameters = fields.integer("parameters");
  if (fields.next_is("accuracy_T")) result.accuracy_T = fields.reals("accuracy_T");
  if (fields.next_is("loss_T")) result.loss_T = fields.reals("loss_T");
  if (fields.next_is("bulk_offset")) {
    BulkBlock block;
    block.offset = static_cast<std::uint64_t>(fields.integer("bulk_offset"));
    block.length = static_cast<std::uint64_t>(fields.integer("bulk_length"));
    block.checksum = static_cast<std::uint32_t>(fields.integer("bulk_crc"));
    if (load_bulk_) unpack_bulk(bulk_.read(block), result);
    else bulk_.look(block);
  }
  history_.finished(std::move(result), attempt, std::move(where), std::move(utc), place(number));
  state_.origin_now = of_this_life;
}

}  // namespace

std::filesystem::path journal_path(const std::filesystem::path& directory, int generation) {
  return directory / ("journal." + std::to_string(generation) + ".jsonl");
}

std::filesystem::path bulk_path(const std::filesystem::path& directory, int generation) {
  return directory / ("bulk." + std::to_string(generation));
}

std::vector<int> generations(const std::filesystem::path& directory) {
  std::vector<int> found;
  std::error_code unreadable;
  for (const auto& entry : std::filesystem::directory_iterator(directory, unreadable)) {
    const std::string name = entry.path().filename().string();
    int generation = 0;
    if (!name.starts_with("journal.") || !name.ends_with(".jsonl")) continue;
    const char *first = name.data() + 8, *last = name.data() + name.size() - 6;
    if (std::from_chars(first, last, generation).ptr == last && generation > 0) found.push_back(generation);
  }
  if (unreadable) throw_system(directory, "cannot read", unreadable.value());
  std::ranges::sort(found);
  return found;
}

RunState read_journals(const std::filesystem::path& directory, bool running, Bulk bulk) {
  RunState state;
  const std::vector<int> lives = generations(directory);
  for (const int life : lives) JournalReader(state, directory, life, bulk).read(running && life == lives.back());
  return state;
}

}  // namespace phasegrid::results
