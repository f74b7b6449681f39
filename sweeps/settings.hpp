// The settings of a sweep: what keys exist (Schema), and one value for each of them (Settings).
//
// The keys `task` and `variant` (in a file: `name` in [task], `variant` in [model]) name a line of the table of tasks
// or variants. This folder knows no task and no model. The tables of tasks/ and worker/models/ say which keys they
// read; worker/schema.cpp joins them into one Schema, which is handed to the parser. A key's name means one thing only,
// whichever table lists it.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "sweeps/data_files.hpp"

namespace phasegrid::sweeps {

using Value = std::variant<bool, std::int64_t, double, std::string>;
std::string to_text(
    const Value& value);  // as a sweep file would write it; doubles in the shortest form that reads back

enum class Section { task, model, train, eval, diagnostics, search };
enum class Kind { boolean, integer, real, word, integer_or_word, file };  // file: a path, see data_files.hpp

// One key of a sweep file.
struct Key {
  std::string name;
  Section section;
  Kind kind;
  std::string fallback;  // the default, as a sweep file writes it ("2", "silu"), an expression ("1+kappa+nu"), or for
                         // words another key's name ("norm": the same as norm); empty: the sweep must say it
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  std::vector<std::string> words;  // what a word may be
  std::string help;                // one line
  std::vector<std::string> only;   // the tasks or variants that read it; empty: all
};

class Settings;

// One line of the task table or of the variant table, as the parser sees it.
struct Choice {
  std::string name;
  std::map<std::string, std::string> fallbacks;  // defaults that differ for this task or variant
  // Fills settings that follow from others, after the defaults: those of its own section that the sweep does not give.
  // Gives the same again when called again. A task's reads keys of [task] only. May be empty.
  std::function<void(Settings&)> complete;
  // "" or the reason why no such cell can exist, beginning with a key's name: "pairs: 9 pairs need 9 keys, kappa is 8".
  // A task's reads keys of [task] only. May be empty.
  std::function<std::string(const Settings&)> fits;
  // Of a task: it asks for numbers, accuracy is R2 and the loss a squared error. Reads keys of [task] only. May be empty: it does not.
  std::function<bool(const Settings&)> regression;
};

// What one cell costs, counted, not measured, for training and evaluation together (worker/cost.cpp).
struct Cost {
  std::uint64_t parameters = 0;  // trainable numbers
  std::uint64_t bytes = 0;       // peak memory of one cell
  double flops = 0;              // of matrix products and convolutions
  double exponentials = 0;       // one per state update and direction, and those of activations
  double positions = 0;          // tokens drawn and walked through
  double steps = 0;              // of the optimiser
};

struct Schema {
  std::vector<Key> keys;
  std::vector<Choice> tasks, variants;
  std::function<std::string(const Settings&)> fits;  // rules between settings of any section; may be empty
  // "" or what a possible cell lacks to read a key: "init = \"construction\"". A key that no cell reads is refused. May be empty.
  std::function<std::string(std::string_view key, const Settings&)> lacks;
  // "" or why the cell's task cannot have another length, as in [eval] T. May be empty.
  std::function<std::string(const Settings&, int T)> fits_length;
  std::function<Cost(const Settings&)> cost;         // of a complete cell
  // The theorem whose weights a complete cell starts from ("C1"); "" where it starts from random ones. May be empty.
  std::function<std::string(const Settings&)> construction;

  void index();                                     // call when the last key is listed: find() is fast from then on
  int find(std::string_view name) const;            // index into keys, or -1
  const Choice* task(std::string_view name) const;  // null if there is none
  const Choice* variant(std::string_view name) const;

 private:
  struct Hash {  // keys are short
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      std::size_t h = 0xcbf29ce484222325ull;
      for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
      return h;
    }
  };
  std::unordered_map<std::string, int, Hash, std::equal_to<>> places_;
};

// One value for every key of a schema, which must outlive it. Copies are cheap enough for one cell, not for a million:
// see Grid::visit.
class Settings {
 public:
  explicit Settings(const Schema& schema);

  const Value& value(std::string_view name) const;  // asserts that the key exists
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;              // an integer reads as a real
  const std::string& word(std::string_view name) const;  // "" unless the value is a word
  bool is_word(std::string_view name) const;
  bool given(std::string_view name) const;  // said by the sweep file, rather than a default

  void set(std::string_view name, Value value, bool given);
  const Value& at(int key) const { return values_[key]; }  // by its place in Schema::keys
  void put(int key, Value value, bool given);
  bool read(const Key& key) const;  // the cell's task or variant reads this key
  const Schema& schema() const { return *schema_; }

  // What the file of a key held when the sweep was read; null: nobody has looked, or it is none.
  const DataFile* data(std::string_view key) const;
  void attach(std::shared_ptr<const DataFiles> data) { data_ = std::move(data); }

  // Canonical text of a section: `key = value` lines sorted by name, without keys that have their default value and
  // without keys that the cell's task or variant does not read. Random streams are keyed by it, so that a new option
  // re-keys nothing. Of a file it has the content, not the path.
  std::string canonical(Section section) const;

 private:
  const Schema* schema_;
  std::vector<Value> values_;
  std::vector<bool> given_;
  std::shared_ptr<const DataFiles> data_;
};

}  // namespace phasegrid::sweeps
