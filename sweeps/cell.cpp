#include "sweeps/cell.hpp"

#include <array>
#include <stdexcept>

namespace phasegrid::sweeps {
namespace {
constexpr std::array kNames{"pending", "done", "diverged", "out_of_memory", "failed", "timeout", "infeasible", "inferred"};
}

const char* to_text(Status status) { return kNames.at(static_cast<std::size_t>(status)); }

Status status_from_text(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (text == kNames[i]) return static_cast<Status>(i);
  throw std::invalid_argument("no cell status is called \"" + std::string(text) + "\"");
}

}  // namespace phasegrid::sweeps
