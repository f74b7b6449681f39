#include "worker/models/time_layer.hpp"

#include <algorithm>
#include <cmath>

#include "worker/models/mixers/mixers.hpp"

namespace phasegrid::worker {
namespace {

constexpr double kNoDecay = -40;   // of A_log: exp(-e^-40) is 1 in any precision

template <class Real>
class TimeLayer {
 public:
  explicit TimeLayer(Builder<Real>& build) : build_(build), trained_(build.model.time_trained) {}

  // (positions, d)
  kernels::Rows<Real> positions() {
    const int T = build_.layout.shape().positions_table, N = build_.model.N, d = build_.model.d;
    const auto u = ones(T);
    const auto delta = build_.broadcast(u, parameter("dt_bias", 1, 1, delta_start()), kernels::Activation::softplus);
    const auto B = build_.broadcast(u, parameter("B", 1, N, first_only()), kernels::Activation::identity);
    const auto C = build_.broadcast(u, parameter("C", 1, N, first_only()), kernels::Activation::identity);
    const auto A_log = parameter("A_log", N, 1, [trained = trained_](kernels::Random&, int n, int) { return trained ? std::log(n + 1.0) : kNoDecay; });
    kernels::Scan<Real> scan{.models = 0, .u = u, .delta = delta, .B = B, .C = C, .A_log = A_log, .skip = {}, .walks = build_.layout.time_walk()};
    scan.output_row = build_.layout.time_row(), scan.y = build_.tape.rows(u.count, T, 1);
    scan.most_steps = scan.most_outputs = T;
    scan.scratch = build_.tape.scratch(kernels::scan_scratch(1, N, T, T, T));
    scan.kept = build_.tape.kept_there(kernels::scan_kept(scan, build_.tape.models()));
    build_.tape.record(&kernels::Operations<Real>::scan, scan);
    return build_.linear(scan.y, parameter("out_proj.weight", 1, d, out_start()));
  }

 private:
  using Start = std::function<double(kernels::Random&, int, int)>;

  kernels::Rows<Real> ones(int T) {
    const auto u = build_.tape.rows(build_.tape.always(T), T, 1);
    build_.tape.fill(u, 1);
    return u;
  }
  kernels::Parameter<Real> parameter(const std::string& name, int rows, int columns, Start start) {
    const FilePlace::Form form = rows == 1 && name != "out_proj.weight" ? FilePlace::flat : FilePlace::transposed;
    const bool weight = name == "out_proj.weight" || name == "B" || name == "C";
    return build_.parameter({.name = "time." + name, .rows = rows, .columns = columns, .place = {"time." + name, form}, .start = std::move(start),
                             .rate = trained_ ? 1.0 : 0.0, .decay = weight ? 1.0 : 0.0});
  }
  Start delta_start() const { return trained_ ? delta_bias_start(kernels::Activation::softplus) : constant(std::log(std::expm1(1.0))); }
  Start first_only() const {   // one input and N outputs: uniform in +-1
    if (trained_) return uniform(build_.model.init_scale);
    return [](kernels::Random&, int, int n) { return n == 0 ? 1.0 : 0.0; };
  }
  Start out_start() const {
    if (trained_) return uniform(build_.model.init_scale);
    return [d = build_.model.d, T = build_.model.T](kernels::Random&, int, int c) { return c == d - 1 ? 1.0 / T : 0.0; };
  }

  Builder<Real>& build_;
  bool trained_;
};

}  // namespace

template <class Real>
kernels::Rows<Real> add_time(Builder<Real>& build, const kernels::Rows<Real>& e) {
  const auto positions = TimeLayer<Real>(build).positions();
  return build.gather(positions, build.layout.position(), e.count, e.stride / e.width, e);
}

template kernels::Rows<float> add_time(Builder<float>&, const kernels::Rows<float>&);
template kernels::Rows<double> add_time(Builder<double>&, const kernels::Rows<double>&);

}  // namespace phasegrid::worker
