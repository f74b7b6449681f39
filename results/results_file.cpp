// results.h5 from what is known: docs/design.md, section 4.3.
#include "results/labelled_group.hpp"
#include "results/listed_part.hpp"
#include "results/results_parts.hpp"
#include "results/utc.hpp"

namespace phasegrid::results {
namespace {

constexpr int kSchemaVersion = 1;
constexpr std::size_t kLargestCube = 20'000'000;  // cells; above it only /trials is written
constexpr const char* kRandomNumbers = "Philox4x32-10, counter-based, keyed by seed and settings";

void write_origin(NetcdfGroup& root, const sweeps::Grid& grid, const RunState& state) {
  const Provenance& from = state.provenance;
  root.attributes({{"Conventions", "CF-1.10"},
                   {"title", grid.name()},
                   {"schema_version", std::int64_t{kSchemaVersion}},
                   {"sweep", grid.text()},
                   {"sweep_file", state.sweep_file},
                   {"sweep_hash", grid.hash()},
                   {"numerics_version", std::int64_t{from.numerics_version}},
                   {"rng", kRandomNumbers},
                   {"git_hash", from.git_hash},
                   {"compiler", from.compiler},
                   {"device_kind", from.device_kind},
                   {"host", from.host},
                   {"mpi", from.mpi},
                   {"started_utc", from.started_utc},
                   {"written_utc", utc_now()}});
  if (!from.gpus.empty()) root.attributes({{"gpus", from.gpus}});
  if (!from.shard.whole()) root.attributes({{"shard", sweeps::to_text(from.shard)}});
}

// Everything over the axes, with the values that the sweep lists.
void write_grid(NetcdfGroup& root, const sweeps::Grid& grid, const RunState& state) {
  const Cube cube(grid);
  if (cube.cells() > kLargestCube) return;
  Known known{cube, state, std::vector<const sweeps::CellResult*>(cube.cells()), find_regressions(grid)};
  for (const auto& [cell, result] : state.results)
    if (cell < known.cells.size()) known.cells[cell] = &result;
  cube.write_dimensions(root);
  write_settings(root, cube);
  write_measured(root, known);
  if (state.mixed()) write_origins(root, known);
  write_best(root, known);
  write_theory(root, cube);
  write_curves(root.group("curves"), known);
  write_diagnostics(root.group("diagnostics"), known);
}

}  // namespace

void write_results_file(const std::filesystem::path& path, const sweeps::Grid& grid, const RunState& state) {
  NetcdfFile file;
  NetcdfGroup& root = file.root();
  write_origin(root, grid, state);
  if (grid.search().boundary()) {
    const ListedPart part = listed_part(grid, state);
    write_grid(root, part.grid, part.state);
  } else {
    write_grid(root, grid, state);
  }
  write_trials(root.group("trials"), Cube(grid), state, find_regressions(grid));
  if (const auto analysis = read_group(path, "analysis")) write_group(root.group("analysis"), *analysis);
  file.save(path);
}

}  // namespace phasegrid::results
