// A group of a results file as a value: dimensions, variables over them, attributes. For groups that are made elsewhere
// and only kept here: /analysis outlives the rebuilding of the file.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "results/netcdf.hpp"

namespace phasegrid::results {

struct LabelledGroup {
  struct Dimension {
    std::string name;
    Array labels;
    Attributes attributes;
  };
  struct Variable {
    std::string name;
    std::vector<std::string> dims;
    Array values;  // row-major
    Attributes attributes;
  };
  std::vector<Dimension> dimensions;
  std::vector<Variable> variables;
  Attributes attributes;
};

void write_group(NetcdfGroup group, const LabelledGroup& content);

// Nothing where the file or the group is missing or cannot be read: what is derived is not worth an error.
std::optional<LabelledGroup> read_group(const std::filesystem::path& file, const std::string& group);

// Replaces or adds the group in a file that otherwise stays as it is; a reader sees the old file or the new one.
void replace_group(const std::filesystem::path& file, const std::string& group, const LabelledGroup& content);

}  // namespace phasegrid::results
