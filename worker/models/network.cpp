//   e = Emb[token] (+ positions)
//   per layer:  n = norm(e)    x = W_x n    u = act(conv(x))    y = mixer(n, u)    o = y act(W_z n)    e' = W_out o (+ e)
//   logits = W_head norm_f(e') + b        loss = mean cross-entropy over scored positions
#include "worker/models/network.hpp"

#include <cmath>

#include "worker/models/builder.hpp"
#include "worker/models/registry.hpp"

namespace phasegrid::worker {
namespace {

using kernels::Operations;
template <class Real> using Rows = kernels::Rows<Real>;

// Deviation of the embedding's start: small in front of a norm, which scales it; one without.
double embedding_deviation(const ModelSettings& model) { return model.init_scale * (model.norm == NormKind::none ? 1.0 : 0.02); }

// Fixed position tables: t / T in the last channel, a one-hot vector, or sines and cosines of geometric wavelengths.
double position_start(Positional kind, const ModelSettings& model, int t, int c) {
  switch (kind) {
    case Positional::scalar: return c == model.d - 1 ? (t + 1.0) / model.T : 0;
    case Positional::onehot: return c == t ? 1 : 0;
    case Positional::sinusoid: {
      const double angle = t / std::pow(10000.0, (c / 2 * 2) / static_cast<double>(model.d));
      return c % 2 ? std::cos(angle) : std::sin(angle);
    }
    default: return 0;
  }
}

template <class Real>
kernels::Parameter<Real> position_table(Builder<Real>& build, int rows) {
  const ModelSettings& model = build.model;
  ParameterInfo info{.name = "position.weight", .rows = rows, .columns = model.d, .place = {"position.weight", FilePlace::same}};
  if (model.positional == Positional::learned) {
    info.start = normal(embedding_deviation(model));
    info.trained_rows = std::min(rows, model.T);  // longer sequences exist in tests of length generalisation only
  } else {
    info.start = [model](kernels::Random&, int t, int c) { return position_start(model.positional, model, t, c); };
    info.rate = 0;
  }
  return build.parameter(std::move(info));
}

template <class Real>
Rows<Real> normed(Builder<Real>& build, NormKind kind, const Rows<Real>& x, const std::string& name) {
  if (kind == NormKind::none) return x;
  const auto w = build.vector(name + ".weight", x.columns, constant(1));
  const auto b = kind == NormKind::layer ? build.vector(name + ".bias", x.columns, constant(0)) : kernels::Parameter<Real>{};
  Rows<Real> y = build.tape.rows(x.count, x.stride / x.width, x.columns);
  kernels::Norm<Real> op{.models = 0, .x = x, .w = w, .b = b, .y = y};
  op.layer = kind == NormKind::layer;
  build.tape.record(&Operations<Real>::norm, op);
  return y;
}

template <class Real>
Rows<Real> embedding(Builder<Real>& build, kernels::Parameter<Real> table) {
  const LayoutShape& shape = build.layout.shape();
  kernels::Embedding<Real> op{.models = 0, .table = table, .positions = {}, .token = build.layout.token(), .position = build.layout.position(), .y = {}};
  if (build.model.positional != Positional::none) op.positions = position_table(build, shape.positions_table);
  op.positional = build.model.positional != Positional::none;
  op.y = build.tape.rows(build.layout.rows(0), shape.input_rows(0), build.model.d);
  build.tape.record(&Operations<Real>::embedding, op);
  return op.y;
}

// y act(W_z n): z exists once for every distinct input row that is read.
template <class Real>
Rows<Real> gated(Builder<Real>& build, const Rows<Real>& n, const Rows<Real>& y) {
  const int layer = build.layer, D = build.model.D;
  const Layout& layout = build.layout;
  const auto n_read = build.gather(n, {layout.maps(layer).gate_input.data()}, layout.gates(layer), layout.shape().outputs(layer));
  const int mixer = build.own.projected;
  const auto z = build.linear(n_read, build.weight(build.prefix() + "in_proj.z", build.model.d, D, build.prefix() + "in_proj.weight", mixer ? 0 : D, 2 * D + mixer));
  const auto o = build.tape.rows(y.count, y.stride / y.width, D);
  build.tape.record(&Operations<Real>::gate, kernels::Gate<Real>{.models = 0, .y = y, .z = z, .row = {layout.maps(layer).output_gate.data()}, .o = o});
  return build.model.gated_norm ? normed(build, NormKind::rms, o, build.prefix() + "norm") : o;
}

template <class Real>
Rows<Real> block(Builder<Real>& build, const Rows<Real>& e) {
  const ModelSettings& model = build.model;
  const int layer = build.layer;
  const auto n = normed(build, model.norm, e, "layers." + std::to_string(layer) + ".norm");
  const VariantEntry& variant = *find_variant(model.variant);
  if (variant.own_rows) build.own = variant.own_rows(model);
  const int z_rows = model.gate ? model.D : 0, before_x = build.own.projected ? z_rows : 0;
  const auto x = build.linear(n, build.weight(build.prefix() + "in_proj.x", model.d, model.D, build.prefix() + "in_proj.weight", before_x, z_rows + model.D + build.own.projected));
  const auto u = build.convolution(x, false, "", 0, model.D + build.own.convolved);
  auto y = variant.mixer<Real>()(build, {n, u});
  build.tap("e", e), build.tap("n", n), build.tap("u", u), build.tap("y", y);
  if (model.gate) y = gated(build, n, y);
  const auto r = build.linear(y, build.weight(build.prefix() + "out_proj", model.D, model.d, build.prefix() + "out_proj.weight", 0, 0, 1 / std::sqrt(static_cast<double>(model.layers))));
  if (!model.residual) return r;
  return build.gather(e, {build.layout.maps(layer).output_input.data()}, r.count, r.stride / r.width, r);
}

// Returns the logits at the scored positions.
template <class Real>
Rows<Real> describe(Builder<Real>& build) {
  const ModelSettings& model = build.model;
  const auto table = build.parameter({.name = "embedding.weight", .rows = model.vocab, .columns = model.d, .place = {"embedding.weight", FilePlace::same},
                                      .start = normal(embedding_deviation(model))});
  Rows<Real> e = embedding(build, table);
  for (build.layer = 0; build.layer < model.layers; ++build.layer) e = block(build, e);
  build.tap("e", e);
  e = normed(build, model.final_norm, e, "norm_f");
  const auto bias = build.parameter({.name = "lm_head.bias", .rows = 1, .columns = model.vocab, .place = {.dataset = "lm_head.bias", .form = FilePlace::flat, .absent = 0}, .start = constant(0),
                                     .decay = 0});
  if (model.tied_embedding) return build.linear(e, table, bias, kernels::Activation::identity, true);
  return build.linear(e, build.weight("lm_head.weight", model.d, model.vocab, "lm_head.weight"), bias);
}

LayoutShape smallest_shape(const ModelSettings& model) {
  return {.sequences = 1, .T = model.T, .vocab = model.vocab, .taps = model.taps(), .layers = model.layers, .most_scored = 1,
          .positional = model.positional != Positional::none, .positions_table = model.T};
}

}  // namespace

ParameterSet describe_parameters(const ModelSettings& model, int positions_table) {
  ParameterSet parameters;
  LayoutShape shape = smallest_shape(model);
  shape.positions_table = std::max(positions_table, model.T);
  const Layout layout(1, shape);
  Tape<float> dry(nullptr, 1, false);
  Builder<float> build{model, dry, parameters, layout, nullptr, nullptr, 0};
  describe(build);
  return parameters;
}

template <class Real>
Network<Real>::Network(const ModelSettings& model, const LayoutShape& shape, int models, std::string_view device_kind, Real* values, Real* grads)
    : layout_(models, shape), tape_(&kernels::operations<Real>(device_kind), models, grads != nullptr),
      loss_(static_cast<std::size_t>(models)), right_(static_cast<std::size_t>(models)) {
  const std::int64_t stride = describe_parameters(model, shape.positions_table).size();
  Builder<Real> build{model, tape_, parameters_, layout_, values, grads, stride};
  build.taps = &taps_;
  logits_ = describe(build);
  tape_.record(&Operations<Real>::cross_entropy, kernels::CrossEntropy<Real>{.models = 0, .logits = logits_, .label = layout_.label(),
                                                                             .loss = loss_.data(), .right = right_.data(), .mean = grads != nullptr});
  tape_.finish();
}

template <class Real>
const kernels::Rows<Real>* Network<Real>::tapped(int layer, const std::string& name) const {
  const auto found = taps_.find({layer, name});
  return found == taps_.end() ? nullptr : &found->second;
}

template class Network<float>;
template class Network<double>;

}  // namespace phasegrid::worker
