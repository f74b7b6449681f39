// Cells that start from a theorem's weights, for tests.
#pragma once
#include <string>

#include "sweeps/grid.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker::constructed {

inline const std::string kMqar = "name = \"mqar\"\nkappa = 6\nnu = 8\nT = 40\n",
                         kRandom = kMqar + "filler = \"random\"\n";
inline const std::string kKeep = "name = \"keep_nth\"\nvocab = 10\nT = 20\n",
                         kPointer = "name = \"pointer_value_retrieval\"\nnu = 6\nT = 9\n";
inline const std::string kC1 = "variant = \"mamba\"\nd = 9\nN = 6\n";
inline const std::string kInduction = "name = \"induction_heads\"\nvocab = 5\nT = 40\n";

inline std::string text_of(const std::string& task, const std::string& model, const std::string& train = "",
                           int seed = 0) {
  return "[sweep]\nname = \"x\"\nseeds = [" + std::to_string(seed) + "]\n[task]\n" + task +
         "[model]\ninit = \"construction\"\n" + model + "\n" + train;
}
inline sweeps::CellSpec cell_of(const std::string& task, const std::string& model,
                                const std::string& train = "[eval]\neval_examples = 100", int seed = 0) {
  return sweeps::Grid::parse(text_of(task, model, train, seed), "x.toml", make_schema()).cell(0);
}
inline std::string error_of(const std::string& task, const std::string& model, const std::string& train = "") {
  try {
    cell_of(task, model, train);
  } catch (const sweeps::SweepError& error) { return error.what(); }
  return "none";
}
inline sweeps::CellResult run(const sweeps::CellSpec& cell) {
  return run_pack(std::span(&cell, 1), {cpu_kinds().back()}).front();
}

}  // namespace phasegrid::worker::constructed
