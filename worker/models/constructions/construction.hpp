// What a construction is: weights written down from a theorem instead of trained (docs/theory.md, section 3).
//
// One family of constructions is one file in this folder; one construction is one line of the table in
// constructions.cpp. A builder takes the cell as it is. Where the cell is larger than the theorem needs, the rest
// stays zero; where it is smaller, the builder drops what does not fit, in this order: value bits from the highest on,
// then keys, which share channels (k modulo their number); state columns and slots are shared by keys in the same way.
// Smaller cells therefore answer wrongly, but exist.
#pragma once
#include <cstdint>
#include <string>

#include "tasks/task.hpp"
#include "worker/models/constructions/weights.hpp"
#include "worker/models/settings.hpp"

namespace phasegrid::worker {

struct Sizes {
  std::int64_t d = 0, D = 0, N = 0;
};

// One cell as a builder sees it.
struct Case {
  ModelSettings model;
  tasks::Options task;
  std::uint64_t key = 0;       // of random codes
  std::uint64_t data_key = 0;  // of the cell's data: which function is to be learned
};

struct Construction {
  std::string name;                      // of the theorem's weights: "C1"
  std::string variant, task;             // which it solves with which
  std::string help;                      // one line
  Sizes (*sizes)(const Case&);           // from which on it is exact (C2c: right on average)
  std::string (*fits)(const Case&);      // "" or the setting it cannot work with, beginning with its key
  void (*build)(const Case&, Weights&);  // into weights that are zero
};

// The lines of the families; each may serve several variants.
Sizes c1_sizes(const Case&);  // mqar_memory.cpp
std::string c1_fits(const Case&);
void c1_build(const Case&, Weights&);
Sizes c1_scalar_sizes(const Case&);
std::string c1_scalar_fits(const Case&);
void c1_scalar_build(const Case&, Weights&);
Sizes c1b_sizes(const Case&);
std::string c1b_fits(const Case&);
void c1b_build(const Case&, Weights&);
Sizes c2a_sizes(const Case&);
std::string c2a_fits(const Case&);
void c2a_build(const Case&, Weights&);
Sizes c2c_sizes(const Case&);
std::string c2c_fits(const Case&);
void c2c_build(const Case&, Weights&);

Sizes c3_sizes(const Case&);  // mqar_slots.cpp
std::string c3_fits(const Case&);
void c3_build(const Case&, Weights&);
Sizes c4_sizes(const Case&);
std::string c4_fits(const Case&);
void c4_build(const Case&, Weights&);

Sizes c5_sizes(const Case&);  // keep_nth.cpp
std::string c5_fits(const Case&);
void c5_build(const Case&, Weights&);
Sizes c6_sizes(const Case&);
std::string c6_fits(const Case&);
void c6_build(const Case&, Weights&);

Sizes c7_sizes(const Case&);  // induction_heads.cpp
std::string c7_fits(const Case&);
void c7_build(const Case&, Weights&);
Sizes c7b_sizes(const Case&);
std::string c7b_fits(const Case&);
void c7b_build(const Case&, Weights&);

Sizes c8_sizes(const Case&);  // pointer_value_retrieval.cpp
std::string c8_fits(const Case&);
void c8_build(const Case&, Weights&);

std::string h1_fits(const Case&);  // projections.cpp
Sizes h1_channel_sizes(const Case&);
void h1_channel_build(const Case&, Weights&);
Sizes h1_column_sizes(const Case&);
void h1_column_build(const Case&, Weights&);
Sizes h2_sizes(const Case&);
std::string h2_fits(const Case&);
void h2_build(const Case&, Weights&);
Sizes h3_sizes(const Case&);
std::string h3_fits(const Case&);
void h3_build(const Case&, Weights&);

}  // namespace phasegrid::worker
