// What constructions are made of: codes, channels, memories that keep, switches that open at a time, and the decoder
// (docs/theory.md, 3).
#pragma once
#include <functional>
#include <vector>

#include "worker/models/constructions/construction.hpp"

namespace phasegrid::worker {

// Code words, one row each: (count, length).
struct Codes {
  int count, length;
  std::vector<double> value;
  double at(int i, int j) const { return value[static_cast<std::size_t>(i) * length + j]; }
};
Codes one_hot(int count, int length);  // word i has its one at i modulo length
Codes binary(int count, int length);   // the low bits of i, 0 or 1
Codes signs(int count, int length);    // the low bits of i, -1 or 1
Codes levels(int count);               // 1 .. count in one channel
Codes random_signs(int count, int length, std::uint64_t key, std::uint64_t which);

double activated(const ModelSettings& model, double x);  // by the activation after the convolution
bool identity(const ModelSettings& model);
int inner_width(const Case& c);     // channels that exist both outside and inside: min(d, D)
int bits_of(std::int64_t symbols);  // ceil(log2 symbols), at least 1

// x of inner channel c gets `weight` times embedding channel e.
void project(Weights& w, int e, int c, double weight = 1);
// Taps of an inner channel: weight of the current position, of the one before, and the bias. part: "", or
// ".B", ".C" of Mamba-2.
void taps(const Case& c, Weights& w, int channel, double now, double before = 0, double bias = 0,
          const char* part = "");

// States that keep everything: A = -e^-40, a step size of 1 (S6, Mamba-Delta^T, Mamba-2).
constexpr double kNoDecay = -40;                             // A_log
constexpr double kStepOfOne = 0.541324854612918108978424;  // log(e - 1): softplus of it is 1
void keep_everything(Weights& w);

// Inner channel `inner` gets act(slope t + offset), t = 1 .. T; `constant`: an embedding channel that is always 1.
void time_channel(const Case& c, Weights& w, int inner, double slope, int constant, double offset);
// "" or why no channel knows t; `what` needs it.
std::string time_fits(const Case& c, const char* what);

// A step size that is large up to position `last` (counted from 1) and ~0 after it, for every channel of S6 (E25):
// z = 30 - 2 u, u = act(60 (t - last - 1/2)) in inner channel `inner`. `constant`: an embedding channel that is
// always 1.
void open_until(const Case& c, Weights& w, double last, int constant, int inner);
double step_at_last(const Case& c);  // the step size at position `last`
// "" or why the model lacks a position or a step size that open_until could use.
std::string open_until_fits(const Case& c);

// Opens the gate, if there is one, wherever one of these embedding channels is 1; returns the factor it multiplies by.
double open_gate(const Case& c, Weights& w, const std::vector<int>& channels);

// Logits kSure (<c_v, r / s> - |c_v|^2 / 2) for tokens first, first + 1, ..: the nearest code word to r / s (E23), r
// the output channels 0 .. length - 1. All other tokens stay below. Words at distance 1 differ by kSure / 2: the loss
// is then below 1e-3.
constexpr double kSure = 20;
void decode(Weights& w, const Codes& codes, int first, double s, int vocab);

// Rules that all constructions share, and those of a task's options.
std::string plain_network_fits(const Case& c);
std::string clean_recall_fits(const Case& c, const char* filler);
std::string needs_conv(const Case& c);
std::string needs_channels(const Case& c, int least, const char* what);
std::string needs_width(const Case& c, int outer, int inner, const char* what);  // least d and D

// The first that complains.
std::string first_of(std::initializer_list<std::string> reasons);

}  // namespace phasegrid::worker
