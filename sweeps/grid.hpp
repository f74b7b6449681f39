// A sweep file read and checked: axes, and one CellSpec for each point of their product.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sweeps/cell.hpp"
#include "sweeps/error.hpp"

namespace phasegrid::sweeps {

// One dimension of the grid.
struct Axis {
  std::string name;                        // the dimension in results.h5: a key, "seed", or "d_N" for zipped keys
  std::vector<std::string> keys;           // one; several where lists are zipped
  std::vector<std::vector<Value>> values;  // [point][key]; the text of the expression where the axis lists expressions
  bool expressions = false;                // several expressions: a string dimension, numbers in <key>_value
  bool reduce = false;                     // best value of this axis per cell, chosen on validation over all seeds
  std::size_t between = 0;                 // the last so many points are not listed: a boundary search may probe them
  std::size_t size() const { return values.size(); }
  std::size_t listed() const { return values.size() - between; }
};

struct Search {  // [search]; mode "grid" when the section is missing
  std::string mode = "grid";
  std::string axis;         // along which to search, and to analyse
  double level = 0.9;
  double tolerance = 0.25;  // octaves: the width of the interval at which a boundary counts as found
  std::int64_t probes_per_round = 16;
  std::int64_t budget = 0;  // cells; 0: no limit
  double budget_cost = 0;   // counted operations (counted_cost); 0: no limit
  bool between = true;      // integers between the listed values of the axis may be probed, too
  std::int64_t n = 0;       // mode "random": cells to draw,
  std::int64_t seed = 0;    // and by which numbers
  bool boundary() const { return mode == "boundary"; }
};

// The most cells that a grid may have; a larger one is refused when it is parsed.
constexpr std::uint64_t kMostCells = 100'000'000;

std::string read_text(const std::string& path);  // of a sweep file; throws SweepError

class Grid {
 public:
  // Throws SweepError. `file` is used in messages only.
  static Grid parse(std::string text, std::string file, std::shared_ptr<const Schema> schema);
  static Grid read(const std::string& path, std::shared_ptr<const Schema> schema);
  // Without the points that a boundary search may probe between the listed ones: what the sweep file says, and what
  // results.h5 has dimensions for. Cells are numbered differently: to_listed() tells which is which.
  Grid listed() const;
  std::optional<std::uint64_t> to_listed(std::uint64_t index) const;  // none: between listed values

  const std::string& name() const;
  const std::string& text() const;       // the file as it was read
  const std::string& canonical() const;  // what the sweep means: equal for files that differ in comments and order only
  std::string hash() const;              // of canonical(), 16 hex digits
  const Schema& schema() const;
  const std::vector<Axis>& axes() const;  // in the order of the schema: [model], [task], [train]; seed last
  // The axes along which a key's value changes: none for a fixed setting, its own axis, or what its expression or
  // default follows ("N" given as "kappa" changes along kappa).
  std::vector<std::size_t> varies_with(std::string_view key) const;
  // The text of the expression that gives a key as a single expression, in [axes] or in its section; "" if none does.
  std::string expression(std::string_view key) const;
  const std::vector<int>& eval_T() const;
  const std::vector<std::string>& tasks() const;  // in use
  const Search& search() const;

  std::uint64_t size() const;
  CellSpec cell(std::uint64_t index) const;
  std::vector<std::size_t> coordinates(std::uint64_t index) const;  // one per axis
  std::uint64_t index(const std::vector<std::size_t>& coordinates) const;
  std::string label(std::uint64_t index) const;                      // "variant=mamba d=8 kappa=4 seed=0"
  std::optional<std::string> infeasible(std::uint64_t index) const;  // the reason

  // An index ("137") or "variant=mamba,d=13,seed=7" (every axis with more than one value must be named). Throws
  // SweepError.
  std::uint64_t find(const std::string& cell) const;

  // Calls f(index, settings, seed) for every cell in order, reusing one Settings; fast enough for millions of cells.
  void visit(const std::function<void(std::uint64_t, const Settings&, std::int64_t seed)>& f) const;

  // The same for groups of cells that differ in the seed only: cells first .. first + seeds - 1, and why they are
  // infeasible ("" if they are not).
  void visit_groups(
      const std::function<void(std::uint64_t first, const Settings&, const std::string& reason)>& f) const;

  struct Data;  // defined in grid.cpp
 private:
  static Grid make(std::string text, std::string file, std::shared_ptr<const Schema> schema, bool between);
  std::shared_ptr<const Data> data_;
};

}  // namespace phasegrid::sweeps
