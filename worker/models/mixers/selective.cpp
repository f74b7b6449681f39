// What mixers with an input-dependent step size share: how the step size starts, the scan as recorded on the tape, and the
// selective mixer itself, whose step size belongs to a channel (S6) or to a state (Mamba-Delta^T).
//
// With `reorder` the mixer works on the sorted sequence P u of kernels/softsort/softsort.hpp, and its output goes back to where the
// positions came from: y = P^T mixer(P u). Gate, residual and labels stay with their positions.
#include <algorithm>
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

// The bias that makes the activation return `delta`.
double inverse(kernels::Activation activation, double delta) {
  switch (activation) {
    case kernels::Activation::sigmoid:
      return std::log(delta) - std::log1p(-delta);
    case kernels::Activation::one_plus_tanh:
      return std::atanh(delta - 1);
    case kernels::Activation::relu:
      return delta;
    default:
      return delta + std::log(-std::expm1(-delta));  // softplus
  }
}

}  // namespace

std::function<double(kernels::Random&, int, int)> delta_bias_start(kernels::Activation activation) {
  return [activation](kernels::Random& random, int, int) {
    return inverse(activation, std::max(1e-4, std::exp(random.uniform(std::log(1e-3), std::log(1e-1)))));
  };
}

template <class Real>
kernels::Rows<Real> read_out(Builder<Real>& build, const kernels::Rows<Real>& u, kernels::Parameter<Real> W) {
  const Layout& layout = build.layout;
  const int layer = build.layer;
  return build.linear(
      build.gather(u, {layout.maps(layer).output_row.data()}, layout.outputs(layer), layout.shape().outputs(layer)), W);
}

template <class Real>
kernels::Rows<Real> record_scan(Builder<Real>& build, kernels::Scan<Real> op) {
  const LayoutShape& shape = build.layout.shape();
  const int layer = build.layer;
  const bool everywhere = shape.reordered;
  op.walks = everywhere ? build.layout.every_walk(layer) : build.layout.walks(layer);
  op.output_row = {everywhere ? build.layout.maps(layer).every_row.data() : build.layout.maps(layer).output_row.data()};
  op.y = everywhere ? build.tape.rows(build.layout.windows(layer), shape.positions(), op.u.columns)
                    : build.tape.rows(build.layout.outputs(layer), shape.outputs(layer), op.u.columns);
  op.most_steps = shape.T, op.most_outputs = everywhere || layer + 1 < shape.layers ? shape.T : shape.most_scored;
  op.scratch = build.tape.scratch(
      kernels::scan_scratch(op.u.columns, op.B.columns, op.u.stride / op.u.width, op.most_steps, op.most_outputs));
  op.kept = build.tape.kept_there(kernels::scan_kept(op, build.tape.models()));
  build.tape.record(&kernels::Operations<Real>::scan, op);
  return op.y;
}

namespace {

template <class Real>
class Selective {
 public:
  using Rows = kernels::Rows<Real>;
  using Parameter = kernels::Parameter<Real>;

  Selective(Builder<Real>& build, bool delta_by_state)
      : build_(build), model_(build.model), prefix_(build.prefix()), delta_by_state_(delta_by_state), D_(model_.D), N_(model_.N),
        steps_(delta_by_state ? N_ : D_), low_(model_.delta_fixed ? 0 : model_.delta_rank),
        projected_(low_ + (model_.token_dynamics == TokenDynamics::free ? 2 * N_ : 0)) {
    b_ = build.vector(prefix_ + "dt_proj.bias", steps_, delta_bias_start(model_.delta_activation));
    if (!model_.delta_fixed && low_ > 0) down_ = build.weight(prefix_ + "x_proj.dt", D_, low_, prefix_ + "x_proj.weight", 0, projected_);
    if (!model_.delta_fixed) up_ = build.weight(prefix_ + "dt_proj.weight", low_ > 0 ? low_ : D_, steps_, prefix_ + "dt_proj.weight");
    if (model_.token_dynamics == TokenDynamics::free) {
      W_B_ = build.weight(prefix_ + "x_proj.B", D_, N_, prefix_ + "x_proj.weight", low_, projected_);
      W_C_ = build.weight(prefix_ + "x_proj.C", D_, N_, prefix_ + "x_proj.weight", low_ + N_, projected_);
    } else {
      triangular_weights();
    }
  }

  Rows operator()(Rows u) {
    Rows score;
    if (model_.reorder) score = scores(u), u = sorted(u, score, false);
    const Rows delta = step_size(u, model_.delta_activation), B = build_.linear(u, W_B_);
    const Rows C = model_.reorder ? build_.linear(u, W_C_) : read_out(build_, u, W_C_);
    const Rows y = record_scan<Real>(build_, {.models = 0,
                                              .discretisation = model_.discretisation,
                                              .u = u,
                                              .delta = delta,
                                              .B = B,
                                              .C = C,
                                              .A_log = A_log(),
                                              .skip = build_.vector(prefix_ + "D", D_, constant(1)),
                                              .delta_by_state = delta_by_state_});
    build_.tap("delta", delta), build_.tap("B", B), build_.tap("C", C), build_.tap("W_B", W_B_), build_.tap("W_C", W_C_);
    if (model_.reorder) build_.tap("sorted_u", u), build_.tap("sorted_y", y);
    return model_.reorder ? at_outputs(sorted(y, score, true)) : y;
  }

 private:
  Rows step_size(const Rows& u, kernels::Activation activation) {
    if (model_.delta_fixed) return build_.broadcast(u, b_, activation);
    return build_.linear(low_ > 0 ? build_.linear(u, down_) : u, up_, b_, activation);
  }

  Parameter A_log() {
    return build_.parameter({.name = prefix_ + "A_log",
                             .rows = N_,
                             .columns = D_,
                             .place = {prefix_ + "A_log", FilePlace::transposed},
                             .start = [](kernels::Random&, int n, int) { return std::log(n + 1.0); },
                             .decay = 0});
  }

  // Token dynamics of one sign: kernels/triangle/triangle.hpp.
  void triangular_weights() {
    const Parameter U = build_.parameter({.name = prefix_ + "bc_proj.weight",
                                          .rows = D_,
                                          .columns = N_,
                                          .place = {prefix_ + "bc_proj.weight", FilePlace::transposed},
                                          .start = uniform(model_.init_scale / std::sqrt(static_cast<double>(D_))),
                                          .unused = N_ * (N_ + 1) / 2});
    W_B_ = build_.tape.derived(D_, N_), W_C_ = build_.tape.derived(D_, N_);
    build_.tape.record(&kernels::Operations<Real>::triangle,
                       kernels::Triangle<Real>{.models = 0,
                                               .U = U,
                                               .log = build_.vector(prefix_ + "bc_log", N_, normal(1)),
                                               .W_B = W_B_,
                                               .W_C = W_C_,
                                               .sign = model_.token_dynamics == TokenDynamics::divergent ? Real(1) : Real(-1)});
  }

  // A learned direction of the step size before its activation (arXiv 2410.03292).
  Rows scores(const Rows& u) {
    const auto k = build_.weight(prefix_ + "reorder.weight", steps_, 1, prefix_ + "reorder.weight");
    return build_.linear(step_size(u, kernels::Activation::identity), k);
  }
  Rows sorted(const Rows& x, const Rows& score, bool back) {
    const int T = build_.layout.shape().T;
    const Rows y = build_.tape.rows(x.count, x.stride / x.width, x.columns);
    build_.tape.record(&kernels::Operations<Real>::softsort,
                       kernels::SoftSort<Real>{.models = 0,
                                               .x = x,
                                               .score = score,
                                               .back = back,
                                               .walks = build_.layout.every_walk(build_.layer),
                                               .y = y,
                                               .most_steps = T,
                                               .scratch = build_.tape.scratch(kernels::softsort_scratch(T, x.columns))});
    return y;
  }
  Rows at_outputs(const Rows& y) {
    const Layout& layout = build_.layout;
    const int layer = build_.layer;
    return build_.gather(y, {layout.maps(layer).output_row.data()}, layout.outputs(layer), layout.shape().outputs(layer));
  }

  Builder<Real>& build_;
  const ModelSettings& model_;
  std::string prefix_;
  bool delta_by_state_;
  int D_, N_, steps_, low_, projected_;   // low: rank of the step size's bottleneck, 0: none
  Parameter b_{}, down_{}, up_{}, W_B_{}, W_C_{};
};

}  // namespace

template <class Real>
kernels::Rows<Real> selective(Builder<Real>& build, const MixerInput<Real>& in, bool delta_by_state) {
  return Selective<Real>(build, delta_by_state)(in.u);
}

template kernels::Rows<float> selective(Builder<float>&, const MixerInput<float>&, bool);
template kernels::Rows<double> selective(Builder<double>&, const MixerInput<double>&, bool);
template kernels::Rows<float> read_out(Builder<float>&, const kernels::Rows<float>&, kernels::Parameter<float>);
template kernels::Rows<double> read_out(Builder<double>&, const kernels::Rows<double>&, kernels::Parameter<double>);
template kernels::Rows<float> record_scan(Builder<float>&, kernels::Scan<float>);
template kernels::Rows<double> record_scan(Builder<double>&, kernels::Scan<double>);

}  // namespace phasegrid::worker
