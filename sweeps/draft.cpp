#include "sweeps/draft.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sweeps/defaults.hpp"
#include "sweeps/expression.hpp"

namespace phasegrid::sweeps {
namespace {

struct SectionName {
  const char* name;
  Section section;
};
constexpr SectionName kKeySections[] = {{"task", Section::task},
                                        {"model", Section::model},
                                        {"train", Section::train},
                                        {"eval", Section::eval},
                                        {"diagnostics", Section::diagnostics}};
const std::vector<std::string> kSections{"sweep", "task", "axes", "model", "train", "eval", "search", "diagnostics", "data"};

// In a file the task's name is `name` in [task]; everywhere else the key is called `task`.
std::string written_name(const Key& key) { return key.name == "task" ? "name" : key.name; }

std::vector<std::string> names_in(const Schema& schema, Section section) {
  std::vector<std::string> names;
  for (const Key& key : schema.keys)
    if (key.section == section) names.push_back(written_name(key));
  if (section == Section::eval) names.push_back("T");
  return names;
}

void read_keys(Draft& draft, const Table& table, SectionName where) {
  for (const Entry& entry : table) {
    const std::string path = fmt::format("{}.{}", where.name, entry.key);
    if (where.section == Section::eval && entry.key == "T") {
      read_eval_T(draft, entry.node);
      continue;
    }
    const bool task_name = where.section == Section::task && entry.key == "name";
    const int at = draft.schema->find(task_name ? "task" : entry.key);
    const bool elsewhere = at >= 0 && draft.schema->keys[at].section != where.section;
    if (at < 0 || elsewhere || (entry.key == "task" && where.section == Section::task)) {
      unknown_key(draft, entry, path, names_in(*draft.schema, where.section));
    }
    const Key& key = draft.schema->keys[at];
    Source& source = draft.sources[at];
    if (source.origin != Origin::fallback)
      fail(draft.file, entry.place, path,
           fmt::format("is given twice, expected either this or {} in [axes] (line {})", key.name, source.place.line));
    if (entry.node.list() && where.section != Section::eval && where.section != Section::diagnostics)
      fail(draft.file, entry.node.place, path,
           fmt::format("found {}, expected {}; lists belong into [axes]", describe(entry.node), expectation(key)));
    const Given given = read_value(draft, key, path, entry.node);
    source.origin = given.expression ? Origin::expression : Origin::literal;
    source.place = entry.node.place;
    if (given.expression) source.expression = std::get<std::string>(given.value);
    else source.value = given.value;
  }
}

// The lines of the task or variant table that the sweep uses.
std::vector<std::string> choices_in_use(const Draft& draft, const std::string& key, Place section) {
  const int at = draft.schema->find(key);
  const Source& source = draft.sources[at];
  std::vector<std::string> names;
  if (source.origin == Origin::literal) names.push_back(std::get<std::string>(source.value));
  if (source.origin == Origin::axis)
    for (const auto& point : draft.axes[source.axis].values)
      names.push_back(std::get<std::string>(point[source.member]));
  if (source.origin == Origin::fallback) {
    const Key& line = draft.schema->keys[at];
    if (line.fallback.empty())
      fail(draft.file, section, key == "task" ? "task.name" : "model." + key,
           fmt::format("is missing, expected {} (or a list of them as {} in [axes])", expectation(line), key));
    names.push_back(line.fallback);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool any_reads(const Draft& draft, const Key& key) {
  const auto listed = [&](const std::string& name) {
    return std::find(key.only.begin(), key.only.end(), name) != key.only.end();
  };
  return key.only.empty() || std::any_of(draft.tasks.begin(), draft.tasks.end(), listed) ||
         std::any_of(draft.variants.begin(), draft.variants.end(), listed);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

void check_every_key(const Draft& draft, Place model_place) {
  for (std::size_t i = 0; i < draft.sources.size(); ++i) {
    const Key& key = draft.schema->keys[i];
    const Source& source = draft.sources[i];
    const std::string path = path_of(draft, static_cast<int>(i));
    if (source.origin != Origin::fallback && !any_reads(draft, key))
      fail(draft.file, source.place, path,
           fmt::format("is not read by {}, expected a key that is; it belongs to {}",
                       joined(key.section == Section::task ? draft.tasks : draft.variants), joined(key.only)));
    if (source.origin == Origin::fallback && key.fallback.empty() && key.name != "task" && key.name != "variant" &&
        any_reads(draft, key))
      fail(draft.file, key.section == Section::task ? draft.task_place : model_place, path,
           fmt::format("is missing, expected {} in [{}] or a list of them in [axes]", expectation(key),
                       to_text(key.section)));
  }
}

const Table* section_table(const Draft& draft, const Table& document, const char* name, Place& place) {
  const Entry* entry = find(document, name);
  if (!entry) return nullptr;
  place = entry->node.place;
  if (!entry->node.table())
    fail(draft.file, entry->place, name, fmt::format("found {}, expected a section [{}]", describe(entry->node), name));
  return entry->node.table();
}

}  // namespace

const char* to_text(Section section) {
  for (const auto& line : kKeySections)
    if (line.section == section) return line.name;
  return "search";
}

std::string path_of(const Draft& draft, int key) {
  return fmt::format("{}.{}", draft.sources[key].in_axes ? "axes" : to_text(draft.schema->keys[key].section),
                     draft.schema->keys[key].name);
}

Given read_value(const Draft& draft, const Key& key, const std::string& path, const Node& node) {
  const auto wrong = [&] {
    fail(draft.file, node.place, path, fmt::format("found {}, expected {}", describe(node), expectation(key)));
  };
  if (!node.value()) wrong();
  if (const auto value = converted(key, *node.value())) return {false, *value};
  const auto* text = std::get_if<std::string>(node.value());
  if (text && key.kind == Kind::word) {
    const std::string hint = suggestion(*text, key.words);
    const bool guess = hint.find("did you mean") != std::string::npos;
    fail(draft.file, node.place, path,
         fmt::format("found {}, expected {}{}", describe(node), expectation(key), guess ? hint : ""));
  }
  if (!text || key.kind == Kind::boolean || key.kind == Kind::file) wrong();
  try {
    const Expression expression(*text);
    for (const auto& name : expression.names()) {
      const int at = draft.schema->find(name);
      std::vector<std::string> known;
      for (const Key& other : draft.schema->keys)
        if (other.kind == Kind::integer || other.kind == Kind::real) known.push_back(other.name);
      if (at < 0 || std::find(known.begin(), known.end(), name) == known.end())
        fail(draft.file, node.place, path,
             fmt::format("found the expression {}, but \"{}\" is no numeric setting{}", describe(node).substr(11), name,
                         suggestion(name, known)));
    }
  } catch (const ExpressionError& error) {
    fail(draft.file, {node.place.line, node.place.column + 1 + error.offset}, path,
         fmt::format("{}, expected {} or an expression like \"2*kappa\"", error.what(), expectation(key)));
  }
  return {true, *text};
}

Draft read_draft(std::string text, std::string file, std::shared_ptr<const Schema> schema) {
  Draft draft;
  draft.schema = std::move(schema), draft.file = std::move(file), draft.text = std::move(text);
  draft.sources.resize(draft.schema->keys.size());
  const Table document = read_toml(draft.text, draft.file);
  for (const Entry& entry : document)
    if (std::find(kSections.begin(), kSections.end(), entry.key) == kSections.end())
      unknown_key(draft, entry, entry.key, kSections);

  Place place;
  const Table* sweep = section_table(draft, document, "sweep", place);
  if (!sweep) fail(draft.file, {}, "sweep", "section [sweep] is missing, expected one with at least a name");
  read_sweep(draft, *sweep, place);
  if (const Table* axes = section_table(draft, document, "axes", draft.axes_place)) read_axes(draft, *axes);
  const Table* task = section_table(draft, document, "task", draft.task_place);
  const bool task_axis = draft.sources[draft.schema->find("task")].origin == Origin::axis;
  if (!task && !task_axis) fail(draft.file, {}, "task", "section [task] is missing, expected one with at least a name");
  Place model_place = draft.axes_place;
  for (const SectionName where : kKeySections) {
    Place at;
    const Table* table = section_table(draft, document, where.name, at);
    if (table && where.section == Section::model) model_place = at;
    if (table) read_keys(draft, *table, where);
  }
  draft.tasks = choices_in_use(draft, "task", draft.task_place);
  draft.variants = choices_in_use(draft, "variant", model_place);
  check_every_key(draft, model_place);
  if (const Table* data = section_table(draft, document, "data", place)) read_data(draft, *data);
  if (const Table* search = section_table(draft, document, "search", place)) read_search(draft, *search, place);
  return draft;
}

}  // namespace phasegrid::sweeps
