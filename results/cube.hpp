// The grid as a labelled cube: its dimensions, and quantities reduced to the dimensions on which they depend.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "results/netcdf.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::results {

// A quantity over some of the cube's dimensions, row-major in their order.
template <class V>
struct Reduced {
  std::vector<std::size_t> dims;  // indices into Cube::dims()
  std::vector<V> values;
};

class Cube {
 public:
  struct Dim {
    std::string name;
    const sweeps::Axis* axis;
    std::size_t stride;  // in cells
    std::size_t size() const { return axis->size(); }
  };

  explicit Cube(const sweeps::Grid& grid);

  const sweeps::Grid& grid() const { return *grid_; }
  const std::vector<Dim>& dims() const { return dims_; }  // an axis given as one expression is none
  std::size_t cells() const { return cells_; }
  std::size_t coordinate(std::size_t cell, std::size_t dim) const {
    return cell / dims_[dim].stride % dims_[dim].size();
  }
  std::vector<std::string> names() const;
  std::vector<std::string> names(const std::vector<std::size_t>& dims) const;
  // All dimensions but those for which leave_out is true.
  std::vector<std::size_t> dims_without(const std::function<bool(const sweeps::Axis&)>& leave_out) const;
  // The cell at the given place of a smaller cube over `dims`; its other coordinates are 0.
  std::size_t cell_at(std::size_t place, const std::vector<std::size_t>& dims) const;
  std::size_t place_of(std::size_t cell, const std::vector<std::size_t>& dims) const;  // the inverse
  std::size_t size_of(const std::vector<std::size_t>& dims) const;

  // Where a cell's value differs from that of its neighbour along a dimension, the value depends on that dimension.
  // `candidates` are the dimensions that can matter; at(cell) is asked for cells whose other coordinates are 0.
  template <class At>
  auto reduce(const std::vector<std::size_t>& candidates, const At& at) const {
    Reduced<std::decay_t<decltype(at(0))>> reduced;
    const std::size_t points = size_of(candidates);
    for (const std::size_t dim : candidates) {
      bool depends = false;
      for (std::size_t place = 0; place < points && !depends; ++place) {
        const std::size_t cell = cell_at(place, candidates);
        depends = coordinate(cell, dim) > 0 && !(at(cell) == at(cell - dims_[dim].stride));
      }
      if (depends) reduced.dims.push_back(dim);
    }
    const std::size_t size = size_of(reduced.dims);
    for (std::size_t place = 0; place < size; ++place) reduced.values.push_back(at(cell_at(place, reduced.dims)));
    return reduced;
  }

  // Whether the cell is the one that stands for all cells with the same coordinates in `dims`: its other coordinates
  // are 0.
  bool represents(std::size_t cell, const std::vector<std::size_t>& dims) const {
    return cell_at(place_of(cell, dims), dims) == cell;
  }

  // The labels of a dimension: numbers or text; zipped keys are joined ("d=4 N=8").
  Array labels(std::size_t dim) const;
  Attributes label_attributes(std::size_t dim) const;
  void write_dimensions(NetcdfGroup& group) const;

 private:
  const sweeps::Grid* grid_;
  std::vector<Dim> dims_;
  std::size_t cells_;
};

// Values of one key as the narrowest array that holds them all: bool (int8), int64, double or text.
struct Column {
  Array values;
  bool boolean = false;  // int8 with the attribute dtype = "bool", as xarray writes it
};
Column column(const std::vector<sweeps::Value>& values);
std::string plain_text(const sweeps::Value& value);  // a word without quotes

// A key's name in the file: itself, or with its section before it where a measured quantity
// has that name ("train_steps" are to be done, "steps" were done).
std::string coordinate_name(const sweeps::Schema& schema, const std::string& key);

}  // namespace phasegrid::results
