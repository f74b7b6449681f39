#include "results/netcdf.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>

#include <hdf5.h>
#include <hdf5_hl.h>

namespace phasegrid::results {
namespace {

// Below this many elements a variable is stored plainly; above it in deflated chunks of at most kChunk elements.
constexpr std::size_t kSmall = 4096, kChunk = 1 << 17;
// With the shuffle filter; 13 % smaller than level 1 for 8 % more time (100 000 cells with curves).
constexpr unsigned kDeflate = 4;

constexpr unsigned kOrdered = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;  // readers list names as they were written

void write_attribute(hid_t owner, const std::string& name, hid_t type, const void* data, hsize_t count) {
  const Handle space{count == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr), H5Sclose,
                     "make a space"};
  const Handle attribute{H5Acreate2(owner, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose,
                         "make the attribute " + name};
  check(H5Awrite(attribute.get(), type, data), "write the attribute " + name);
}

void write_attributes(hid_t owner, const Attributes& attributes) {
  for (const auto& [name, value] : attributes) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      const char* pointer = text->c_str();
      write_attribute(owner, name, text_type().get(), &pointer, 0);
    } else if (const auto* real = std::get_if<double>(&value)) {
      write_attribute(owner, name, H5T_NATIVE_DOUBLE, real, 1);
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      write_attribute(owner, name, H5T_NATIVE_INT64, integer, 1);
    } else {
      const auto& flags = std::get<std::vector<std::int8_t>>(value);
      write_attribute(owner, name, H5T_NATIVE_INT8, flags.data(), flags.size());
    }
  }
}

std::int64_t native(const std::vector<double>&) { return H5T_NATIVE_DOUBLE; }
std::int64_t native(const std::vector<std::int64_t>&) { return H5T_NATIVE_INT64; }
std::int64_t native(const std::vector<std::int32_t>&) { return H5T_NATIVE_INT32; }
std::int64_t native(const std::vector<std::int8_t>&) { return H5T_NATIVE_INT8; }

void write_whole(const Handle& dataset, const Array& data, const std::string& name) {
  const auto write = [&](hid_t type, const void* bytes) {
    check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes), "write " + name);
  };
  std::visit(
      [&](const auto& values) {
        if (values.empty()) return;
        if constexpr (std::is_same_v<std::decay_t<decltype(values)>, std::vector<std::string>>) {
          std::vector<const char*> pointers;
          for (const std::string& text : values) pointers.push_back(text.c_str());
          write(text_type().get(), pointers.data());
        } else {
          write(native(values), values.data());
        }
      },
      data);
}

}  // namespace

struct NetcdfGroup::Layout {
  std::vector<std::size_t> dimensions;  // indices into dimensions_
  std::vector<hsize_t> extents, chunk;
  std::size_t elements = 1;
};

// A chunk is contiguous in row-major order: whole inner dimensions, a part of the next, one of each outer.
NetcdfGroup::Layout NetcdfGroup::layout(const std::vector<std::string>& dims) const {
  Layout layout;
  for (const std::string& dim : dims) {
    const auto found = std::ranges::find(dimensions_, dim, &Dimension::name);
    assert(found != dimensions_.end() && "a variable's dimensions are made before it");
    layout.dimensions.push_back(static_cast<std::size_t>(found - dimensions_.begin()));
    layout.extents.push_back(found->size);
    layout.elements *= found->size;
  }
  layout.chunk = layout.extents;
  std::size_t room = kChunk;
  for (std::size_t i = layout.chunk.size(); i-- > 0;) {
    layout.chunk[i] = std::clamp<hsize_t>(layout.extents[i], 1, room);
    room /= layout.chunk[i];
    if (layout.chunk[i] < layout.extents[i]) room = 1;
  }
  return layout;
}

Handle NetcdfGroup::create(const std::string& name, const Layout& layout, std::int64_t type, bool is_double) {
  const Handle list = property_list(H5P_DATASET_CREATE);
  check(H5Pset_attr_creation_order(list.get(), kOrdered), "order attributes");
  if (layout.elements > kSmall) {
    check(H5Pset_chunk(list.get(), static_cast<int>(layout.chunk.size()), layout.chunk.data()),
          "set chunks of " + name);
    check(H5Pset_shuffle(list.get()), "shuffle " + name);
    check(H5Pset_deflate(list.get(), kDeflate), "deflate " + name);
  }
  constexpr double kFill = std::numeric_limits<double>::quiet_NaN();
  if (is_double) check(H5Pset_fill_value(list.get(), H5T_NATIVE_DOUBLE, &kFill), "set the fill value of " + name);
  const Handle space{layout.extents.empty()
                         ? H5Screate(H5S_SCALAR)
                         : H5Screate_simple(static_cast<int>(layout.extents.size()), layout.extents.data(), nullptr),
                     H5Sclose, "make the space of " + name};
  Handle dataset{H5Dcreate2(group_.get(), name.c_str(), type, space.get(), H5P_DEFAULT, list.get(), H5P_DEFAULT),
                 H5Dclose, "make the variable " + name};
  if (is_double) write_attribute(dataset.get(), "_FillValue", H5T_NATIVE_DOUBLE, &kFill, 1);
  return dataset;
}

void NetcdfGroup::finish(const Handle& dataset, const std::string& name, const Layout& layout,
                         const Attributes& attributes) {
  for (std::size_t i = 0; i < layout.dimensions.size(); ++i)
    check(H5DSattach_scale(dataset.get(), dimensions_[layout.dimensions[i]].scale.get(), static_cast<unsigned>(i)),
          "attach a dimension to " + name);
  write_attributes(dataset.get(), attributes);
}

NetcdfGroup NetcdfGroup::group(const std::string& name) {
  const Handle list = property_list(H5P_GROUP_CREATE);
  check(H5Pset_link_creation_order(list.get(), kOrdered), "order names");
  NetcdfGroup child;
  child.group_ = Handle{H5Gcreate2(group_.get(), name.c_str(), H5P_DEFAULT, list.get(), H5P_DEFAULT), H5Gclose,
                        "make the group " + name};
  return child;
}

void NetcdfGroup::remove(const std::string& name) {
  if (H5Lexists(group_.get(), name.c_str(), H5P_DEFAULT) > 0)
    check(H5Ldelete(group_.get(), name.c_str(), H5P_DEFAULT), "remove " + name);
}

void NetcdfGroup::attributes(const Attributes& attributes) { write_attributes(group_.get(), attributes); }

// A scale that is no variable carries netCDF's own mark in its NAME.
void NetcdfGroup::dimension(const std::string& name, std::size_t size) {
  Layout layout;
  layout.extents = {size};
  Handle scale = create(name, layout, H5T_NATIVE_FLOAT, false);
  char mark[96];
  std::snprintf(mark, sizeof mark, "This is a netCDF dimension but not a netCDF variable.%10zu", size);
  check(H5DSset_scale(scale.get(), mark), "make the dimension " + name);
  dimensions_.push_back({name, size, std::move(scale)});
}

void NetcdfGroup::coordinate(const std::string& name, const Array& labels, const Attributes& attributes) {
  const std::size_t size = std::visit([](const auto& values) { return values.size(); }, labels);
  Layout layout;
  layout.extents = {size};
  const bool words = std::holds_alternative<std::vector<std::string>>(labels);
  const Handle text = text_type();
  const hid_t type = words ? text.get()
                           : std::visit(
                                 [](const auto& values) -> hid_t {
                                   if constexpr (requires { native(values); }) return native(values);
                                   else return H5I_INVALID_HID;
                                 },
                                 labels);
  Handle scale = create(name, layout, type, false);
  write_whole(scale, labels, name);
  check(H5DSset_scale(scale.get(), name.c_str()), "make the dimension " + name);
  write_attributes(scale.get(), attributes);
  dimensions_.push_back({name, size, std::move(scale)});
}

void NetcdfGroup::variable(const std::string& name, const std::vector<std::string>& dims, const Array& data,
                           const Attributes& attributes) {
  const Layout shape = layout(dims);
  const Handle text = text_type();
  const hid_t type = std::visit(
      [&](const auto& values) -> hid_t {
        assert(values.size() == shape.elements && "as many values as the dimensions say");
        if constexpr (requires { native(values); }) return native(values);
        else return text.get();
      },
      data);
  const Handle dataset = create(name, shape, type, std::holds_alternative<std::vector<double>>(data));
  write_whole(dataset, data, name);
  finish(dataset, name, shape, attributes);
}

void NetcdfGroup::variable(const std::string& name, const std::vector<std::string>& dims, const Fill& fill,
                           const Attributes& attributes) {
  const Layout shape = layout(dims);
  const Handle dataset = create(name, shape, H5T_NATIVE_DOUBLE, true);
  const Handle file_space{H5Dget_space(dataset.get()), H5Sclose, "open the space of " + name};
  const std::size_t rank = shape.extents.size();
  std::vector<hsize_t> start(rank, 0), count(rank);
  std::vector<double> values;
  for (std::size_t first = 0; first < shape.elements; first += values.size()) {
    std::size_t rest = first;
    for (std::size_t i = rank; i-- > 0; rest /= shape.extents[i]) start[i] = rest % shape.extents[i];
    for (std::size_t i = 0; i < rank; ++i) count[i] = std::min(shape.chunk[i], shape.extents[i] - start[i]);
    values.resize(std::accumulate(count.begin(), count.end(), std::size_t{1}, std::multiplies<>()));
    fill(first, values);
    const hsize_t size = values.size();
    const Handle memory{H5Screate_simple(1, &size, nullptr), H5Sclose, "make a space"};
    check(H5Sselect_hyperslab(file_space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
          "select in " + name);
    check(H5Dwrite(dataset.get(), H5T_NATIVE_DOUBLE, memory.get(), file_space.get(), H5P_DEFAULT, values.data()),
          "write " + name);
  }
  finish(dataset, name, shape, attributes);
}

NetcdfFile::NetcdfFile(const std::filesystem::path& path) : file_(path) {
  root_.group_ = Handle{H5Gopen2(file_.get(), "/", H5P_DEFAULT), H5Gclose, "open the root"};
}

NetcdfFile::NetcdfFile() { root_.group_ = Handle{H5Gopen2(file_.get(), "/", H5P_DEFAULT), H5Gclose, "open the root"}; }

}  // namespace phasegrid::results
