// A small schema and sweeps of it, for tests that need a grid: what worker/schema.cpp makes, without the models.
#pragma once
#include <memory>
#include <string>

#include "sweeps/grid.hpp"

namespace phasegrid::testing {

inline std::shared_ptr<const sweeps::Schema> small_schema() {
  using enum sweeps::Section;
  using enum sweeps::Kind;
  auto schema = std::make_shared<sweeps::Schema>();
  const double any = std::numeric_limits<double>::infinity();
  schema->keys = {
      {"task", task, word, "mqar", 0, 0, {"mqar"}, "the task", {}},
      {"kappa", task, integer, "4", 1, 1e6, {}, "number of key symbols", {}},
      {"nu", task, integer, "8", 1, 1e6, {}, "number of value symbols", {}},
      {"vocab", task, integer, "1+kappa+nu", 1, 1e6, {}, "vocabulary size", {}},
      {"T", task, integer, "32", 1, 1e6, {}, "sequence length", {}},
      {"variant", model, word, "mamba", 0, 0, {"mamba", "mamba2", "s4d"}, "model variant", {}},
      {"d", model, integer, "16", 1, 1e6, {}, "embedding width", {}},
      {"N", model, integer, "16", 1, 1e6, {}, "state size", {}},
      {"gate", model, boolean, "true", 0, 0, {}, "multiply by a gate", {}},
      {"delta_rank",
       model,
       integer_or_word,
       "auto",
       1,
       1e6,
       {"auto", "full"},
       "rank of the step size's projection",
       {"mamba"}},
      {"s4d_mode", model, word, "complex", 0, 0, {"complex", "real"}, "state of S4D", {"s4d"}},
      {"learning_rate", train, real, "0.001", 0, any, {}, "learning rate", {}},
      {"steps", train, integer, "100", 1, 1e9, {}, "training steps", {}},
  };
  schema->tasks = {{"mqar", {}, {}, {}}};
  schema->variants = {{"mamba", {}, {}, {}}, {"mamba2", {}, {}, {}}, {"s4d", {}, {}, [](const sweeps::Settings& s) {
                                                                        return s.integer("N") % 2 ? "N: must be even"
                                                                                                  : "";
                                                                      }}};
  schema->cost = [](const sweeps::Settings& s) {
    sweeps::Cost cost;
    cost.flops = s.real("d") * s.real("d"), cost.exponentials = s.real("d");
    return cost;
  };
  return schema;
}

inline sweeps::Grid grid_of(const std::string& text) { return sweeps::Grid::parse(text, "small.toml", small_schema()); }

inline sweeps::Grid small_grid(int seeds = 3) {
  return grid_of("[sweep]\nname = \"small\"\nseeds = " + std::to_string(seeds) +
                 "\n[task]\nname = \"mqar\"\nnu = 8\n[axes]\nvariant = [\"mamba\", \"mamba2\"]\nd = [4, 8]\nkappa = "
                 "[2, 4]\nN = [\"kappa\"]\n");
}

}  // namespace phasegrid::testing
