// The whole network of docs/theory.md, 1.1, for a pack of models: embedding, layers, head, loss. Of a real-valued task: a projection of its
// numbers instead of the embedding, as many outputs as it asks for instead of logits, squared error instead of cross-entropy.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "worker/device/batches.hpp"
#include "worker/layout.hpp"
#include "worker/models/parameters.hpp"
#include "worker/models/settings.hpp"
#include "worker/models/taps.hpp"
#include "worker/tape.hpp"

namespace phasegrid::worker {

// The parameters of such a model: their places, names and starts. positions_table: rows of the position table, at least T.
ParameterSet describe_parameters(const ModelSettings& model, int positions_table = 0);

// The first operation of such a model that a device's table lacks; "": it runs there.
std::string lacking_operation(const ModelSettings& model, const kernels::Operations<float>& table);

// The batches of such a model: at most so many sequences of T positions with so many scored; positions_table as above.
LayoutShape layout_shape(const ModelSettings& model, int sequences, int T, int most_scored, int positions_table);

template <class Real>
class Network {
 public:
  // `values` and `grads` are flat buffers (models, describe_parameters(model).size()) in the device's memory that outlive the network. Without `grads` it only
  // evaluates. Throws std::bad_alloc.
  Network(const ModelSettings& model, const LayoutShape& shape, int models, std::string_view device_kind, Real* values, Real* grads);

  void set(int m, const tasks::Batch& batch) { set(m, batch, desks_.front().layout); }
  // The same for several models, whose batches `draw` makes: by the current pool, each model by one thread, if `together`.
  void set_all(std::span<const int> models, const std::function<void(int m, tasks::Batch& batch)>& draw, bool together);
  // From now on the device draws the batches and lays them out: instead of set() and upload(), batches()->make(). False, and all is as it was,
  // where it cannot. Throws std::bad_alloc.
  bool draw_there(std::span<const tasks::Task* const> tasks);
  DeviceBatches* batches() { return batches_.get(); }   // null: the host sets them
  void forward() { tape_.forward(); }                 // upload() and compute(); then loss() and right() may be asked for
  void upload() { tape_.upload(); }
  void compute() { tape_.compute(); }
  void backward() { tape_.backward(); }               // adds to grads

  void profile(Profile* into) { tape_.profile(into); }
  std::vector<typename Tape<Real>::Recorded> recorded() { return tape_.recorded(); }

  double loss(int m) const { return tape_.wait(), loss_[m]; }   // training: mean over the batch's scored positions; evaluating: their sum
  std::int64_t right(int m) const { return tape_.wait(), right_[m]; }   // of a real-valued task: 0
  std::int64_t scored(int m) const { return layout_.scored(m); }
  // The same numbers, one a model, where the device leaves them; of a real-valued task nothing is right: null.
  const double* losses_there() const { return tape_.place_of(loss_.data()); }
  const std::int64_t* right_there() const { return real_valued_ ? nullptr : tape_.place_of(right_.data()); }
  const kernels::Rows<Real>& logits() const { return logits_; }  // (scored, vocab or outputs), after forward()
  std::size_t bytes() const { return tape_.bytes(); }

  const Layout& layout() const { return layout_; }
  // As worker/models/taps.hpp names them; null: the layer has none of that name.
  const kernels::Rows<Real>* tapped(int layer, const std::string& name) const;
  const kernels::Parameter<Real>* tapped_weight(int layer, const std::string& name) const;

 private:
  struct Desk {
    Layout::Desk layout;
    tasks::Batch batch;
  };
  void set(int m, const tasks::Batch& batch, Layout::Desk& desk);
  void draw_noise(int m, const tasks::Batch& batch, const Layout::Desk& desk);

  Layout layout_;
  std::vector<Desk> desks_{1};                        // one for each thread
  int d_;
  bool real_valued_;
  std::vector<std::vector<float>> noise_;             // [model] (rows of layer 1, d); empty: none
  std::vector<const float*> noise_pointers_;
  Tape<Real> tape_;
  std::unique_ptr<DeviceBatches> batches_;
  Taps<Real> taps_;
  ParameterSet parameters_;
  std::vector<double> loss_;
  std::vector<std::int64_t> right_;
  kernels::Rows<Real> logits_;
};

}  // namespace phasegrid::worker
