// /diagnostics of a results file: the labelled arrays of each cell, over the sweep's axes and their own.
//
// Extents may differ from cell to cell: shorter arrays are padded with NaN. A dimension that several arrays share with
// different extents, or that is an axis of the sweep, is prefixed with its array's name. Where arrays of one name have
// different dimensions (from variant to variant), each kind has its own variable, "decay" and "decay_by_head_bin".
#include <algorithm>
#include <map>
#include <set>

#include "results/results_parts.hpp"

namespace phasegrid::results {
namespace {

using sweeps::LabelledArray;

struct Form {
  std::vector<std::size_t> extents;  // the largest of any cell
  std::string variable;
  std::vector<std::string> dims;  // as they are called in the file

  std::size_t elements() const {
    std::size_t product = 1;
    for (const std::size_t extent : extents) product *= extent;
    return product;
  }
};
using Kind = std::pair<std::string, std::vector<std::string>>;  // an array's name and dimensions
using Forms = std::map<Kind, Form>;

Forms forms_of(const Known& known) {
  Forms forms;
  for (const sweeps::CellResult* result : known.cells) {
    if (!result) continue;
    for (const LabelledArray& array : result->diagnostics) {
      Form& form = forms[{array.name, array.dims}];
      form.extents.resize(array.shape.size());
      for (std::size_t i = 0; i < array.shape.size(); ++i) form.extents[i] = std::max(form.extents[i], array.shape[i]);
    }
  }
  return forms;
}

void choose_names(Forms& forms, const std::vector<std::string>& axes) {
  std::set<std::string> variables, ambiguous(axes.begin(), axes.end());
  std::map<std::string, std::size_t> extent_of;
  for (auto& [kind, form] : forms) {
    const auto& [name, dims] = kind;
    form.variable = name;
    if (!variables.insert(name).second) form.variable += "_by";
    if (form.variable != name)
      for (const std::string& dim : dims) form.variable += "_" + dim;
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (extent_of.try_emplace(dims[i], form.extents[i]).first->second != form.extents[i]) ambiguous.insert(dims[i]);
  }
  for (auto& [kind, form] : forms)
    for (const std::string& dim : kind.second)
      form.dims.push_back(ambiguous.contains(dim) ? form.variable + "_" + dim : dim);
}

// Puts the array into the corner of a block of the form's extents.
void place(const LabelledArray& array, const Form& form, std::span<double> block) {
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    std::size_t rest = i, at = 0, stride = 1;
    for (std::size_t k = form.extents.size(); k-- > 0; rest /= array.shape[k], stride *= form.extents[k])
      at += rest % array.shape[k] * stride;
    block[at] = array.data[i];
  }
}

}  // namespace

void write_diagnostics(NetcdfGroup group, const Known& known) {
  Forms forms = forms_of(known);
  const std::vector<std::string> axes = known.cube.names();
  choose_names(forms, axes);
  known.cube.write_dimensions(group);
  std::set<std::string> made;
  for (const auto& [kind, form] : forms) {
    std::vector<std::string> dims = axes;
    for (std::size_t i = 0; i < form.dims.size(); ++i) {
      if (made.insert(form.dims[i]).second) group.dimension(form.dims[i], form.extents[i]);
      dims.push_back(form.dims[i]);
    }
    const std::size_t elements = form.elements();
    std::vector<double> block(elements);
    const auto fill = [&](std::size_t first, std::span<double> out) {
      const std::size_t last = first + out.size();
      for (std::size_t cell = first / elements; cell * elements < last; ++cell) {
        std::ranges::fill(block, sweeps::kNaN);
        if (known.cells[cell])
          for (const LabelledArray& array : known.cells[cell]->diagnostics)
            if (array.name == kind.first && array.dims == kind.second) place(array, form, block);
        const std::size_t from = std::max(first, cell * elements), to = std::min(last, (cell + 1) * elements);
        for (std::size_t i = from; i < to; ++i) out[i - first] = block[i - cell * elements];
      }
    };
    group.variable(form.variable, dims, fill, {{"long_name", kind.first}});
  }
}

}  // namespace phasegrid::results
