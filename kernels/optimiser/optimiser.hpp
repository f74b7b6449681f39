// One optimiser step of one model, in a single pass over its flat parameter buffer (g is the gradient, t the step, from 1):
//
//   m = beta1 m + (1 - beta1) g      v = beta2 v + (1 - beta2) g^2
//   adam, adamw:  w -= rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)        sgd:  w -= rate g
//
// adamw first shrinks w by (1 - rate decay); adam and sgd add decay w to g instead. With clip > 0, g is first scaled to a norm of at most clip.
#pragma once
#include <cstdint>

#include "kernels/optimiser/record.hpp"

namespace phasegrid::kernels {

enum class Method : std::int32_t { adamw, adam, sgd };

// A stretch of the flat buffer with a learning rate and a weight decay of its own. Factor 0: frozen.
struct Segment {
  std::int64_t offset, length;   // multiples of kPad
  double rate = 1, decay = 1;    // factors
};

template <class Real>
struct Update {
  Method method = Method::adamw;
  const Segment* segments = nullptr;
  int count = 0;
  Real *w = nullptr, *g = nullptr, *m = nullptr, *v = nullptr;  // first and second moment; unused by sgd
  std::int64_t size = 0, step = 1;                              // step 0: a model of the pack that rests
  double learning_rate = 0, weight_decay = 0, clip = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  // Of Memory::update(): the loss of this step and where it is noted; a loss that is no number leaves the model as it is.
  const double* loss = nullptr;
  LossRecord* record = nullptr;
};

}  // namespace phasegrid::kernels
