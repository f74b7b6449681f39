// The [model] text that a weights file carries, with the vocabulary: `vocab = 16`, `variant = "mamba"`, `d = 32` ...
// A real-valued model has `channels = 1` and `outputs = 1` instead.
#pragma once
#include <memory>
#include <string>

#include "sweeps/error.hpp"
#include "sweeps/settings.hpp"

namespace phasegrid::sweeps {

struct ModelText {
  Settings settings;   // a cell with this [model] section; its task is of no account
  int vocab = 0, channels = 0, outputs = 0;   // vocab, or the other two
};

// Throws SweepError with line and column of `text`; `file` is used in messages.
ModelText parse_model_text(const std::string& text, const std::string& file, std::shared_ptr<const Schema> schema);

}  // namespace phasegrid::sweeps
