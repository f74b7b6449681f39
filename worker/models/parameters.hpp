// The parameters of a model: where each lies in the flat buffer, how it starts, how it is trained, and what it is called in a
// weights file.
//
// Inside, matrices are (in, out) with channels padded to kPad, so that loops run over channels. Files have the shapes of the
// public PyTorch modules (docs/design.md, 4.4): a dataset there may hold several of ours as blocks of rows.
#pragma once
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "kernels/optimiser/optimiser.hpp"
#include "kernels/random.hpp"
#include "kernels/rows.hpp"
#include "sweeps/cell.hpp"

namespace phasegrid::worker {

// Where a parameter stands in a weights file.
struct FilePlace {
  enum Form {
    same,         // file (rows, columns)
    transposed,   // file (columns, rows): a linear layer's weight (out, in)
    flat,         // file (columns): biases and other vectors
    taps          // file (columns, 1, rows) with rows reversed: conv1d.weight
  };
  std::string dataset;
  Form form = same;
  int offset = 0;   // our first row in the file
  int total = 0;    // the file's first extent
  double absent = std::numeric_limits<double>::quiet_NaN();   // every entry's value where a file has no such dataset; NaN: it must have it
};

struct ParameterInfo {
  std::string name;                                                // unique: "layers.0.mixer.x_proj.B"
  int rows = 0, columns = 0;
  FilePlace place;
  std::function<double(kernels::Random&, int row, int column)> start;  // called row by row
  double rate = 1, decay = 1;                                      // factors; rate 0: never trained
  int trained_rows = -1;                                           // only the first ones; -1: all
  int unused = 0;                                                  // entries that the model does not read
  std::int64_t offset = 0;                                         // in the flat buffer
  int width() const { return kernels::padded(columns); }
};

class ParameterSet {
 public:
  const ParameterInfo& add(ParameterInfo info);                    // the same name again returns what is there
  const std::vector<ParameterInfo>& all() const { return infos_; }
  std::int64_t size() const { return size_; }                      // numbers in the flat buffer, padding included
  std::int64_t trainable() const;                                  // numbers that training changes
  std::vector<kernels::Segment> segments() const;

  // Fills a flat buffer. Each parameter has a stream of its own, so that a new one changes no other.
  template <class Real>
  void initialise(Real* flat, std::uint64_t key) const;

  // Conversion to and from the arrays of a weights file. import throws sweeps::SweepError: a missing or misshapen dataset.
  template <class Real>
  std::vector<sweeps::LabelledArray> to_arrays(const Real* flat) const;
  template <class Real>
  void from_arrays(const std::vector<sweeps::LabelledArray>& arrays, Real* flat) const;

 private:
  std::vector<ParameterInfo> infos_;
  std::int64_t size_ = 0;
};

}  // namespace phasegrid::worker
