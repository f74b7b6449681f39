// Writes HDF5 files as netCDF-4 readers expect them: every dimension is a dimension scale, named after it, to which the
// variables over that dimension are attached. xarray opens them with engine="h5netcdf" and engine="netcdf4".
//
// The file is built in memory and written by save() in one go beside the target, then renamed over it: a reader sees
// the old file or the new one, and a full disk leaves the old one.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "results/hdf5_file.hpp"

namespace phasegrid::results {

using Array = std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::int32_t>,
                           std::vector<std::int8_t>, std::vector<std::string>>;
using Attributes =
    std::vector<std::pair<std::string, std::variant<std::string, double, std::int64_t, std::vector<std::int8_t>>>>;

class NetcdfGroup {
 public:
  NetcdfGroup group(const std::string& name);
  void remove(const std::string& name);  // if it is there
  void attributes(const Attributes& attributes);

  void dimension(const std::string& name, std::size_t size);  // without labels
  void coordinate(const std::string& name, const Array& labels,
                  const Attributes& attributes);  // a dimension with labels
  // Row-major over dimensions of this group; no dimensions: a scalar. Doubles get _FillValue = NaN.
  void variable(const std::string& name, const std::vector<std::string>& dims, const Array& data,
                const Attributes& attributes);
  // The same for arrays too large to hold: fill(first, out) sets the elements from `first` on, called in row-major
  // order.
  using Fill = std::function<void(std::size_t first, std::span<double> out)>;
  void variable(const std::string& name, const std::vector<std::string>& dims, const Fill& fill,
                const Attributes& attributes);

 private:
  friend class NetcdfFile;
  struct Dimension {
    std::string name;
    std::size_t size;
    Handle scale;
  };
  struct Layout;  // extents and chunks of one variable
  Layout layout(const std::vector<std::string>& dims) const;
  Handle create(const std::string& name, const Layout& layout, std::int64_t type, bool is_double);
  void finish(const Handle& dataset, const std::string& name, const Layout& layout, const Attributes& attributes);
  Handle group_;
  std::vector<Dimension> dimensions_;
};

class NetcdfFile {
 public:
  NetcdfFile();
  explicit NetcdfFile(const std::filesystem::path& path);  // a copy to which groups can be added
  NetcdfGroup& root() { return root_; }
  void save(const std::filesystem::path& path) const { file_.save(path); }

 private:
  MemoryFile file_;
  NetcdfGroup root_;
};

}  // namespace phasegrid::results
