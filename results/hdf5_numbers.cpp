#include "results/hdf5_numbers.hpp"

#include <hdf5.h>

#include <algorithm>

#include "results/run_folder.hpp"
#include "sweeps/error.hpp"

namespace phasegrid::results {

using sweeps::SweepError;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& name, const std::string& what) {
  throw SweepError(path.string() + ": " + (name.empty() ? "" : name + ": ") + what);
}

Handle open_file(const std::filesystem::path& path) {
  try {
    return open_for_reading(path);
  } catch (const RunError& error) {
    throw SweepError(error.what());
  }
}

std::vector<std::string> names_of(const Handle& file) {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->push_back(name);
    return 0;
  };
  check(H5Literate(file.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "list the names in the file");
  return names;
}

namespace {

template <class Number>
std::vector<Number> read_rows(const Handle& dataset, const std::vector<std::size_t>& shape, std::size_t row, std::size_t rows, hid_t type,
                              const std::string& name) {
  std::vector<hsize_t> start(shape.size(), 0), count(shape.begin(), shape.end());
  start[0] = row, count[0] = rows;
  std::size_t size = 1;
  for (const hsize_t extent : count) size *= extent;
  std::vector<Number> values(size);
  if (size == 0) return values;
  const Handle file_space{H5Dget_space(dataset.get()), H5Sclose, "ask for the shape of " + name};
  check(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), "select rows of " + name);
  const Handle memory{H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose, "make a shape"};
  check(H5Dread(dataset.get(), type, memory.get(), file_space.get(), H5P_DEFAULT, values.data()), "read " + name);
  return values;
}

}  // namespace

Numbers::Numbers(const std::filesystem::path& path, const Handle& file, const std::string& name) : name_(name) {
  H5O_info_t info;
  if (H5Oget_info_by_name(file.get(), name.c_str(), &info, H5P_DEFAULT) < 0 || info.type != H5O_TYPE_DATASET)
    refuse(path, name, "is a group, expected datasets in the root of the file");
  dataset_ = Handle{H5Dopen2(file.get(), name.c_str(), H5P_DEFAULT), H5Dclose, "open " + name};
  const Handle type{H5Dget_type(dataset_.get()), H5Tclose, "ask for the type of " + name};
  const H5T_class_t kind = H5Tget_class(type.get());
  integers_ = kind == H5T_INTEGER;
  if (!integers_ && kind != H5T_FLOAT) refuse(path, name, "does not hold numbers");
  const Handle space{H5Dget_space(dataset_.get()), H5Sclose, "ask for the shape of " + name};
  std::vector<hsize_t> extents(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space.get()))));
  if (!extents.empty()) H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr);
  shape_.assign(extents.begin(), extents.end());
  for (const std::size_t extent : shape_) size_ *= extent;
}

std::vector<double> Numbers::reals() const {
  std::vector<double> values(size_);
  if (size_ > 0) check(H5Dread(dataset_.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "read " + name_);
  return values;
}

std::vector<std::int64_t> Numbers::wide(std::size_t row, std::size_t rows) const {
  return read_rows<std::int64_t>(dataset_, shape_, row, rows, H5T_NATIVE_INT64, name_);
}

std::vector<float> Numbers::narrow(std::size_t row, std::size_t rows) const {
  return read_rows<float>(dataset_, shape_, row, rows, H5T_NATIVE_FLOAT, name_);
}

}  // namespace phasegrid::results
