// The keys that several tasks read. A key's name means one thing only, so each is written down once.
#pragma once
#include <string>

#include "tasks/task.hpp"

namespace phasegrid::tasks {

inline OptionKey key_T(std::string fallback) {
  return {"T", OptionKey::integer, std::move(fallback), 1, 1 << 20, {}, "sequence length"};
}
inline OptionKey key_vocab(std::string fallback) {
  return {
      "vocab", OptionKey::integer, std::move(fallback), 2, 1 << 20, {}, "vocabulary size, without a task's own marks"};
}
inline OptionKey key_nu(std::string fallback) {
  return {"nu", OptionKey::integer, std::move(fallback), 1, 1 << 20, {}, "number of value symbols"};
}

// "k" and 3 make "k3", for drawn examples.
inline std::string mark(std::string text, std::int32_t number) { return text += std::to_string(number); }

// "key = number", for the messages of fits().
inline std::string say(const Options& options, const std::string& name) {
  return name + " = " + std::to_string(options.integer(name));
}

}  // namespace phasegrid::tasks
