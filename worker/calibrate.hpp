// How fast one core of this machine trains, from a short measurement.
#pragma once
#include <string>

#include "sweeps/cost_model.hpp"

namespace phasegrid::worker {

// Trains small cells, each of which spends its time on another term of the cost model, for about 0.2 s.
sweeps::Rates measure_rates(const std::string& device_kind);

// The rates of this machine: read from ${XDG_CACHE_HOME:-~/.cache}/phasegrid/, measured and written there the first time.
// A cache that cannot be read or written is no error. Predictions and the order of work use them; no result does.
sweeps::Rates machine_rates(const std::string& device_kind);

// The rates of this machine if they have been measured before, else the typical ones: trains nothing.
sweeps::Rates stored_rates(const std::string& device_kind);

// The rates on one line, and back; false when the text is something else.
std::string to_text(const sweeps::Rates& rates);
bool rates_from_text(const std::string& text, sweeps::Rates& rates);

}  // namespace phasegrid::worker
