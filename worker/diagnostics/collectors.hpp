// What is gathered over examples, one struct for each key of [diagnostics], and how it becomes labelled arrays.
#pragma once
#include <string>
#include <vector>

#include "sweeps/cell.hpp"
#include "worker/diagnostics/decay.hpp"
#include "worker/diagnostics/recurrence.hpp"
#include "worker/diagnostics/watched.hpp"

namespace phasegrid::worker {

using Arrays = std::vector<sweeps::LabelledArray>;

// One sequence, and what the task says about it.
struct Example {
  int index = 0;
  std::vector<int> role;                   // of each position, a number of `roles`
  std::vector<int> query;                  // scored positions; empty where the mixer sees another order
  std::vector<std::int32_t> token, label;  // at them; empty where the task has none
};

class DecayCollector {
 public:
  DecayCollector(const Watched& network, int roles, bool by_channel);
  void add(int layer, const Recurrence& r, const Example& example);
  void write(const std::vector<std::string>& roles, Arrays& arrays) const;

 private:
  int roles_, channels_;
  bool by_channel_;
  std::vector<std::vector<double>> out_norm_;  // [layer][channel]
  std::vector<DecayHistograms> layers_;
};

// Means over the examples.
class ReachCollector {
 public:
  explicit ReachCollector(const ModelSettings& model);
  void add(int layer, const Recurrence& r);
  void write_sensitivity(Arrays& arrays) const;
  void write_influence(Arrays& arrays) const;

 private:
  Table<double> state_, share_;  // (layers, T), sums
  int examples_ = 0;
};

class GradientCollector {
 public:
  GradientCollector(const ModelSettings& model, int examples);
  void add(int layer, const Recurrence& r, const Table<double>& output, const Example& example);
  void write(Arrays& arrays) const;

 private:
  std::vector<double> weight_, bias_, twin_;  // [layer], sums of norms
  std::vector<Table<double>> last_;           // [layer] (examples, D)
};

class NormCollector {
 public:
  explicit NormCollector(const ModelSettings& model);
  void add(const Watched& network);
  void write(Arrays& arrays) const;

 private:
  Table<double> sums_;  // (layers + 1, T)
  int examples_ = 0;
};
// |e_t| of each position, at a depth.
std::vector<double> token_norms(const Watched& network, int depth);
void write_eigenvalues(const std::vector<Recurrence>& layers, Arrays& arrays);

class StateCollector {
 public:
  StateCollector(const ModelSettings& model, int examples, int most_queries);
  static constexpr int kMostExamples = 4;
  void add(int layer, const Recurrence& r, const Example& example);
  void write(Arrays& arrays) const;

 private:
  int layers_, examples_, queries_, D_, N_ = 0;
  bool complex_ = false, reads_ = false, tokens_ = false;
  std::vector<double> real_, imaginary_, read_, column_, query_position_, query_token_, query_label_;
};

}  // namespace phasegrid::worker
