// Weights by name, to be written by hand: a flat buffer in double as worker/models/parameters.hpp lays it out.
#pragma once
#include <string>
#include <unordered_map>

#include "worker/models/parameters.hpp"

namespace phasegrid::worker {

class Weights {
 public:
  Weights(const ParameterSet& parameters, double* flat);
  // Everything becomes zero, but for what is never trained (tables of positions), which takes its fixed values.
  void clear();

  // Names as in ParameterInfo; those of the mixer of the only layer without "layers.0.mixer.". A matrix is (in, out).
  bool has(const std::string& name) const { return find(name) != nullptr; }
  double& operator()(const std::string& name, int row, int column);
  void fill(const std::string& name, double value);
  int rows(const std::string& name) const;

 private:
  const ParameterInfo* find(const std::string& name) const;

  const ParameterSet& parameters_;
  std::unordered_map<std::string, const ParameterInfo*> places_;
  double* flat_;
};

// Adds (E22) normal noise of deviation s times the root mean square of a weight's column, that is of all weights into
// the same unit; a column of zeros counts as the smallest other of its matrix. What is never trained stays.
void add_noise(const ParameterSet& parameters, double s, std::uint64_t key, double* flat);

}  // namespace phasegrid::worker
