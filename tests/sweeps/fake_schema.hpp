// A schema with two tasks and two variants, so that tests of the sweep language do not change with the real tables.
#pragma once
#include <memory>
#include <string>

#include "sweeps/grid.hpp"

namespace phasegrid::sweeps {

inline std::shared_ptr<const Schema> build_fake_schema() {
  const auto schema = std::make_shared<Schema>();
  const auto word = [](const char* name, Section section, const char* fallback, std::vector<std::string> words) {
    return Key{name, section, Kind::word, fallback, 0, 0, std::move(words), "", {}};
  };
  const auto integer = [](const char* name, Section section, const char* fallback, std::vector<std::string> only = {}) {
    return Key{name, section, Kind::integer, fallback, 1, 1e6, {}, "", std::move(only)};
  };
  const auto real = [](const char* name, Section section, const char* fallback) {
    return Key{name, section, Kind::real, fallback, 0, 10, {}, "", {}};
  };
  const Key path{"path", Section::task, Kind::file, "none", 0, 0, {}, "", {"keep"}};
  Key rank{"delta_rank", Section::model, Kind::integer_or_word, "auto", 1, 64, {"auto", "full"}, "", {}};
  schema->keys = {
      word("task", Section::task, "", {"recall", "keep"}),
      integer("kappa", Section::task, "8", {"recall"}),
      integer("nu", Section::task, "kappa", {"recall"}),
      integer("vocab", Section::task, "1+kappa+nu"),
      integer("T", Section::task, "64"),
      path,
      word("variant", Section::model, "mamba", {"mamba", "s4d"}),
      integer("d", Section::model, ""),
      integer("N", Section::model, "16"),
      Key{"gate", Section::model, Kind::boolean, "true", 0, 1, {}, "", {}},
      word("norm", Section::model, "none", {"none", "rms", "layer"}),
      word("final_norm", Section::model, "norm", {"none", "rms", "layer"}),
      rank,
      integer("modes", Section::model, "4", {"s4d"}),
      integer("steps", Section::train, "1000"),
      real("learning_rate", Section::train, "3e-3"),
      integer("every", Section::eval, "max(1, ceil(steps/30))"),
  };
  // A vocabulary given alone is split into keys and values.
  const auto complete = [](Settings& s) {
    if (!s.given("vocab") || s.given("kappa") || s.given("nu")) return;
    s.set("kappa", s.integer("vocab") / 2 - 1, false);
    s.set("nu", s.integer("vocab") - s.integer("vocab") / 2, false);
  };
  const auto fits = [](const Settings& s) -> std::string {
    if (1 + s.integer("kappa") + s.integer("nu") > s.integer("vocab"))
      return "vocab: expected 1 + kappa + nu <= vocab, but vocab = " + std::to_string(s.integer("vocab"));
    return s.integer("T") % 2 ? "T: expected an even T, but T = " + std::to_string(s.integer("T")) : "";
  };
  schema->tasks = {{"recall", {}, complete, fits}, {"keep", {{"T", "20"}, {"vocab", "32"}}, {}, {}}};
  // Without a gate there is a norm, unless the sweep says otherwise.
  const auto complete_s4d = [](Settings& s) {
    if (!s.given("norm") && !s.boolean("gate")) s.set("norm", std::string("rms"), false);
  };
  schema->variants = {{"mamba", {}, {}, {}}, {"s4d", {{"N", "2*modes"}}, complete_s4d, {}}};
  schema->cost = [](const Settings& s) {
    Cost cost;
    cost.parameters = 1, cost.flops = s.real("d") * s.real("N");
    return cost;
  };
  schema->index();
  return schema;
}

// One for all: settings refer to their schema.
inline std::shared_ptr<const Schema> fake_schema() {
  static const std::shared_ptr<const Schema> schema = build_fake_schema();
  return schema;
}

inline Grid parsed(const std::string& text) { return Grid::parse(text, "sweep.toml", fake_schema()); }

// A sweep of recall with the given lines in its sections, which begin in lines 1, 3, 5, ... (for lines without line
// ends).
inline Grid recall(const std::string& axes, const std::string& model = "d = 4", const std::string& task = "",
                   const std::string& rest = "") {
  return parsed("[sweep]\nname = \"test\"\n[task]\nname = \"recall\"\n" + task + "\n[axes]\n" + axes + "\n[model]\n" +
                model + "\n" + rest);
}

}  // namespace phasegrid::sweeps
