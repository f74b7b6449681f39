// Defaults as sweep files would write them, and whether a value may stand at a key.
#pragma once
#include <optional>
#include <string>

#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

// The text of a key's default for this task and variant: the variant's own, else the task's own, else the key's.
const std::string& fallback_text(const Key& key, const Choice* task, const Choice* variant);

// The default when it is a plain value of the key's kind; nothing when it is empty, an expression or another key's
// name.
std::optional<Value> literal(const Key& key, const std::string& text);

// The value as the key's kind stores it: integers where a real may stand become reals, 1e3 becomes an integer where one
// must stand. Nothing when the kind or the range does not allow it.
std::optional<Value> converted(const Key& key, const Value& value);

std::string expectation(const Key& key);  // "an integer from 1 to 64", "one of \"silu\", \"identity\""
bool numeric(const Value& value);
// What a value counts as in the expression of a default: a number as itself, a word as its place among its key's words.
std::optional<double> counted(const Key& key, const Value& value);
double number(const Value& value);  // of a numeric value; booleans count as 0 and 1

// A number as the key stores it: integers to within 1e-9. Otherwise says in `problem` why it cannot stand there.
std::optional<Value> from_number(const Key& key, double x, std::string& problem);

// The default of a key in a cell that is otherwise complete, with expressions evaluated.
Value default_value(const Key& key, const Settings& settings);

}  // namespace phasegrid::sweeps
