#include "worker/models/constructions/weights.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "tasks/task.hpp"

namespace phasegrid::worker {

Weights::Weights(const ParameterSet& parameters, double* flat) : parameters_(parameters), flat_(flat) {
  for (const ParameterInfo& p : parameters.all()) places_[p.name] = &p;
}

void Weights::clear() {
  parameters_.initialise(flat_, 0);
  for (const ParameterInfo& p : parameters_.all())
    if (p.rate != 0) std::fill_n(flat_ + p.offset, static_cast<std::int64_t>(p.rows) * p.width(), 0.0);
}

const ParameterInfo* Weights::find(const std::string& name) const {
  for (const std::string& full : {name, "layers.0.mixer." + name})
    if (const auto place = places_.find(full); place != places_.end()) return place->second;
  return nullptr;
}

double& Weights::operator()(const std::string& name, int row, int column) {
  const ParameterInfo* p = find(name);
  assert(p && "the model has this parameter");
  assert(row >= 0 && row < p->rows && column >= 0 && column < p->columns && "inside the parameter");
  return flat_[p->offset + static_cast<std::int64_t>(row) * p->width() + column];
}

void Weights::fill(const std::string& name, double value) {
  const ParameterInfo* p = find(name);
  assert(p && "the model has this parameter");
  for (int r = 0; r < p->rows; ++r)
    for (int c = 0; c < p->columns; ++c) (*this)(name, r, c) = value;
}

int Weights::rows(const std::string& name) const { return find(name)->rows; }

void add_noise(const ParameterSet& parameters, double s, std::uint64_t key, double* flat) {
  if (s == 0) return;
  for (const ParameterInfo& p : parameters.all()) {
    if (p.rate == 0) continue;
    const auto at = [&](int r, int c) -> double& {
      return flat[p.offset + static_cast<std::int64_t>(r) * p.width() + c];
    };
    std::vector<double> size(static_cast<std::size_t>(p.columns));
    double smallest = 0;
    for (int c = 0; c < p.columns; ++c) {
      double sum = 0;
      for (int r = 0; r < p.rows; ++r) sum += at(r, c) * at(r, c);
      size[c] = std::sqrt(sum / p.rows);
      if (size[c] > 0) smallest = smallest > 0 ? std::min(smallest, size[c]) : size[c];
    }
    kernels::Random random(key, static_cast<std::uint32_t>(tasks::Stream::noise), kernels::hash_text(p.name));
    for (int r = 0; r < p.rows; ++r)
      for (int c = 0; c < p.columns; ++c) at(r, c) += s * (size[c] > 0 ? size[c] : smallest) * random.normal();
  }
}

}  // namespace phasegrid::worker
