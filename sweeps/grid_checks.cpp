// What is wrong with a sweep as a whole, though each of its lines may stand in another one: no cell of it can exist, or
// none reads a key that it gives, or none can have a length that it tests at. What some cells lack is a fact of the grid.
#include <fmt/format.h>

#include "sweeps/defaults.hpp"
#include "sweeps/grid_data.hpp"

namespace phasegrid::sweeps {
namespace {

constexpr std::uint64_t kMostProven = 1'000'000;  // settings tried before a grid is let pass

// A reason begins with a key's name; the message points to where the sweep gives that key, else to its section.
[[noreturn]] void refuse(const Draft& draft, const std::string& reason) {
  const std::size_t colon = reason.find(": ");
  const std::string name = reason.substr(0, colon == std::string::npos ? 0 : colon);
  const int key = draft.schema->find(name);
  const bool given = key >= 0 && draft.sources[key].origin != Origin::fallback;
  const std::string why = key >= 0 ? reason.substr(colon + 2) : reason;
  fail(draft.file, given ? draft.sources[key].place : draft.task_place, key >= 0 ? path_of(draft, key) : "axes",
       "no cell of this grid can exist: " + why);
}

// Keys that the sweep gives, until a cell is found that reads them. A default that is said aloud asks for nothing.
class Unread {
 public:
  explicit Unread(const Draft& draft) : draft_(draft) {
    for (std::size_t i = 0; draft.schema->lacks && i < draft.sources.size(); ++i)
      if (draft.sources[i].origin != Origin::fallback) keys_.push_back({static_cast<int>(i), ""});
  }
  bool done() const { return keys_.empty(); }
  void see(const Settings& settings) {
    std::erase_if(keys_, [&](Key& given) {
      const auto& key = draft_.schema->keys[given.key];
      if (!settings.read(key)) return false;
      std::string lacks = draft_.schema->lacks(key.name, settings);
      if (lacks.empty() || settings.at(given.key) == default_value(key, settings)) return true;
      if (given.lacks.empty()) given.lacks = std::move(lacks);
      return false;
    });
  }
  void refuse() const {
    for (const Key& given : keys_)
      if (!given.lacks.empty())
        fail(draft_.file, draft_.sources[given.key].place, path_of(draft_, given.key),
             fmt::format("is read by no cell of this sweep, expected it together with {}", given.lacks));
  }

 private:
  struct Key {
    int key;
    std::string lacks;
  };
  const Draft& draft_;
  std::vector<Key> keys_;
};

// Lengths of [eval] T, until a cell is found whose task can have them.
class Lengths {
 public:
  explicit Lengths(const Draft& draft) : draft_(draft) {
    for (std::size_t i = 0; draft.schema->fits_length && i < draft.eval_T.size(); ++i) open_.push_back({i, ""});
  }
  bool done() const { return open_.empty(); }
  void see(const Settings& settings) {
    std::erase_if(open_, [&](Length& length) {
      std::string reason = draft_.schema->fits_length(settings, draft_.eval_T[length.place]);
      if (length.reason.empty()) length.reason = reason;
      return reason.empty();
    });
  }
  void refuse() const {
    if (open_.empty()) return;
    fail(draft_.file, draft_.eval_T_places[open_.front().place], "eval.T",
         fmt::format("no cell of this sweep can be tested at T = {}: {}", draft_.eval_T[open_.front().place], open_.front().reason));
  }

 private:
  struct Length {
    std::size_t place;
    std::string reason;
  };
  const Draft& draft_;
  std::vector<Length> open_;
};

}  // namespace

void check_cells(const Grid::Data& data) {
  std::vector<std::size_t> at(data.draft.axes.size(), 0);
  std::string first;
  bool possible = false;
  Unread unread(data.draft);
  Lengths lengths(data.draft);
  for (std::uint64_t tried = 0; tried < kMostProven; ++tried) {
    data.walker->go_to(at);
    const std::string reason = data.walker->reason();
    if (reason.empty()) possible = true, unread.see(data.walker->settings()), lengths.see(data.walker->settings());
    else if (first.empty()) first = reason;
    if (possible && unread.done() && lengths.done()) return;
    if (advance(data.axes, at.size(), at)) continue;
    if (!possible) refuse(data.draft, first);
    unread.refuse(), lengths.refuse();
    return;
  }
}

}  // namespace phasegrid::sweeps
