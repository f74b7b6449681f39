// A network with given weights, in double, whose inside can be looked at: one sequence at a time, every position of it
// read.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/arena.hpp"
#include "tasks/task.hpp"
#include "worker/diagnostics/table.hpp"
#include "worker/models/network.hpp"

namespace phasegrid::worker {

class Watched {
 public:
  // `values`: a flat buffer, as `parameters` lays it out.
  Watched(const ModelSettings& model, const ParameterSet& parameters, std::span<const double> values,
          std::string_view device_kind);

  void run(const tasks::Batch& batch, int sequence);  // forward

  // What follows is of the sequence that ran last. Layers count from 0.
  Table<double> tokens(int depth) const;  // (T, d): 0 the embedding, then what each block puts out
  // (T, D), in the order of the sequence or, with `reorder`, in that which the mixer sees.
  Table<double> mixer_input(int layer) const;
  Table<double> mixer_output(int layer) const;
  Table<double> logits() const;  // (T, vocab)

  Table<double> tapped(int layer, const std::string& name) const;  // see worker/models/taps.hpp; (T, ..)
  Table<double> tapped_weight(int layer, const std::string& name) const;

  const ModelSettings& model() const { return model_; }
  // (rows, columns) as ParameterInfo has them; empty: none of that name.
  Table<double> parameter(const std::string& name) const;
  Table<double> mixer_parameter(int layer, const std::string& name) const;
  double* weight(const std::string& name, int row, int column);  // to change it: the next run() sees it

 private:
  ModelSettings model_;
  ParameterSet parameters_;
  kernels::Arena arena_;
  double* values_;
  std::unique_ptr<Network<double>> network_;
  tasks::Batch batch_;
};

}  // namespace phasegrid::worker
