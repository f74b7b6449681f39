#include "sweeps/model_text.hpp"

#include <regex>

#include "sweeps/document.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::sweeps {
namespace {

const Entry* find_vocab(const Table& table) {
  if (const Entry* vocab = find(table, "vocab")) return vocab;
  const Entry* model = find(table, "model");
  return model && model->node.table() ? find(*model->node.table(), "vocab") : nullptr;
}

}  // namespace

// The text is completed to a sweep of one cell and read as every sweep file is; the task is the one with the fewest demands.
ModelText parse_model_text(const std::string& text, const std::string& file, std::shared_ptr<const Schema> schema) {
  const Table table = read_toml(text, file);
  const Entry* entry = find_vocab(table);
  const auto* vocab = entry && entry->node.value() ? std::get_if<std::int64_t>(entry->node.value()) : nullptr;
  if (!vocab || *vocab < 1) throw SweepError(file + ": vocab: expected the number of tokens, such as vocab = 16");
  static const std::regex vocab_line(R"((^|\n)[ \t]*vocab[ \t]*=[^\n]*)");
  const std::string header = find(table, "model") ? "" : "[model]\n";
  const Grid grid = Grid::parse(header + std::regex_replace(text, vocab_line, "$1") + "\n[sweep]\nname = \"weights\"\n[task]\nname = \"keep_nth\"\nn = 1\nT = 1\nvocab = " +
                                    std::to_string(*vocab) + "\n",
                                file, std::move(schema));
  return {grid.cell(0).settings, static_cast<int>(*vocab)};
}

}  // namespace phasegrid::sweeps
