#include "results/journal.hpp"
#include "results/journal_line.hpp"

namespace phasegrid::results {
namespace {

LineWriter begin_line(const char* kind, const std::string& utc) {
  LineWriter line;
  line.text("kind", kind).text("utc", utc);
  return line;
}

void add_attempt(LineWriter& line, std::uint64_t cell, int attempt, const std::string& where) {
  line.integer("cell", static_cast<std::int64_t>(cell)).integer("attempt", attempt).text("where", where);
}

}  // namespace

std::string run_line(const sweeps::Grid& grid, const Provenance& provenance, int generation, const std::string& utc) {
  return begin_line("run", utc)
      .integer("version", kJournalVersion)
      .integer("generation", generation)
      .text("sweep_file", provenance.sweep_file)
      .text("sweep_hash", grid.hash())
      .text("sweep_text", grid.text())
      .text("sweep_canonical", grid.canonical())
      .integer("numerics_version", provenance.numerics_version)
      .text("device_kind", provenance.device_kind)
      .text("git_hash", provenance.git_hash)
      .text("compiler", provenance.compiler)
      .text("mpi", provenance.mpi)
      .text("host", provenance.host)
      .text("started_utc", provenance.started_utc)
      .finish();
}

std::string started_line(std::uint64_t cell, int attempt, const std::string& where, const std::string& utc) {
  LineWriter line = begin_line("started", utc);
  add_attempt(line, cell, attempt, where);
  return line.finish();
}

std::string ended_line(std::uint64_t cell, int attempt, const std::string& where, const std::string& utc,
                       const std::string& outcome) {
  LineWriter line = begin_line("ended", utc);
  add_attempt(line, cell, attempt, where);
  line.text("outcome", outcome);
  return line.finish();
}

std::string finished_line(const sweeps::CellResult& result, int attempt, const std::string& where,
                          const std::string& utc, const BulkBlock& bulk) {
  LineWriter line = begin_line("finished", utc);
  add_attempt(line, result.index, attempt, where);
  line.text("status", sweeps::to_text(result.status));
  if (!result.reason.empty()) line.text("reason", result.reason);
  line.real("accuracy", result.accuracy)
      .real("loss", result.loss)
      .real("accuracy_final", result.accuracy_final)
      .real("accuracy_validation", result.accuracy_validation)
      .integer("examples", result.examples)
      .integer("steps", result.steps)
      .integer("best_step", result.best_step)
      .real("seconds", result.seconds)
      .integer("parameters", result.parameters);
  if (!result.accuracy_T.empty()) line.reals("accuracy_T", result.accuracy_T);
  if (!result.loss_T.empty()) line.reals("loss_T", result.loss_T);
  if (bulk.length > 0) {
    line.integer("bulk_offset", static_cast<std::int64_t>(bulk.offset));
    line.integer("bulk_length", static_cast<std::int64_t>(bulk.length));
    line.integer("bulk_crc", bulk.checksum);
  }
  return line.finish();
}

std::string note_line(const std::string& kind, const std::string& text, const std::string& utc) {
  return begin_line("note", utc).text("about", kind).text("text", text).finish();
}

}  // namespace phasegrid::results
