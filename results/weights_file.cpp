#include "results/weights_file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <set>

#include "results/hdf5_file.hpp"
#include "results/run_folder.hpp"
#include "sweeps/error.hpp"

namespace phasegrid::results {
namespace {

using sweeps::LabelledArray;
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

// A dataset of numbers: its shape, then its values as doubles or 64-bit integers.
class Numbers {
 public:
  Numbers(const std::filesystem::path& path, const Handle& file, const std::string& name) : name_(name) {
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

  const std::vector<std::size_t>& shape() const { return shape_; }
  bool integers() const { return integers_; }
  std::vector<double> reals() const { return read<double>(H5T_NATIVE_DOUBLE); }
  std::vector<std::int64_t> wide() const { return read<std::int64_t>(H5T_NATIVE_INT64); }

 private:
  template <class Number>
  std::vector<Number> read(hid_t type) const {
    std::vector<Number> values(size_);
    if (size_ > 0) check(H5Dread(dataset_.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), "read " + name_);
    return values;
  }

  std::string name_;
  Handle dataset_;
  std::vector<std::size_t> shape_;
  std::size_t size_ = 1;
  bool integers_ = false;
};

// h5py writes text with a variable length, other programs with a fixed one.
std::string read_text_attribute(const std::filesystem::path& path, const Handle& file, const char* name,
                                const char* expected) {
  if (H5Aexists(file.get(), name) <= 0)
    refuse(path, name, std::string("the root attribute is missing, expected ") + expected);
  const Handle attribute{H5Aopen(file.get(), name, H5P_DEFAULT), H5Aclose, "open an attribute"};
  const Handle type{H5Aget_type(attribute.get()), H5Tclose, "ask for a type"};
  if (H5Tget_class(type.get()) != H5T_STRING) refuse(path, name, std::string("is not text, expected ") + expected);
  if (H5Tis_variable_str(type.get()) > 0) {
    char* text = nullptr;
    const Handle memory{H5Tget_native_type(type.get(), H5T_DIR_DEFAULT), H5Tclose, "ask for a type"};
    check(H5Aread(attribute.get(), memory.get(), &text), "read an attribute");
    const std::string copy = text ? text : "";
    H5free_memory(text);
    return copy;
  }
  std::string text(H5Tget_size(type.get()), '\0');
  check(H5Aread(attribute.get(), type.get(), text.data()), "read an attribute");
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

void write_array(const MemoryFile& file, const LabelledArray& array, bool as_double) {
  const Handle list = property_list(H5P_LINK_CREATE);
  check(H5Pset_create_intermediate_group(list.get(), 1), "make groups");  // "gradients/embedding.weight"
  const std::vector<hsize_t> extents(array.shape.begin(), array.shape.end());
  const Handle space{extents.empty() ? H5Screate(H5S_SCALAR)
                                     : H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr),
                     H5Sclose, "make the shape of " + array.name};
  const hid_t type = as_double ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
  const Handle dataset{
      H5Dcreate2(file.get(), array.name.c_str(), type, space.get(), list.get(), H5P_DEFAULT, H5P_DEFAULT), H5Dclose,
      "make " + array.name};
  if (!array.data.empty())
    check(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.data.data()),
          "write " + array.name);
}

bool fits_float(const LabelledArray& array) {
  return std::ranges::all_of(array.data,
                             [](double x) { return x != x || static_cast<double>(static_cast<float>(x)) == x; });
}

std::vector<std::int32_t> narrow(const std::filesystem::path& path, const std::string& name,
                                 const std::vector<std::int64_t>& wide) {
  std::vector<std::int32_t> values;
  for (const std::int64_t value : wide) {
    if (value != static_cast<std::int32_t>(value))
      refuse(path, name, "found " + std::to_string(value) + ", expected 32-bit integers");
    values.push_back(static_cast<std::int32_t>(value));
  }
  return values;
}

}  // namespace

WeightsFile read_weights(const std::filesystem::path& path) {
  const Handle file = open_file(path);
  WeightsFile weights;
  weights.model = read_text_attribute(path, file, "model", "the TOML text of [model], with vocab");
  constexpr std::string_view kPrefix = "backbone.";
  std::set<std::string> seen;
  for (const std::string& name : names_of(file)) {
    const Numbers numbers(path, file, name);
    const std::string plain = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
    if (!seen.insert(plain).second) refuse(path, plain, "is there twice, with and without \"backbone.\"");
    weights.arrays.push_back({plain, {}, numbers.shape(), numbers.reals()});
  }
  if (weights.arrays.empty()) refuse(path, "", "holds no weights, expected datasets such as \"embedding.weight\"");
  return weights;
}

// Single precision where that loses nothing.
void write_weights(const std::filesystem::path& path, const WeightsFile& weights) {
  const MemoryFile file;
  const Handle type = text_type(), space{H5Screate(H5S_SCALAR), H5Sclose, "make a space"};
  const Handle attribute{H5Acreate2(file.get(), "model", type.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                         "make an attribute"};
  const char* text = weights.model.c_str();
  check(H5Awrite(attribute.get(), type.get(), &text), "write an attribute");
  for (const LabelledArray& array : weights.arrays) write_array(file, array, !fits_float(array));
  file.save(path);
}

BatchFile read_batch(const std::filesystem::path& path) {
  const Handle file = open_file(path);
  const std::vector<std::string> names = names_of(file);
  BatchFile batch;
  for (const std::string name : {"tokens", "targets"}) {
    if (!std::ranges::count(names, name)) refuse(path, name, "is missing, expected int32 [batch, T]");
    const Numbers numbers(path, file, name);
    if (!numbers.integers() || numbers.shape().size() != 2) refuse(path, name, "expected integers of shape [batch, T]");
    const int rows = static_cast<int>(numbers.shape()[0]), columns = static_cast<int>(numbers.shape()[1]);
    if (rows < 1 || columns < 1) refuse(path, name, "is empty, expected at least one sequence");
    if (name == "targets" && (rows != batch.batch || columns != batch.T))
      refuse(path, name,
             "has the shape [" + std::to_string(rows) + ", " + std::to_string(columns) +
                 "], expected that of tokens, [" + std::to_string(batch.batch) + ", " + std::to_string(batch.T) + "]");
    batch.batch = rows;
    batch.T = columns;
    (name == "tokens" ? batch.tokens : batch.targets) = narrow(path, name, numbers.wide());
  }
  return batch;
}

void write_arrays(const std::filesystem::path& path, const std::vector<LabelledArray>& arrays, bool float64) {
  const MemoryFile file;
  for (const LabelledArray& array : arrays) write_array(file, array, float64);
  file.save(path);
}

}  // namespace phasegrid::results
