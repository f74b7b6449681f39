// Rules between settings of any section that no table of tasks or variants can know.
#pragma once
#include <string>
#include <string_view>

#include "sweeps/settings.hpp"

namespace phasegrid::worker {

// As sweeps::Schema::fits: "" or why no such cell can exist, beginning with a key's name.
std::string settings_fit(const sweeps::Settings& settings);

// As sweeps::Schema::lacks: what a possible cell lacks to read a key.
std::string key_lacks(std::string_view key, const sweeps::Settings& settings);

}  // namespace phasegrid::worker
