#include "worker/diagnostics/collectors.hpp"

#include <algorithm>
#include <cmath>

#include "worker/diagnostics/eigenvalues.hpp"
#include "worker/diagnostics/sensitivity.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::LabelledArray;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

LabelledArray array(std::string name, std::vector<std::string> dims, std::vector<int> shape, std::vector<double> data,
                    std::string long_name, std::string units = "1") {
  LabelledArray a{std::move(name),      std::move(dims), {shape.begin(), shape.end()}, std::move(data), {},
                  std::move(long_name), std::move(units)};
  return a;
}

void append(std::vector<double>& to, const std::vector<double>& from) { to.insert(to.end(), from.begin(), from.end()); }

// Sums by position (layers, T), as means by distance from the last position.
std::vector<double> by_distance(const Table<double>& sums, int examples) {
  std::vector<double> means;
  for (int l = 0; l < sums.rows; ++l)
    for (int t = sums.columns - 1; t >= 0; --t) means.push_back(sums(l, t) / examples);
  return means;
}

}  // namespace

DecayCollector::DecayCollector(const Watched& network, int roles, bool by_channel)
    : roles_(roles), channels_(network.model().D), by_channel_(by_channel) {
  for (int layer = 0; layer < network.model().layers; ++layer) {
    layers_.emplace_back(roles, channels_, by_channel);
    const Table<double> W = network.mixer_parameter(layer, "out_proj");  // (D, d)
    std::vector<double>& norms = out_norm_.emplace_back();
    for (int c = 0; c < W.rows; ++c) {
      double square = 0;
      for (int i = 0; i < W.columns; ++i) square += W(c, i) * W(c, i);
      norms.push_back(std::sqrt(square));
    }
  }
}

void DecayCollector::add(int layer, const Recurrence& r, const Example& example) {
  std::vector<int> everywhere(at(r.T));
  for (int t = 0; t < r.T; ++t) everywhere[at(t)] = t;
  const bool last = layer + 1 == static_cast<int>(layers_.size());
  const std::vector<int>& read = last && !example.query.empty() ? example.query : everywhere;
  layers_[at(layer)].add(r, example.role, read, out_norm_[at(layer)]);
}

void DecayCollector::write(const std::vector<std::string>& roles, Arrays& arrays) const {
  const int layers = static_cast<int>(layers_.size());
  LabelledArray names{"role", {"role"}, {roles.size()}, {}, roles, "what the position is in its task", ""};
  arrays.push_back(std::move(names));
  constexpr const char* kNames[] = {"decay", "decay_near_one", "decay_near_zero"};
  for (int k = 0; k < 3; ++k) {
    const DecayScale& scale = kDecayScales[at(k)];
    std::vector<double> middles, counts, read, channels;
    for (int bin = 0; bin < kDecayBins; ++bin) middles.push_back(decay_bin_middle(scale, bin));
    for (const DecayHistograms& layer : layers_)
      append(counts, layer.counts(k).data), append(read, layer.read_out(k).data);
    arrays.push_back(
        array(scale.name, {scale.name}, {kDecayBins}, middles, std::string(scale.long_name) + ", middle of the bin"));
    arrays.push_back(array(kNames[k], {"layer", "role", scale.name}, {layers, roles_, kDecayBins}, counts,
                           "how often a state decays by this factor in one step, over positions, channels and states"));
    arrays.push_back(array(std::string(kNames[k]) + "_read", {"layer", "role", scale.name},
                           {layers, roles_, kDecayBins}, read,
                           "the same, each state weighted by how much of it is read: mean |C| times |W_out|"));
    if (!by_channel_) continue;
    for (const DecayHistograms& layer : layers_) append(channels, layer.by_channel(k).data);
    arrays.push_back(array(std::string(kNames[k]) + "_channel", {"layer", "channel", "role", scale.name},
                           {layers, channels_, roles_, kDecayBins}, channels,
                           "how often a state of this channel decays by this factor in one step"));
  }
}

ReachCollector::ReachCollector(const ModelSettings& model)
    : state_(model.layers, model.T), share_(model.layers, model.T) {}

void ReachCollector::add(int layer, const Recurrence& r) {
  const Reach reach = worker::reach(r);
  const std::vector<double> share = shares(reach.output);
  for (int t = 0; t < r.T; ++t) state_(layer, t) += reach.state[at(t)], share_(layer, t) += share[at(t)];
  examples_ += layer == 0;
}

void ReachCollector::write_sensitivity(Arrays& arrays) const {
  arrays.push_back(array(
      "sensitivity", {"layer", "distance"}, {state_.rows, state_.columns}, by_distance(state_, examples_),
      "norm of the derivative of the last state by the mixer's input so many positions before, mean over examples"));
}

void ReachCollector::write_influence(Arrays& arrays) const {
  arrays.push_back(array("influence", {"layer", "distance"}, {share_.rows, share_.columns},
                         by_distance(share_, examples_),
                         "share of the input so many positions before in the last output: norm of the derivative over "
                         "the sum of all, mean over examples"));
}

GradientCollector::GradientCollector(const ModelSettings& model, int examples)
    : weight_(at(model.layers)),
      bias_(at(model.layers)),
      twin_(at(model.layers)),
      last_(at(model.layers), Table<double>(examples, model.D)) {}

void GradientCollector::add(int layer, const Recurrence& r, const Table<double>& output, const Example& example) {
  std::copy(output.row(r.T - 1), output.row(r.T - 1) + r.D, last_[at(layer)].row(example.index));
  if (r.step_bias.empty()) return;
  const StepGradient gradient = step_gradient(r);
  weight_[at(layer)] += norm(gradient, true), bias_[at(layer)] += norm(gradient, false);
  twin_[at(layer)] += norm(step_gradient(time_invariant_twin(r)), false);
}

void GradientCollector::write(Arrays& arrays) const {
  const int layers = static_cast<int>(last_.size()), rank = std::min(last_[0].rows, last_[0].columns);
  std::vector<double> values, w, b;
  for (int l = 0; l < layers; ++l) {
    append(values, output_singular_values(last_[at(l)]));
    w.push_back(weight_[at(l)] / twin_[at(l)]), b.push_back(bias_[at(l)] / twin_[at(l)]);
  }
  arrays.push_back(
      array("output_singular_values", {"layer", "rank"}, {layers, rank}, values,
            "singular values of the mixer's last outputs (examples, channels), as multiples of the largest"));
  if (twin_[0] <= 0) return;
  const std::string of = "mean gradient norm of the sum of the last outputs by the step size's ",
                    over =
                        ", as multiple of that by the bias of a system with "
                        "the same A and bias, B = C = 1 and no other dependence on the input";
  arrays.push_back(array("gradient_ratio_w", {"layer"}, {layers}, w, of + "weight" + over));
  arrays.push_back(array("gradient_ratio_b", {"layer"}, {layers}, b, of + "bias" + over));
}

std::vector<double> token_norms(const Watched& network, int depth) {
  const Table<double> tokens = network.tokens(depth);
  std::vector<double> norms;
  for (int t = 0; t < tokens.rows; ++t) {
    double square = 0;
    for (int i = 0; i < tokens.columns; ++i) square += tokens(t, i) * tokens(t, i);
    norms.push_back(std::sqrt(square));
  }
  return norms;
}

NormCollector::NormCollector(const ModelSettings& model) : sums_(model.layers + 1, model.T) {}

void NormCollector::add(const Watched& network) {
  for (int depth = 0; depth < sums_.rows; ++depth) {
    const std::vector<double> norms = token_norms(network, depth);
    for (int t = 0; t < sums_.columns; ++t) sums_(depth, t) += norms[at(t)];
  }
  ++examples_;
}

void NormCollector::write(Arrays& arrays) const {
  std::vector<double> means = sums_.data;
  for (double& mean : means) mean /= examples_;
  arrays.push_back(array("token_norm", {"depth", "position"}, {sums_.rows, sums_.columns}, means,
                         "norm of the embedding (depth 0) and of what each block puts out, mean over examples"));
}

void write_eigenvalues(const std::vector<Recurrence>& layers, Arrays& arrays) {
  std::vector<double> real_parts, symmetric, positive, convergent;
  const int count = static_cast<int>(layers.size());
  if (count == 0 || !layers[0].W_B) return;
  for (const Recurrence& r : layers) {
    const KernelEigenvalues values = kernel_eigenvalues(r.W_B, r.W_C);
    append(real_parts, values.real_parts), append(symmetric, values.symmetric);
    positive.push_back(values.positive_fraction), convergent.push_back(values.convergent);
  }
  arrays.push_back(array("eigenvalues", {"layer", "eigenvalue"}, {count, static_cast<int>(real_parts.size()) / count},
                         real_parts, "real parts of the eigenvalues of W_C^T W_B, descending; those left out are 0"));
  arrays.push_back(array("eigenvalues_symmetric", {"layer", "symmetric_eigenvalue"},
                         {count, static_cast<int>(symmetric.size()) / count}, symmetric,
                         "eigenvalues of the symmetric part of W_C^T W_B, descending; those left out are 0"));
  arrays.push_back(array("eigenvalues_positive", {"layer"}, {count}, positive,
                         "fraction of the eigenvalues of W_C^T W_B whose real part is positive"));
  arrays.push_back(array("convergent", {"layer"}, {count}, convergent,
                         "1: no eigenvalue of W_C^T W_B is positive, tokens shrink with depth; 0: some is, they grow"));
}

}  // namespace phasegrid::worker
