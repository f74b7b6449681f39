// From counted cost to seconds, and from seconds to the time that a sweep takes.
//
//   seconds = flops / flop_rate + exponentials / exp_rate + positions / position_rate + steps / step_rate
#pragma once
#include <cstdint>
#include <functional>
#include <map>

#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

// What one core does per second in training; measured by worker::machine_rates.
struct Rates {
  double flop_rate = 2e10;
  double exp_rate = 1e9;
  double position_rate = 3e7;
  double step_rate = 5e4;
};

double predicted_seconds(const Cost& cost, const Rates& rates);

// Operations: flops, and exponentials, each of which takes about the time of kExponential flops. The same on any machine:
// boundary searches weigh probes by it.
constexpr double kExponential = 20;
double counted_cost(const Cost& cost);

// Jobs by their length in seconds, longest first.
using Jobs = std::map<double, std::uint64_t, std::greater<>>;

double total_seconds(const Jobs& jobs);

// When the last worker is done if each free worker takes the longest job left.
double makespan(const Jobs& jobs, int workers);

}  // namespace phasegrid::sweeps
