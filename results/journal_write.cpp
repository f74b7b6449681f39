#include "results/journal.hpp"
#include "results/journal_line.hpp"

namespace phasegrid::results {
namespace {

LineWriter begin_line(const char* kind, const std::string& utc) {
  LineWriter line;
  line.text("kind", kind).text("utc", utc);
  return line;
}

void add_attempt(LineWriter& line, const At& at, const std::string& where) {
  line.integer("cell", static_cast<std::int64_t>(at.cell)).integer("attempt", at.attempt).text("where", where);
  if (at.grid > 0) line.integer("grid", at.grid);
}

void add_relocation(LineWriter& line, const RunState& state) {
  std::vector<double> sizes, offsets;
  for (const auto& axis : state.relocation->offsets) {
    sizes.push_back(static_cast<double>(axis.size()));
    for (const std::uint64_t offset : axis) offsets.push_back(static_cast<double>(offset));
  }
  line.integer("grid", state.grid).integer("grid_before", state.grid_before);
  line.integer("moved_base", static_cast<std::int64_t>(state.relocation->base));
  line.reals("moved_sizes", sizes).reals("moved_offsets", offsets);
}

}  // namespace

std::string run_line(const sweeps::Grid& grid, const Provenance& provenance, const RunState& state, int generation,
                     const std::string& utc) {
  LineWriter line = begin_line("run", utc);
  line.integer("version", kJournalVersion)
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
      .text("started_utc", provenance.started_utc);
  if (!provenance.shard.whole()) line.text("shard", sweeps::to_text(provenance.shard));
  if (!provenance.gpus.empty()) line.text("gpus", provenance.gpus);
  if (state.grid > 0) add_relocation(line, state);
  return line.finish();
}

std::string started_line(const At& at, const std::string& where, const std::string& utc, std::int64_t from_step) {
  LineWriter line = begin_line("started", utc);
  add_attempt(line, at, where);
  if (from_step > 0) line.integer("from_step", from_step);
  return line.finish();
}

std::string ended_line(const At& at, const std::string& where, const std::string& utc, const std::string& outcome) {
  LineWriter line = begin_line("ended", utc);
  add_attempt(line, at, where);
  line.text("outcome", outcome);
  return line.finish();
}

std::string finished_line(const sweeps::CellResult& result, const At& at, const std::string& where,
                          const std::string& utc, const BulkBlock& bulk, const Origin* origin) {
  LineWriter line = begin_line("finished", utc);
  add_attempt(line, at, where);
  if (origin) line.integer("numerics_version", origin->numerics_version).text("device_kind", origin->device_kind);
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

std::string checkpoint_line(const Checkpoint& checkpoint, const At& at, const std::string& utc) {
  LineWriter line = begin_line("checkpoint", utc);
  add_attempt(line, at, checkpoint.host);
  line.integer("step", checkpoint.step).integer("steps", checkpoint.steps);
  if (!checkpoint.host.empty()) return line.finish();
  line.integer("offset", static_cast<std::int64_t>(checkpoint.offset));
  line.integer("length", static_cast<std::int64_t>(checkpoint.length));
  line.integer("checksum", checkpoint.checksum);
  return line.finish();
}

std::string note_line(const std::string& kind, const std::string& text, const std::string& utc) {
  return begin_line("note", utc).text("about", kind).text("text", text).finish();
}

}  // namespace phasegrid::results
