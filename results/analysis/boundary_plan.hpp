// A boundary search over a whole sweep: which cells are to be trained now, given the results so far.
//
// A column is one choice of all axes but the searched one, the reduced ones (reduce = "max") and the seed; each has a
// BoundarySearch of its own, and its own rounds. A probe is a value of the searched axis and a seed: one cell, or one for
// each value of the reduced axes, of which the best by validation counts. When all cells of a column's round have ended,
// its next round begins. The sweep's probes_per_round are shared out among its columns, at least one each.
//
// Columns start with a guess from theory; those for which theory has none wait for a neighbour that asks for a little
// more or less (kappa, T, ...) and start from its estimate. Success grows along axes of [model] and [train], falls along
// axes of [task].
//
// Budgets are shared out evenly. When no column can go on, what is left over is shared out anew.
//
// All this is a function of the results of finished rounds: whoever replays the journal gets the same cells, on any number
// of workers, interrupted or not.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "results/analysis/boundary.hpp"
#include "sweeps/cell.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/shard.hpp"

namespace phasegrid::results::analysis {

class BoundaryPlan {
 public:
  // `shard`: of the columns. The grid must outlive the plan.
  explicit BoundaryPlan(const sweeps::Grid& grid, const sweeps::Shard& shard = {});

  void know(const sweeps::CellResult& result);  // of any cell of the grid; pending ones and the like count as none
  // Cells that are to be trained and that no call before has returned: what follows from all that is known.
  std::vector<std::uint64_t> advance();

  struct ColumnState {
    std::string label;                      // "variant=mamba kappa=8"; "" where there is one column
    std::uint64_t asked = 0, missing = 0;   // cells; those of the round under way that have no result
    double cost = 0;                        // counted, of the cells asked for
    std::optional<double> guess;            // on the axis
    double x = 0, low = 0, high = 0;        // on the axis; low 0, high infinity: open
    bool done = false, monotone = true;     // done: found as closely as the axis and the budget allow
    bool out_of_budget = false, waits = false;
    std::vector<std::pair<double, int>> probed;  // values, and how many seeds of each
  };
  std::size_t columns() const { return columns_.size(); }
  ColumnState column(std::size_t index) const;
  std::optional<std::size_t> column_of(std::uint64_t cell) const;
  std::size_t columns_done() const;
  bool finished() const;                     // every column is done
  std::uint64_t asked() const;               // cells, known ones included
  double cost() const;                       // counted, of these
  std::vector<std::uint64_t> missing() const;  // asked for and without a result
  // Whether a cell's column is done and has concluded, without training it, what it would give: it lies outside of the
  // interval.
  bool inferred(std::uint64_t cell) const;
  std::uint64_t cells_left() const;          // a guess, by what finished columns needed
  int probes_per_round() const { return options_.probes_per_round; }  // of a column

 private:
  struct Outcome {
    bool counts;
    double accuracy, validation;
  };
  struct Column {
    std::uint64_t base = 0;                // its first cell
    std::string label;
    std::vector<double> costs;             // of a probe, by value in the order of the search; infinite: infeasible
    std::optional<double> guess;           // octaves, in the direction of the search
    int parent = -1;                       // the column for whose estimate it waits
    std::optional<BoundarySearch> search;  // once it has begun
    std::vector<Probe> open;               // the round under way
    std::size_t missing = 0;               // its cells without a result
    Allowance left;
    std::uint64_t asked = 0;
    double cost = 0;
    bool done = false, short_of = false;
  };

  void find_columns(const sweeps::Shard& shard);
  std::uint64_t base_of(std::uint64_t cell) const;
  std::string label_of(std::uint64_t base) const;
  std::optional<double> theory_guess(const Column& column) const;
  void find_parents();
  std::uint64_t cell_of(const Column& column, std::size_t value, int seed, std::size_t combination) const;
  Trials trials_at(const Column& column, std::size_t value) const;
  void conclude(Column& column);
  void step(std::size_t index, std::vector<std::uint64_t>& fresh);
  bool share_out(std::vector<std::uint64_t>& fresh);

  const sweeps::Grid& grid_;
  std::size_t axis_ = 0, seeds_ = 1;
  bool falling_ = false;
  std::vector<std::uint64_t> strides_;            // by axis of the grid
  std::vector<std::size_t> order_;                // points of the searched axis in the direction of the search
  std::vector<std::uint64_t> combinations_;       // offsets of cells that differ in reduced axes only
  std::shared_ptr<const LapsingSteps> steps_;
  BoundaryOptions options_;
  std::vector<Column> columns_;
  std::unordered_map<std::uint64_t, std::size_t> by_base_;
  std::unordered_map<std::uint64_t, Outcome> known_;
  std::unordered_map<std::uint64_t, std::size_t> awaited_;  // cells of open rounds, by column
  std::vector<std::size_t> ready_;                // columns that may go on
};

}  // namespace phasegrid::results::analysis
