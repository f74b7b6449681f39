#include "results/labelled_group.hpp"

#include <hdf5.h>
#include <hdf5_hl.h>

#include <algorithm>
#include <set>

#include "results/run_folder.hpp"

namespace phasegrid::results {
namespace {

// What netCDF and dimension scales need; written anew with each file.
const std::set<std::string> kMachinery = {"CLASS",      "NAME",          "REFERENCE_LIST",      "DIMENSION_LIST",
                                          "_FillValue", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties"};

std::size_t count_of(const Handle& space) {
  const hssize_t count = H5Sget_simple_extent_npoints(space.get());
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

// `get(type, into)` reads a dataset or an attribute in the given memory type.
template <class Get>
Array read_values(hid_t type, std::size_t count, const Get& get) {
  const auto numbers = [&](auto zero, hid_t memory) -> Array {
    std::vector<decltype(zero)> values(count);
    if (count > 0) get(memory, values.data());
    return values;
  };
  switch (H5Tget_class(type)) {
    case H5T_INTEGER:
      if (H5Tget_size(type) == 1) return numbers(std::int8_t{}, H5T_NATIVE_INT8);
      if (H5Tget_size(type) == 4) return numbers(std::int32_t{}, H5T_NATIVE_INT32);
      return numbers(std::int64_t{}, H5T_NATIVE_INT64);
    case H5T_FLOAT:
      return numbers(double{}, H5T_NATIVE_DOUBLE);
    case H5T_STRING:
      break;
    default:
      throw RunError("HDF5 holds a type that no results file has");
  }
  std::vector<std::string> words(count);
  if (H5Tis_variable_str(type) > 0) {
    std::vector<char*> pointers(count, nullptr);
    if (count > 0) get(text_type().get(), pointers.data());
    for (std::size_t i = 0; i < count; ++i) {
      if (pointers[i]) words[i] = pointers[i];
      H5free_memory(pointers[i]);
    }
    return words;
  }
  const std::size_t width = H5Tget_size(type);
  std::string bytes(width * count, '\0');
  if (count > 0) get(type, bytes.data());
  for (std::size_t i = 0; i < count; ++i) words[i] = bytes.substr(i * width, width).c_str();
  return words;
}

Array read_attribute(hid_t owner, const char* name) {
  const Handle attribute{H5Aopen(owner, name, H5P_DEFAULT), H5Aclose, std::string("open the attribute ") + name};
  const Handle type{H5Aget_type(attribute.get()), H5Tclose, "ask for a type"};
  const Handle space{H5Aget_space(attribute.get()), H5Sclose, "ask for a shape"};
  return read_values(type.get(), count_of(space), [&](hid_t memory, void* into) {
    check(H5Aread(attribute.get(), memory, into), std::string("read the attribute ") + name);
  });
}

Attributes read_attributes(hid_t owner) {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5A_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->push_back(name);
    return 0;
  };
  if (H5Aiterate2(owner, H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, add, &names) < 0) {
    names.clear();
    check(H5Aiterate2(owner, H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "list attributes");
  }
  Attributes attributes;
  for (const std::string& name : names) {
    if (kMachinery.contains(name)) continue;
    const Array values = read_attribute(owner, name.c_str());
    if (const auto* text = std::get_if<std::vector<std::string>>(&values); text && text->size() == 1)
      attributes.push_back({name, (*text)[0]});
    if (const auto* real = std::get_if<std::vector<double>>(&values); real && real->size() == 1)
      attributes.push_back({name, (*real)[0]});
    if (const auto* integer = std::get_if<std::vector<std::int64_t>>(&values); integer && integer->size() == 1)
      attributes.push_back({name, (*integer)[0]});
    if (const auto* flags = std::get_if<std::vector<std::int8_t>>(&values)) attributes.push_back({name, *flags});
  }
  return attributes;
}

std::vector<std::string> names_in(const Handle& group) {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* out) -> herr_t {
    static_cast<std::vector<std::string>*>(out)->push_back(name);
    return 0;
  };
  if (H5Literate(group.get(), H5_INDEX_CRT_ORDER, H5_ITER_INC, nullptr, add, &names) < 0) {
    names.clear();
    check(H5Literate(group.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, add, &names), "list names");
  }
  return names;
}

std::vector<std::string> dims_of(const Handle& dataset, int rank) {
  std::vector<std::string> dims(static_cast<std::size_t>(rank));
  const auto name = [](hid_t, unsigned, hid_t scale, void* out) -> herr_t {
    char text[256] = "";
    H5DSget_scale_name(scale, text, sizeof text);
    *static_cast<std::string*>(out) = text;
    return 1;
  };
  for (int i = 0; i < rank; ++i)
    H5DSiterate_scales(dataset.get(), static_cast<unsigned>(i), nullptr, name, &dims[static_cast<std::size_t>(i)]);
  return dims;
}

LabelledGroup read(const Handle& group) {
  LabelledGroup content;
  content.attributes = read_attributes(group.get());
  for (const std::string& name : names_in(group)) {
    H5O_info_t info;
    if (H5Oget_info_by_name(group.get(), name.c_str(), &info, H5P_DEFAULT) < 0 || info.type != H5O_TYPE_DATASET)
      continue;
    const Handle dataset{H5Dopen2(group.get(), name.c_str(), H5P_DEFAULT), H5Dclose, "open " + name};
    const Handle type{H5Dget_type(dataset.get()), H5Tclose, "ask for a type"};
    const Handle space{H5Dget_space(dataset.get()), H5Sclose, "ask for a shape"};
    Array values = read_values(type.get(), count_of(space), [&](hid_t memory, void* into) {
      check(H5Dread(dataset.get(), memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, into), "read " + name);
    });
    Attributes attributes = read_attributes(dataset.get());
    if (H5DSis_scale(dataset.get()) > 0) content.dimensions.push_back({name, std::move(values), std::move(attributes)});
    else
      content.variables.push_back(
          {name, dims_of(dataset, H5Sget_simple_extent_ndims(space.get())), std::move(values), std::move(attributes)});
  }
  return content;
}

}  // namespace

void write_group(NetcdfGroup group, const LabelledGroup& content) {
  group.attributes(content.attributes);
  for (const auto& [name, labels, attributes] : content.dimensions) group.coordinate(name, labels, attributes);
  for (const auto& [name, dims, values, attributes] : content.variables) group.variable(name, dims, values, attributes);
}

std::optional<LabelledGroup> read_group(const std::filesystem::path& file, const std::string& group) {
  try {
    if (!std::filesystem::exists(file)) return {};
    const Handle opened = open_for_reading(file);
    if (H5Lexists(opened.get(), group.c_str(), H5P_DEFAULT) <= 0) return {};
    return read(Handle{H5Gopen2(opened.get(), group.c_str(), H5P_DEFAULT), H5Gclose, "open " + group});
  } catch (const RunError&) { return {}; }
}

void replace_group(const std::filesystem::path& file, const std::string& group, const LabelledGroup& content) {
  NetcdfFile copy(file);
  copy.root().remove(group);
  write_group(copy.root().group(group), content);
  copy.save(file);
}

RunState read_results_file(const std::filesystem::path& path) {
  RunState state;
  {
    const Handle file = open_for_reading(path);
    for (const auto& [name, into] : {std::pair("sweep", &state.sweep_text),
                                     {"sweep_hash", &state.sweep_hash},
                                     {"sweep_file", &state.sweep_file},
                                     {"started_utc", &state.provenance.started_utc}}) {
      if (H5Aexists(file.get(), name) <= 0) continue;
      const Array value = read_attribute(file.get(), name);
      if (const auto* text = std::get_if<std::vector<std::string>>(&value); text && text->size() == 1)
        *into = (*text)[0];
    }
  }
  const auto trials = read_group(path, "trials");
  if (state.sweep_text.empty() || !trials)
    throw RunError(path.string() + ": is no results file: expected the attribute `sweep` and the group /trials");
  const auto reals = [&](const std::string& name) {
    const auto found = std::ranges::find(trials->variables, name, &LabelledGroup::Variable::name);
    const auto* values = found == trials->variables.end() ? nullptr : std::get_if<std::vector<double>>(&found->values);
    return values ? *values : std::vector<double>();
  };
  const std::vector<double> accuracy = reals("accuracy"), validation = reals("accuracy_validation");
  const auto dimension = std::ranges::find(trials->dimensions, "trial", &LabelledGroup::Dimension::name);
  const auto status = std::ranges::find(trials->variables, "status", &LabelledGroup::Variable::name);
  const auto* cells =
      dimension == trials->dimensions.end() ? nullptr : std::get_if<std::vector<std::int64_t>>(&dimension->labels);
  const auto* words =
      status == trials->variables.end() ? nullptr : std::get_if<std::vector<std::int8_t>>(&status->values);
  if (!cells || !words || accuracy.size() != cells->size() || words->size() != cells->size())
    throw RunError(path.string() + ": /trials lacks trial, status or accuracy");
  for (std::size_t i = 0; i < cells->size(); ++i) {
    sweeps::CellResult result;
    result.index = static_cast<std::uint64_t>((*cells)[i]);
    result.status = static_cast<sweeps::Status>((*words)[i]);
    result.accuracy = accuracy[i];
    if (i < validation.size()) result.accuracy_validation = validation[i];
    state.results.emplace(result.index, std::move(result));
  }
  return state;
}

}  // namespace phasegrid::results
