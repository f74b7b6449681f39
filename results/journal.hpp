// The lines of a journal and the blocks of its bulk file: what is written for each event, and how all of them are read
// back.
//
// A bulk block holds what is too large for a line, the curve and the diagnostics of one result; the line names its
// offset, length and checksum. The block is durable before the line is.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "results/run_folder.hpp"

namespace phasegrid::results {

constexpr int kJournalVersion = 2;

std::filesystem::path journal_path(const std::filesystem::path& directory, int generation);
std::filesystem::path bulk_path(const std::filesystem::path& directory, int generation);
std::vector<int> generations(const std::filesystem::path& directory);  // ascending

// Where a result's block lies in bulk.G; length 0: it has none.
struct BulkBlock {
  std::uint64_t offset = 0, length = 0;
  std::uint32_t checksum = 0;
};
std::string pack_bulk(const sweeps::CellResult& result);               // "" when there is nothing to pack
void unpack_bulk(std::string_view bytes, sweeps::CellResult& result);  // throws LineError when malformed

// Cells are numbered as in the sweep that began with generation `grid` (RunState::grid); lines of an extended sweep name
// it, so that a line is never read with the wrong numbers where a run line is damaged.
struct At {
  std::uint64_t cell = 0;
  int attempt = 0, grid = 0;
};
// `state`: how the sweep came to be, of which the line says grid, grid_before and relocation.
std::string run_line(const sweeps::Grid& grid, const Provenance& provenance, const RunState& state, int generation,
                     const std::string& utc);
std::string started_line(const At& at, const std::string& where, const std::string& utc, std::int64_t from_step = 0);
std::string ended_line(const At& at, const std::string& where, const std::string& utc, const std::string& outcome);
// `origin`: null where it is that of the run line.
std::string finished_line(const sweeps::CellResult& result, const At& at, const std::string& where,
                          const std::string& utc, const BulkBlock& bulk, const Origin* origin = nullptr);
std::string checkpoint_line(const Checkpoint& checkpoint, const At& at, const std::string& utc);
std::string note_line(const std::string& kind, const std::string& text, const std::string& utc);

// All journals of the folder, oldest first, into one state. Damage is reported in warnings, never thrown. Attempts that
// have no end are "interrupted" when their coordinator is gone; the last one lives on if `running`.
RunState read_journals(const std::filesystem::path& directory, bool running, Bulk bulk = Bulk::load);

}  // namespace phasegrid::results
