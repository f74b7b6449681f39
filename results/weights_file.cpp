#include "results/weights_file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <set>

#include "results/hdf5_numbers.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::results {
namespace {

using sweeps::LabelledArray;

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

void write_arrays(const std::filesystem::path& path, const std::vector<LabelledArray>& arrays, bool float64) {
  const MemoryFile file;
  for (const LabelledArray& array : arrays) write_array(file, array, float64);
  file.save(path);
}

}  // namespace phasegrid::results
