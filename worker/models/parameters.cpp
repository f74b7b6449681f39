#include "worker/models/parameters.hpp"

#include <algorithm>
#include <cmath>

#include "sweeps/error.hpp"
#include "tasks/task.hpp"

namespace phasegrid::worker {

using kernels::Segment;
using sweeps::LabelledArray;

const ParameterInfo& ParameterSet::add(ParameterInfo info) {
  for (const ParameterInfo& known : infos_)
    if (known.name == info.name) return known;
  info.offset = size_;
  size_ += static_cast<std::int64_t>(info.rows) * info.width();
  return infos_.emplace_back(std::move(info));
}

std::int64_t ParameterSet::trainable() const {
  std::int64_t n = 0;
  for (const ParameterInfo& p : infos_)
    if (p.rate != 0) n += static_cast<std::int64_t>(p.trained_rows < 0 ? p.rows : p.trained_rows) * p.columns - p.unused;
  return n;
}

std::vector<Segment> ParameterSet::segments() const {
  std::vector<Segment> segments;
  for (const ParameterInfo& p : infos_) {
    const std::int64_t length = static_cast<std::int64_t>(p.trained_rows < 0 ? p.rows : p.trained_rows) * p.width();
    if (p.rate != 0 && length > 0) segments.push_back({p.offset, length, p.rate, p.decay});
  }
  return segments;
}

template <class Real>
void ParameterSet::initialise(Real* flat, std::uint64_t key) const {
  for (const ParameterInfo& p : infos_) {
    kernels::Random random(key, static_cast<std::uint32_t>(tasks::Stream::initial), kernels::hash_text(p.name));
    for (int r = 0; r < p.rows; ++r)
      for (int c = 0; c < p.columns; ++c)
        flat[p.offset + static_cast<std::int64_t>(r) * p.width() + c] = static_cast<Real>(p.start ? p.start(random, r, c) : 0.0);
  }
}

namespace {

// The extents of the dataset a parameter belongs to.
std::vector<std::size_t> file_shape(const ParameterInfo& p) {
  const auto total = static_cast<std::size_t>(p.place.total), rows = static_cast<std::size_t>(p.rows), columns = static_cast<std::size_t>(p.columns);
  switch (p.place.form) {
    case FilePlace::same: return {total ? total : rows, columns};
    case FilePlace::transposed: return {total ? total : columns, rows};
    case FilePlace::flat: return {total ? total : columns};
    case FilePlace::taps: return {total ? total : columns, 1, rows};
  }
  return {};
}

// The place of element (r, c) in the dataset.
std::size_t file_index(const ParameterInfo& p, int r, int c) {
  const std::size_t rows = static_cast<std::size_t>(p.rows), columns = static_cast<std::size_t>(p.columns), offset = static_cast<std::size_t>(p.place.offset);
  switch (p.place.form) {
    case FilePlace::same: return (offset + r) * columns + c;
    case FilePlace::transposed: return (offset + c) * rows + r;
    case FilePlace::flat: return offset + c;
    case FilePlace::taps: return (offset + c) * rows + (rows - 1 - r);
  }
  return 0;
}

std::string to_text(const std::vector<std::size_t>& shape) {
  std::string text;
  for (const std::size_t n : shape) text += (text.empty() ? "[" : ", ") + std::to_string(n);
  return text + "]";
}

std::size_t volume(const std::vector<std::size_t>& shape) {
  std::size_t n = 1;
  for (const std::size_t extent : shape) n *= extent;
  return n;
}

template <class Arrays>
auto find(Arrays& arrays, const std::string& name) {
  return std::find_if(arrays.begin(), arrays.end(), [&](const LabelledArray& a) { return a.name == name; });
}

}  // namespace

template <class Real>
std::vector<LabelledArray> ParameterSet::to_arrays(const Real* flat) const {
  std::vector<LabelledArray> arrays;
  for (const ParameterInfo& p : infos_) {
    auto array = find(arrays, p.place.dataset);
    if (array == arrays.end()) {
      const std::vector<std::size_t> shape = file_shape(p);
      array = arrays.insert(arrays.end(), {p.place.dataset, {}, shape, std::vector<double>(volume(shape))});
    }
    for (int r = 0; r < p.rows; ++r)
      for (int c = 0; c < p.columns; ++c) array->data[file_index(p, r, c)] = static_cast<double>(flat[p.offset + static_cast<std::int64_t>(r) * p.width() + c]);
  }
  return arrays;
}

template <class Real>
void ParameterSet::from_arrays(const std::vector<LabelledArray>& arrays, Real* flat) const {
  for (const ParameterInfo& p : infos_) {
    const auto array = find(arrays, p.place.dataset);
    const std::vector<std::size_t> shape = file_shape(p);
    if (array == arrays.end() && !std::isnan(p.place.absent)) {
      for (int r = 0; r < p.rows; ++r)
        for (int c = 0; c < p.columns; ++c) flat[p.offset + static_cast<std::int64_t>(r) * p.width() + c] = static_cast<Real>(p.place.absent);
      continue;
    }
    if (array == arrays.end()) throw sweeps::SweepError(p.place.dataset + ": missing, expected a dataset of shape " + to_text(shape));
    if (array->shape != shape) throw sweeps::SweepError(p.place.dataset + ": has shape " + to_text(array->shape) + ", the model expects " + to_text(shape));
    for (int r = 0; r < p.rows; ++r)
      for (int c = 0; c < p.columns; ++c) flat[p.offset + static_cast<std::int64_t>(r) * p.width() + c] = static_cast<Real>(array->data[file_index(p, r, c)]);
  }
  for (const LabelledArray& array : arrays)
    if (std::none_of(infos_.begin(), infos_.end(), [&](const ParameterInfo& p) { return p.place.dataset == array.name; }))
      throw sweeps::SweepError(array.name + ": the model has no such parameter");
}

template void ParameterSet::initialise(float*, std::uint64_t) const;
template void ParameterSet::initialise(double*, std::uint64_t) const;
template std::vector<LabelledArray> ParameterSet::to_arrays(const float*) const;
template std::vector<LabelledArray> ParameterSet::to_arrays(const double*) const;
template void ParameterSet::from_arrays(const std::vector<LabelledArray>&, float*) const;
template void ParameterSet::from_arrays(const std::vector<LabelledArray>&, double*) const;

}  // namespace phasegrid::worker
