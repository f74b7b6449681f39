// /diagnostics of a results file: the labelled arrays of each cell, over the sweep's axes and their own.
//
// An array of one dimension that has the dimension's name holds its labels. They become the dimension's coordinate, all
// that any cell has, numbers ascending and words in the order of their first cell, and arrays are placed by label.
// Extents of dimensions without labels may differ from cell to cell: shorter arrays are padded with NaN. A dimension that
// several arrays share with different extents, or that is an axis of the sweep, is prefixed with its array's name. Where
// arrays of one name have different dimensions (from variant to variant), each kind has its own variable, "decay" and
// "decay_by_head_bin".
#include <algorithm>
#include <map>
#include <set>

#include "results/results_parts.hpp"

namespace phasegrid::results {
namespace {

using sweeps::LabelledArray;

struct Labels {
  std::vector<double> numbers;
  std::vector<std::string> words;
  std::string long_name, units;

  std::size_t size() const { return words.empty() ? numbers.size() : words.size(); }
};
using AllLabels = std::map<std::string, Labels>;

struct Form {
  std::vector<std::size_t> extents;  // of all cells together
  std::string variable, long_name, units;
  std::vector<std::string> dims;  // as they are called in the file

  std::size_t elements() const {
    std::size_t product = 1;
    for (const std::size_t extent : extents) product *= extent;
    return product;
  }
};
using Kind = std::pair<std::string, std::vector<std::string>>;  // an array's name and dimensions
using Forms = std::map<Kind, Form>;

bool is_label(const LabelledArray& array) { return array.dims.size() == 1 && array.dims[0] == array.name; }

AllLabels labels_of(const Known& known) {
  AllLabels all;
  for (const sweeps::CellResult* result : known.cells) {
    if (!result) continue;
    for (const LabelledArray& array : result->diagnostics) {
      if (!is_label(array)) continue;
      Labels& labels = all[array.name];
      labels.long_name = array.long_name, labels.units = array.units;
      for (const double number : array.data)
        if (std::ranges::find(labels.numbers, number) == labels.numbers.end()) labels.numbers.push_back(number);
      for (const std::string& word : array.text)
        if (std::ranges::find(labels.words, word) == labels.words.end()) labels.words.push_back(word);
    }
  }
  for (auto& [name, labels] : all) std::ranges::sort(labels.numbers);
  return all;
}

Forms forms_of(const Known& known, const AllLabels& labels) {
  Forms forms;
  for (const sweeps::CellResult* result : known.cells) {
    if (!result) continue;
    for (const LabelledArray& array : result->diagnostics) {
      if (is_label(array)) continue;
      Form& form = forms[{array.name, array.dims}];
      form.long_name = array.long_name.empty() ? array.name : array.long_name, form.units = array.units;
      form.extents.resize(array.shape.size());
      for (std::size_t i = 0; i < array.shape.size(); ++i) {
        const auto labelled = labels.find(array.dims[i]);
        form.extents[i] =
            labelled != labels.end() ? labelled->second.size() : std::max(form.extents[i], array.shape[i]);
      }
    }
  }
  return forms;
}

void choose_names(Forms& forms, const AllLabels& labels, const std::vector<std::string>& axes) {
  std::set<std::string> variables, ambiguous(axes.begin(), axes.end());
  for (const auto& [name, label] : labels) variables.insert(name);
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

// Where each entry of a dimension of one cell's arrays goes.
std::vector<std::size_t> places(const std::string& dim, std::size_t extent, const std::vector<LabelledArray>& arrays,
                                const AllLabels& labels) {
  std::vector<std::size_t> at;
  const auto own = std::ranges::find_if(arrays, [&](const LabelledArray& a) { return is_label(a) && a.name == dim; });
  for (std::size_t i = 0; i < extent; ++i) {
    at.push_back(i);
    if (own == arrays.end()) continue;
    const Labels& all = labels.at(dim);
    if (!all.words.empty() && i < own->text.size())
      at.back() = static_cast<std::size_t>(std::ranges::find(all.words, own->text[i]) - all.words.begin());
    else if (all.words.empty() && i < own->data.size())
      at.back() = static_cast<std::size_t>(std::ranges::find(all.numbers, own->data[i]) - all.numbers.begin());
  }
  return at;
}

void place(const LabelledArray& array, const Form& form, const std::vector<LabelledArray>& arrays,
           const AllLabels& labels, std::span<double> block) {
  std::vector<std::vector<std::size_t>> at;
  for (std::size_t k = 0; k < array.dims.size(); ++k)
    at.push_back(places(array.dims[k], array.shape[k], arrays, labels));
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    std::size_t rest = i, target = 0, stride = 1;
    for (std::size_t k = form.extents.size(); k-- > 0; rest /= array.shape[k], stride *= form.extents[k])
      target += at[k][rest % array.shape[k]] * stride;
    block[target] = array.data[i];
  }
}

void write_dimension(NetcdfGroup& group, const std::string& name, const std::string& dim, std::size_t extent,
                     const AllLabels& labels) {
  const auto labelled = labels.find(dim);
  if (labelled == labels.end()) return group.dimension(name, extent);
  const Labels& own = labelled->second;
  Attributes attributes;
  if (!own.long_name.empty()) attributes.push_back({"long_name", own.long_name});
  if (!own.units.empty()) attributes.push_back({"units", own.units});
  group.coordinate(name, own.words.empty() ? Array{own.numbers} : Array{own.words}, attributes);
}

}  // namespace

void write_diagnostics(NetcdfGroup group, const Known& known) {
  const AllLabels labels = labels_of(known);
  Forms forms = forms_of(known, labels);
  const std::vector<std::string> axes = known.cube.names();
  choose_names(forms, labels, axes);
  known.cube.write_dimensions(group);
  std::set<std::string> made;
  for (const auto& [kind, form] : forms) {
    std::vector<std::string> dims = axes;
    for (std::size_t i = 0; i < form.dims.size(); ++i) {
      if (made.insert(form.dims[i]).second)
        write_dimension(group, form.dims[i], kind.second[i], form.extents[i], labels);
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
            if (array.name == kind.first && array.dims == kind.second)
              place(array, form, known.cells[cell]->diagnostics, labels, block);
        const std::size_t from = std::max(first, cell * elements), to = std::min(last, (cell + 1) * elements);
        for (std::size_t i = from; i < to; ++i) out[i - first] = block[i - cell * elements];
      }
    };
    Attributes attributes = {{"long_name", form.long_name}};
    if (!form.units.empty()) attributes.push_back({"units", form.units});
    group.variable(form.variable, dims, fill, attributes);
  }
}

}  // namespace phasegrid::results
