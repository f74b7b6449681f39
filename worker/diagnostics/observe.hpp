// How each variant's mixer is a Recurrence: one function each, one line each in observe.cpp.
#pragma once
#include "worker/diagnostics/recurrence.hpp"
#include "worker/diagnostics/watched.hpp"

namespace phasegrid::worker {

bool has_state(const std::string& variant);             // attention has none
Recurrence observe(const Watched& network, int layer);  // of the sequence that ran last; the variant has a state

// S4's state matrix in the basis of its eigenvectors (observe_s4.cpp).
Recurrence observe_s4(const Watched& network, int layer);

// What S4D and S4 share: the sequence, and step sizes of 1 until they are set.
Recurrence time_invariant(const Watched& network, int layer, int modes);
Table<Complex> complex_parameter_of(const Watched& network, int layer, const std::string& real, const std::string& re,
                                    const std::string& im);

}  // namespace phasegrid::worker
