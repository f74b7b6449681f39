// A sweep file after reading: where the value of each key comes from. What draft.cpp writes, the walker computes with.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "sweeps/document.hpp"
#include "sweeps/grid.hpp"
#include "sweeps/suggestion.hpp"

namespace phasegrid::sweeps {

enum class Origin { fallback, literal, expression, axis };

// Where the value of one key comes from.
struct Source {
  Origin origin = Origin::fallback;
  Value value;             // literal
  std::string expression;  // the one expression that gives it in all cells
  int axis = -1;           // the dimension that lists its values,
  int member = 0;          // and the place among the keys that are tied together there
  Place place;             // in the file
  bool in_axes = false;    // said in [axes] rather than in its section
};

struct Draft {
  std::shared_ptr<const Schema> schema;
  std::string file, text, name;
  std::vector<Source> sources;             // one per key of the schema
  std::vector<Axis> axes;                  // without the seed
  std::vector<std::vector<Place>> places;  // [axis][point] of the first key, for messages
  std::vector<std::int64_t> seeds;
  std::vector<int> eval_T;
  std::vector<Place> eval_T_places;
  Search search;
  std::vector<std::string> tasks, variants;  // in use
  Place task_place, axes_place;              // of the sections
  std::shared_ptr<const DataFiles> data;     // [data]; null without
};

// Throws SweepError.
Draft read_draft(std::string text, std::string file, std::shared_ptr<const Schema> schema);

// The parts of read_draft, one file each.
void read_axes(Draft& draft, const Table& section);                // draft_axes.cpp
void read_sweep(Draft& draft, const Table& section, Place place);  // draft_sections.cpp
void read_eval_T(Draft& draft, const Node& node);
void read_search(Draft& draft, const Table& section, Place place);
void read_data(Draft& draft, const Table& section);  // data_files.cpp

// The value that stands at `node` for a key, converted to the key's kind; an expression where a text stands for a
// number.
struct Given {
  bool expression = false;
  Value value;  // of an expression: its text
};
Given read_value(const Draft& draft, const Key& key, const std::string& path, const Node& node);

const char* to_text(Section section);
std::string path_of(const Draft& draft, int key);  // "axes.d" or "model.d": where the sweep gives it

// Also tells when the key, or one that is spelled nearly so, belongs into another section.
[[noreturn]] void unknown_key(const Draft& draft, const Entry& entry, const std::string& path,
                              const std::vector<std::string>& known);

}  // namespace phasegrid::sweeps
