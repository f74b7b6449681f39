//   e = Emb[token] (+ positions) (+ noise)          real-valued: e = W_in x + b_in (+ positions) (+ noise)
//   per layer:  n = norm(e)    x = W_x n    u = act(conv(x))    y = mixer(n, u)    o = y act(W_z n)    e' = W_out o (+ e)
//   logits = W_head norm_f(e') + b        loss = mean cross-entropy over scored positions; real-valued: mean squared error
#include "worker/models/network.hpp"

#include <algorithm>
#include <cmath>
#include <exception>

#include "kernels/parallel.hpp"
#include "worker/models/builder.hpp"
#include "worker/models/registry.hpp"
#include "worker/models/time_layer.hpp"

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
Rows<Real> normed(Builder<Real>& build, NormKind kind, const Rows<Real>& x, const std::string& name, int groups = 1) {
  if (kind == NormKind::none) return x;
  const auto w = build.vector(name + ".weight", x.columns, constant(1));
  const auto b = kind == NormKind::layer ? build.vector(name + ".bias", x.columns, constant(0)) : kernels::Parameter<Real>{};
  Rows<Real> y = build.tape.rows(x.count, x.stride / x.width, x.columns);
  kernels::Norm<Real> op{.models = 0, .x = x, .w = w, .b = b, .y = y};
  op.layer = kind == NormKind::layer, op.groups = groups;
  build.tape.record(&Operations<Real>::norm, op);
  return y;
}

// The numbers of each position through a linear layer.
template <class Real>
Rows<Real> projected(Builder<Real>& build) {
  const auto x = build.without_gradient(build.tape.rows(build.layout.rows(0), build.layout.shape().input_rows(0), build.model.channels));
  build.tape.record(&Operations<Real>::input, kernels::Input<Real>{.models = 0, .numbers = build.layout.numbers(), .y = x});
  const auto W = build.weight("input_proj.weight", build.model.channels, build.model.d, "input_proj.weight");
  const auto b = build.parameter({.name = "input_proj.bias", .rows = 1, .columns = build.model.d,
                                  .place = {.dataset = "input_proj.bias", .form = FilePlace::flat, .absent = 0}, .start = constant(0), .decay = 0});
  return build.linear(x, W, b);
}

// `table` is absent where the sequence is real-valued.
template <class Real>
Rows<Real> embedding(Builder<Real>& build, kernels::Parameter<Real> table, kernels::Reals noise) {
  const LayoutShape& shape = build.layout.shape();
  kernels::Embedding<Real> op{.models = 0, .table = table, .positions = {}, .token = build.layout.token(), .position = build.layout.position(), .base = {}, .noise = noise, .y = {}};
  if (build.model.channels > 0) {
    op.base = projected(build), op.from_base = true;
    if (!build.model.by_position() && !build.model.noisy) return op.base;
  }
  op.positional = build.model.has_position_table();
  if (op.positional) op.positions = position_table(build, shape.positions_table);
  op.y = build.tape.rows(build.layout.rows(0), shape.input_rows(0), build.model.d);
  build.tape.record(&Operations<Real>::embedding, op);
  return build.model.positional == Positional::ssm_time ? add_time(build, op.y) : op.y;
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
  return build.model.gated_norm ? normed(build, NormKind::rms, o, build.prefix() + "norm", build.model.groups) : o;
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

// Returns the logits, or a real-valued task's outputs, at the scored positions.
template <class Real>
Rows<Real> describe(Builder<Real>& build, kernels::Reals noise = {}) {
  const ModelSettings& model = build.model;
  kernels::Parameter<Real> table;
  if (model.channels == 0)
    table = build.parameter({.name = "embedding.weight", .rows = model.vocab, .columns = model.d, .place = {"embedding.weight", FilePlace::same},
                             .start = normal(embedding_deviation(model))});
  Rows<Real> e = embedding(build, table, noise);
  for (build.layer = 0; build.layer < model.layers; ++build.layer) e = block(build, e);
  build.tap("e", e);
  e = normed(build, model.final_norm, e, "norm_f");
  const int columns = model.outputs > 0 ? model.outputs : model.vocab;
  const auto bias = build.parameter({.name = "lm_head.bias", .rows = 1, .columns = columns, .place = {.dataset = "lm_head.bias", .form = FilePlace::flat, .absent = 0}, .start = constant(0),
                                     .decay = 0});
  if (model.tied_embedding) return build.linear(e, table, bias, kernels::Activation::identity, true);
  return build.linear(e, build.weight("lm_head.weight", model.d, columns, "lm_head.weight"), bias);
}

}  // namespace

LayoutShape layout_shape(const ModelSettings& model, int sequences, int T, int most_scored, int positions_table) {
  return {.sequences = sequences, .T = T, .vocab = model.vocab, .taps = model.taps(), .layers = model.layers, .most_scored = most_scored,
          .positional = model.by_position(), .reordered = model.reorder, .positions_table = positions_table, .channels = model.channels, .noisy = model.noisy};
}

ParameterSet describe_parameters(const ModelSettings& model, int positions_table) {
  ParameterSet parameters;
  const Layout layout(1, layout_shape(model, 1, model.T, 1, std::max(positions_table, model.T)));
  Tape<float> dry(nullptr, 1, false);
  Builder<float> build{model, dry, parameters, layout, nullptr, nullptr, 0};
  describe(build);
  return parameters;
}

std::string lacking_operation(const ModelSettings& model, const kernels::Operations<float>& table) {
  ParameterSet parameters;
  const Layout layout(1, layout_shape(model, 1, model.T, 1, model.T));
  Tape<float> dry(nullptr, 1, false);
  dry.check(table);
  Builder<float> build{model, dry, parameters, layout, nullptr, nullptr, 0};
  describe(build);
  return dry.lacking();
}

template <class Real>
Network<Real>::Network(const ModelSettings& model, const LayoutShape& shape, int models, std::string_view device_kind, Real* values, Real* grads)
    : layout_(models, shape), d_(model.d), real_valued_(model.outputs > 0), noise_(model.noisy ? static_cast<std::size_t>(models) : 0), noise_pointers_(noise_.size()), tape_(&kernels::operations<Real>(device_kind), models, grads != nullptr, kernels::memory(device_kind, models)),
      loss_(static_cast<std::size_t>(models)), right_(static_cast<std::size_t>(models)) {
  const std::int64_t stride = describe_parameters(model, shape.positions_table).size();
  Builder<Real> build{model, tape_, parameters_, layout_, values, grads, stride};
  build.taps = &taps_;
  logits_ = describe(build, model.noisy ? kernels::Reals{noise_pointers_.data()} : kernels::Reals{});
  if (model.outputs > 0)
    tape_.record(&Operations<Real>::squared_error, kernels::SquaredError<Real>{.models = 0, .y = logits_, .target = layout_.values(), .loss = loss_.data(), .mean = grads != nullptr});
  else tape_.record(&Operations<Real>::cross_entropy, kernels::CrossEntropy<Real>{.models = 0, .logits = logits_, .label = layout_.label(),
                                                                             .loss = loss_.data(), .right = right_.data(), .mean = grads != nullptr});
  tape_.finish();
}

template <class Real>
const kernels::Rows<Real>* Network<Real>::tapped(int layer, const std::string& name) const {
  const auto found = taps_.rows.find({layer, name});
  return found == taps_.rows.end() ? nullptr : &found->second;
}

template <class Real>
const kernels::Parameter<Real>* Network<Real>::tapped_weight(int layer, const std::string& name) const {
  const auto found = taps_.weights.find({layer, name});
  return found == taps_.weights.end() ? nullptr : &found->second;
}

template <class Real>
bool Network<Real>::draw_there(std::span<const tasks::Task* const> tasks) {
  auto recipes = tape_.memory().mirror() && !layout_.shape().apart() ? recipes_of(tasks) : std::nullopt;
  if (recipes) batches_ = std::make_unique<DeviceBatches>(tape_.memory(), layout_, std::move(*recipes));
  return batches_ != nullptr;
}

template <class Real>
void Network<Real>::set(int m, const tasks::Batch& batch, Layout::Desk& desk) {
  layout_.set(m, batch, desk);
  if (!noise_.empty()) draw_noise(m, batch, desk);
}

template <class Real>
void Network<Real>::set_all(std::span<const int> models, const std::function<void(int m, tasks::Batch& batch)>& draw, bool together) {
  const std::size_t threads = together ? std::clamp<std::size_t>(models.size(), 1, static_cast<std::size_t>(kernels::pool_threads())) : 1;
  if (desks_.size() < threads) desks_.resize(threads);
  std::vector<std::exception_ptr> failures(threads);   // a thread of a pool must not throw
  kernels::parallel(static_cast<int>(threads), [&](int thread) {
    const std::size_t first = static_cast<std::size_t>(thread);
    Desk& desk = desks_[first];
    try {
      for (std::size_t i = first; i < models.size(); i += threads) draw(models[i], desk.batch), set(models[i], desk.batch, desk.layout);
    } catch (...) {
      failures[first] = std::current_exception();
    }
  });
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

// A function of each sequence's own noise key and of the position: the same in any pack, batch or order.
template <class Real>
void Network<Real>::draw_noise(int m, const tasks::Batch& batch, const Layout::Desk& desk) {
  std::vector<float>& noise = noise_[static_cast<std::size_t>(m)];
  noise.clear();
  Layout::each_row_apart(desk, [&](int s, int t) {
    kernels::Random random(batch.noise_key[static_cast<std::size_t>(s)], static_cast<std::uint32_t>(tasks::Stream::noise), static_cast<std::uint64_t>(t));
    for (int i = 0; i < d_; ++i) noise.push_back(static_cast<float>(batch.noise * random.normal()));
  });
  noise_pointers_[static_cast<std::size_t>(m)] = noise.data();
}

template class Network<float>;
template class Network<double>;

}  // namespace phasegrid::worker
