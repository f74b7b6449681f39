#include "sweeps/model_text.hpp"

#include <algorithm>
#include <regex>

#include "sweeps/document.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::sweeps {
namespace {

// A number that belongs to the task, not to [model]; 0 where it is not said.
int read_size(const Table& table, const char* key, const std::string& file) {
  const Entry* entry = find(table, key);
  const Entry* model = find(table, "model");
  if (!entry && model && model->node.table()) entry = find(*model->node.table(), key);
  if (!entry) return 0;
  const auto* number = entry->node.value() ? std::get_if<std::int64_t>(entry->node.value()) : nullptr;
  if (!number || *number < 1 || *number > (1 << 24)) throw SweepError(file + ": " + key + ": expected a positive number, such as " + key + " = 16");
  return static_cast<int>(*number);
}

}  // namespace

// The text is completed to a sweep of one cell and read as every sweep file is; the task is the one with the fewest demands.
ModelText parse_model_text(const std::string& text, const std::string& file, std::shared_ptr<const Schema> schema) {
  const Table table = read_toml(text, file);
  ModelText model{Settings(*schema), read_size(table, "vocab", file), read_size(table, "channels", file), read_size(table, "outputs", file)};
  const bool real = model.channels > 0 && model.outputs > 0 && model.vocab == 0, tokens = model.vocab > 0 && model.channels + model.outputs == 0;
  if (!real && !tokens) throw SweepError(file + ": vocab: expected the number of tokens, such as vocab = 16, or channels and outputs of a real-valued model");
  static const std::regex sizes(R"((^|\n)[ \t]*(vocab|channels|outputs)[ \t]*=[^\n]*)");
  const std::string header = find(table, "model") ? "" : "[model]\n";
  const Grid grid = Grid::parse(header + std::regex_replace(text, sizes, "$1") + "\n[sweep]\nname = \"weights\"\n[task]\nname = \"keep_nth\"\nn = 1\nT = 1\nvocab = " +
                                    std::to_string(std::max(2, model.vocab)) + "\n",
                                file, std::move(schema));
  model.settings = grid.cell(0).settings;
  return model;
}

}  // namespace phasegrid::sweeps
