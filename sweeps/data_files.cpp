#include "sweeps/data_files.hpp"

#include <fmt/format.h>

#include "sweeps/draft.hpp"

namespace phasegrid::sweeps {
namespace {

std::string place_text(const Draft& draft, Place place, int key) {
  return fmt::format("{}:{}:{}: {}", draft.file, place.line, place.column, path_of(draft, key));
}

}  // namespace

void read_data(Draft& draft, const Table& section) {
  auto files = std::make_shared<DataFiles>();
  for (const Entry& entry : section) {
    const std::string path = "data." + entry.key;
    DataFile& data = (*files)[entry.key];
    if (!entry.node.table())
      fail(draft.file, entry.place, path, fmt::format("found {}, expected what the file held; without [data] the file is asked", describe(entry.node)));
    for (const Entry& fact : *entry.node.table()) {
      const Value* value = fact.node.value();
      if (!value) fail(draft.file, fact.place, path + "." + fact.key, fmt::format("found {}, expected a value", describe(fact.node)));
      const auto* text = std::get_if<std::string>(value);
      const auto* number = std::get_if<std::int64_t>(value);
      if (text && fact.key == "file") data.file = *text;
      else if (text && fact.key == "content") data.content = *text;
      else if (number) data.numbers[fact.key] = *number;
      else fail(draft.file, fact.place, path + "." + fact.key, fmt::format("found {}, expected an integer", describe(fact.node)));
    }
    if (data.file.empty() || data.content.empty())
      fail(draft.file, entry.place, path, "expected file and content; without [data] the file is asked");
  }
  draft.data = std::move(files);
}

NamedFiles named_files(const std::string& text, const std::string& file, std::shared_ptr<const Schema> schema) {
  const Draft draft = read_draft(text, file, std::move(schema));
  NamedFiles named;
  if (draft.data) named.recorded = *draft.data;
  for (std::size_t i = 0; i < draft.sources.size(); ++i) {
    const Key& key = draft.schema->keys[i];
    const Source& source = draft.sources[i];
    if (key.kind != Kind::file) continue;
    const auto add = [&](const Value& value, Place place) {
      const auto& path = std::get<std::string>(value);
      if (path != key.fallback) named.paths.emplace_back(path, place_text(draft, place, static_cast<int>(i)));
    };
    if (source.origin == Origin::literal) add(source.value, source.place);
    if (source.origin != Origin::axis) continue;
    for (const auto& point : draft.axes[source.axis].values) add(point[source.member], source.place);
  }
  return named;
}

std::string with_data(const std::string& text, const DataFiles& data) {
  std::string section = "\n[data]  # what the files held when this sweep was read\n";
  for (const auto& [path, facts] : data) {
    section += fmt::format("{} = {{ file = {}, content = {}", to_text(Value{path}), to_text(Value{facts.file}), to_text(Value{facts.content}));
    for (const auto& [name, number] : facts.numbers) section += fmt::format(", {} = {}", name, number);
    section += " }\n";
  }
  return text + (text.ends_with('\n') ? "" : "\n") + section;
}

}  // namespace phasegrid::sweeps
