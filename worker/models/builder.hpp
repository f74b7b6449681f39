// What a layer is built with: the tape it records on, the parameters it declares, and the maps of its batch.
#pragma once
#include <cmath>
#include <string>

#include "worker/layout.hpp"
#include "worker/models/parameters.hpp"
#include "worker/models/settings.hpp"
#include "worker/models/taps.hpp"
#include "worker/tape.hpp"

namespace phasegrid::worker {

// Starting values.
inline auto constant(double value) { return [value](kernels::Random&, int, int) { return value; }; }
inline auto uniform(double bound) { return [bound](kernels::Random& r, int, int) { return r.uniform(-bound, bound); }; }
inline auto normal(double deviation) { return [deviation](kernels::Random& r, int, int) { return deviation * r.normal(); }; }

template <class Real>
class Builder {
 public:
  using Rows = kernels::Rows<Real>;
  using Parameter = kernels::Parameter<Real>;
  using Activation = kernels::Activation;

  const ModelSettings& model;
  Tape<Real>& tape;
  ParameterSet& parameters;
  const Layout& layout;
  Real *values, *grads;         // the flat buffers (models, parameters.size()); null in a dry run
  std::int64_t stride;
  int layer = 0;

  BlockRows own{};              // of the mixer
  Taps<Real>* taps = nullptr;

  std::string prefix() const { return "layers." + std::to_string(layer) + ".mixer."; }

  // Names a table of this layer for diagnostics.
  void tap(const std::string& name, const Rows& rows) {
    if (taps) taps->rows[{layer, name}] = rows;
  }
  void tap(const std::string& name, const Parameter& weight) {
    if (taps) taps->weights[{layer, name}] = weight;
  }

  Parameter parameter(ParameterInfo info) {
    const ParameterInfo& p = parameters.add(std::move(info));
    return {values ? values + p.offset : nullptr, grads ? grads + p.offset : nullptr, stride, p.rows, p.columns, p.width()};
  }

  // The weight (in, out) of a linear layer, kept as rows `offset` .. `offset + out - 1` of a dataset with `total` rows.
  // Starts uniform in +-1/sqrt(in), times `scale`.
  Parameter weight(const std::string& name, int in, int out, const std::string& dataset, int offset = 0, int total = 0, double scale = 1) {
    return parameter({.name = name, .rows = in, .columns = out, .place = {dataset, FilePlace::transposed, offset, total},
                      .start = uniform(scale * model.init_scale / std::sqrt(static_cast<double>(in)))});
  }
  // A vector that weight decay leaves alone.
  Parameter vector(const std::string& name, int n, std::function<double(kernels::Random&, int, int)> start) {
    return parameter({.name = name, .rows = 1, .columns = n, .place = {name, FilePlace::flat}, .start = std::move(start), .decay = 0});
  }

  // y = act(x W + b); `count` and `capacity` are those of x.
  Rows linear(const Rows& x, Parameter W, Parameter b = {}, Activation activation = Activation::identity, bool transposed = false) {
    return record_linear(x, W, b, activation, transposed, transposed ? W.rows : W.columns);
  }
  // The same table, of which no gradient is wanted: data.
  static Rows without_gradient(Rows x) { return x.grads = nullptr, x; }
  // The same bias in every row, whatever x says.
  Rows broadcast(const Rows& like, Parameter b, Activation activation) { return record_linear(like, {}, b, activation, false, b.columns); }

  // u = act(causal convolution of x) over all windows of the layer, or over those that are read. Its weights are columns of the
  // datasets conv1d.weight and conv1d.bias: `total` channels there, of which this is the part that begins at `offset`.
  Rows convolution(const Rows& x, bool read_only = false, const std::string& part = "", int offset = 0, int total = 0) {
    const auto& maps = layout.maps(layer);
    kernels::Conv<Real> op{.models = 0, .taps = model.taps(), .x = x, .w = {}, .b = {}, .window = {read_only ? maps.output_window.data() : maps.window.data()},
                           .activation = model.activation, .u = {}, .derivative = {}};
    if (model.conv > 0) {
      const std::string dataset = prefix() + "conv1d", name = dataset + (part.empty() ? "" : "." + part);
      const auto start = uniform(1 / std::sqrt(static_cast<double>(model.conv)));
      op.w = parameter({.name = name + ".weight", .rows = model.conv, .columns = x.columns, .place = {dataset + ".weight", FilePlace::taps, offset, total}, .start = start});
      op.b = parameter({.name = name + ".bias", .rows = 1, .columns = x.columns, .place = {dataset + ".bias", FilePlace::flat, offset, total}, .start = start, .decay = 0});
    }
    op.u = read_only ? tape.rows(layout.outputs(layer), layout.shape().outputs(layer), x.columns) : tape.rows(layout.windows(layer), layout.shape().positions(), x.columns);
    if (model.activation != Activation::identity) op.derivative = tape.kept(op.u);
    tape.record(&kernels::Operations<Real>::conv, op);
    return op.u;
  }

  Rows gather(const Rows& x, kernels::Index index, kernels::Count count, std::int64_t capacity, Rows base = {}) {
    Rows y = tape.rows(count, capacity, x.columns);
    tape.record(&kernels::Operations<Real>::gather, kernels::Gather<Real>{.models = 0, .x = x, .index = index, .base = base, .y = y});
    return y;
  }

 private:
  Rows record_linear(const Rows& x, Parameter W, Parameter b, Activation activation, bool transposed, int out) {
    Rows y = tape.rows(x.count, x.stride / x.width, out);
    kernels::Linear<Real> op{.models = 0, .x = x, .W = W, .b = b, .transposed = transposed, .activation = activation, .y = y};
    if (activation != Activation::identity) op.derivative = tape.kept(y);
    op.scratch = tape.scratch(kernels::linear_scratch<Real>(x.columns, out));
    tape.record(&kernels::Operations<Real>::linear, op);
    return y;
  }
};

// What the block hands to its mixer, and what it wants back: y at the layer's outputs.
template <class Real>
struct MixerInput {
  kernels::Rows<Real> e;   // block input, normed (input rows, d)
  kernels::Rows<Real> u;   // after convolution and activation (windows, D)
};

}  // namespace phasegrid::worker
