// Writes files for other programs to read:
//
//   results_sample run SWEEP.toml CELLS DIR   a run folder with results for the first CELLS cells
//                                             (tests/results/sample_results.hpp)
//   results_sample steps SWEEP.toml CELLS DIR the same, with accuracies that step up at a width near kappa + log2 nu
//   results_sample weights IN.h5 OUT.h5       weights, read and written again
//   results_sample batch IN.h5                prints batch, T, tokens and targets
//   results_sample arrays OUT.h5 32|64        what `apply` writes
#include <cstdlib>
#include <iostream>

#include "results/run_folder.hpp"
#include "results/batch_file.hpp"
#include "results/weights_file.hpp"
#include "tests/results/sample_results.hpp"
#include "tests/results/small_sweep.hpp"

using namespace phasegrid;

namespace {

using MakeResult = sweeps::CellResult (*)(const sweeps::CellSpec&);

void write_run(const std::string& sweep, std::uint64_t cells, const std::string& directory, MakeResult make) {
  const sweeps::Grid grid = sweeps::Grid::read(sweep, testing::small_schema());
  const results::Provenance from{7,    "cpu-avx2", "abc123", "GCC 12", "Open MPI", "host-a", "2025-03-01T12:00:00Z",
                                 sweep};
  results::RunFolder folder = results::RunFolder::open(directory, grid, from);
  for (std::uint64_t cell = 0; cell < cells; ++cell) {
    folder.started(cell, 1, "slot 0");
    if (cell == 5) folder.ended(cell, 1, "slot 0", "crashed: signal 9");
    if (cell == 5) folder.started(cell, 2, "slot 1");
    folder.finished(
        cell == 1 ? testing::failed_result(cell, sweeps::Status::diverged, "nan") : make(grid.cell(cell)),
        cell == 5 ? 2 : 1, "slot 0");
  }
  folder.flush();
  folder.write_results();
}

void print_batch(const results::BatchFile& batch) {
  std::cout << batch.batch << ' ' << batch.T << '\n';
  for (const auto& numbers : {batch.tokens, batch.targets}) {
    for (const std::int32_t number : numbers) std::cout << number << ' ';
    std::cout << '\n';
  }
}

void write_arrays(const std::string& path, bool float64) {
  results::write_arrays(path,
                        {{"logits", {}, {2, 3}, {0.1, 0.2, 0.3, 0.4, 0.5, 0.6}},
                         {"loss", {}, {}, {0.7}},
                         {"gradients/embedding.weight", {}, {2}, {1.5, -2.5}}},
                        float64);
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  try {
    if (words.size() == 4 && words[0] == "run")
      write_run(words[1], std::stoull(words[2]), words[3], [](const auto& cell) { return testing::sample_result(cell.index); });
    else if (words.size() == 4 && words[0] == "steps")
      write_run(words[1], std::stoull(words[2]), words[3], testing::step_result);
    else if (words.size() == 3 && words[0] == "weights")
      results::write_weights(words[2], results::read_weights(words[1]));
    else if (words.size() == 2 && words[0] == "batch") print_batch(results::read_batch(words[1]));
    else if (words.size() == 3 && words[0] == "arrays") write_arrays(words[1], words[2] == "64");
    else throw std::runtime_error("unknown words");
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
