#include "sweeps/walker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "sweeps/defaults.hpp"

namespace phasegrid::sweeps {
namespace {
constexpr std::size_t kMostRemembered = 100'000;
constexpr int kMostRounds = 8;
constexpr std::uint64_t kAll = ~std::uint64_t{0};
std::uint64_t bit(int axis) { return std::uint64_t{1} << axis; }
}  // namespace

Walker::Walker(const Draft& draft)
    : draft_(draft),
      schema_(*draft.schema),
      settings_(schema_),
      numbers_(schema_.keys.size()),
      problems_(schema_.keys.size()),
      coordinates_(draft.axes.size(), std::size_t(-1)),
      task_key_(schema_.find("task")),
      variant_key_(schema_.find("variant")) {
  settings_.attach(draft.data);
  for (std::size_t i = 0; i < schema_.keys.size(); ++i)
    if (schema_.keys[i].section == Section::task && static_cast<int>(i) != task_key_)
      task_keys_.push_back(static_cast<int>(i));
  for (std::size_t i = 0; i < schema_.keys.size(); ++i)
    if (schema_.keys[i].section == Section::model && static_cast<int>(i) != variant_key_)
      model_keys_.push_back(static_cast<int>(i));
  for (std::size_t i = 0; i < schema_.keys.size(); ++i)
    if (draft.sources[i].origin == Origin::literal) put(static_cast<int>(i), draft.sources[i].value, true);
  for (const int key : {task_key_, variant_key_})
    if (draft.sources[key].origin == Origin::fallback)
      put(key, *literal(schema_.keys[key], schema_.keys[key].fallback), false);
}

void Walker::put(int key, Value value, bool given) {
  if (const auto x = counted(schema_.keys[key], value)) numbers_[key] = *x;
  settings_.put(key, std::move(value), given);
}

// The program for the task and variant that stand in the settings now.
Walker::Program& Walker::program() {
  const std::string name =
      std::get<std::string>(settings_.at(task_key_)) + " " + std::get<std::string>(settings_.at(variant_key_));
  auto& slot = programs_[name];
  if (!slot) {
    slot = std::make_unique<Program>();
    slot->task = schema_.task(std::get<std::string>(settings_.at(task_key_)));
    slot->variant = schema_.variant(std::get<std::string>(settings_.at(variant_key_)));
    build(*slot);
  }
  return *slot;
}

void Walker::build(Program& program) {
  const std::size_t count = schema_.keys.size();
  program.axes.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i)
    if (draft_.sources[i].origin == Origin::axis) program.axes[i] = bit(draft_.sources[i].axis);
  std::vector<char> state(count, 0);
  std::vector<int> path;
  for (std::size_t i = 0; i < count; ++i) add_step(program, static_cast<int>(i), state, path);

  // What follows others, follows their axes. A task may fill any of its keys that is not given, from any other: these
  // depend on what all of them depend on. A variant may read the task's keys, too: what it may fill depends on all.
  const std::uint64_t lines = program.axes[task_key_] | program.axes[variant_key_];
  const bool fills = program.task && program.task->complete;
  program.task_axes = program.axes[task_key_];
  if (program.variant && program.variant->complete)
    for (const int key : model_keys_)
      if (draft_.sources[key].origin == Origin::fallback) program.axes[key] = kAll;
  for (bool changed = true; changed;) {
    changed = false;
    const auto widen = [&](std::uint64_t& axes, std::uint64_t by) { changed |= (axes | by) != axes, axes |= by; };
    for (Step& step : program.steps) {
      widen(step.axes, lines | program.axes[step.key]);
      if (step.copied >= 0) widen(step.axes, program.axes[step.copied]);
      for (const auto& expression : step.expressions)
        for (const auto& name : expression.names()) widen(step.axes, program.axes[schema_.find(name)]);
      widen(program.axes[step.key], step.axes);
    }
    for (const int key : task_keys_) widen(program.task_axes, program.axes[key]);
    for (const int key : task_keys_)
      if (fills && draft_.sources[key].origin == Origin::fallback) widen(program.axes[key], program.task_axes);
  }
}

// Depth first: what a key follows comes before it. state: 0 new, 1 on the path, 2 done.
void Walker::add_step(Program& program, int key, std::vector<char>& state, std::vector<int>& path) {
  const Source& source = draft_.sources[key];
  if (state[key] == 2) return;
  if (state[key] == 1) {
    std::string circle;
    for (auto at = std::find(path.begin(), path.end(), key); at != path.end(); ++at)
      circle += schema_.keys[*at].name + " -> ";
    for (auto at = std::find(path.begin(), path.end(), key); at != path.end(); ++at)
      if (draft_.sources[*at].origin != Origin::fallback)
        fail(draft_.file, draft_.sources[*at].place, path_of(draft_, *at),
             fmt::format("follows itself ({}{}), expected an expression of other settings", circle,
                         schema_.keys[key].name));
    assert(false && "defaults of the schema do not run in circles");
  }
  state[key] = 1;
  path.push_back(key);
  Step step;
  step.key = key;
  std::vector<std::string> texts;
  if (source.origin == Origin::expression) {
    texts = {source.expression}, step.given = true;
  } else if (source.origin == Origin::axis && draft_.axes[source.axis].expressions &&
             (schema_.keys[key].kind == Kind::integer || schema_.keys[key].kind == Kind::real ||
              schema_.keys[key].kind == Kind::integer_or_word)) {
    for (const auto& point : draft_.axes[source.axis].values) {
      const Value& value = point[source.member];  // numbers and words need no expression: see run
      texts.push_back(converted(schema_.keys[key], value) ? "0" : std::get<std::string>(value));
    }
    step.given = true, step.axis = source.axis;
  } else if (source.origin == Origin::fallback && key != task_key_ && key != variant_key_) {
    const std::string& text = fallback_text(schema_.keys[key], program.task, program.variant);
    if (const auto value = literal(schema_.keys[key], text)) program.plain.emplace_back(key, *value);
    else if (text.empty()) program.plain.emplace_back(key, Settings(schema_).at(key));
    else if (const Kind kind = schema_.keys[key].kind; kind == Kind::word || kind == Kind::boolean)
      step.copied = schema_.find(text);
    else texts = {text};
  }
  for (const auto& text : texts) {
    Expression expression(text);
    for (const auto& name : expression.names()) {
      const int other = schema_.find(name);
      add_step(program, other, state, path);
      expression.bind(name, &numbers_[other]);
    }
    step.expressions.push_back(std::move(expression));
  }
  if (step.copied >= 0) add_step(program, step.copied, state, path);
  if (step.copied >= 0 || !step.expressions.empty()) program.steps.push_back(std::move(step));
  path.pop_back();
  state[key] = 2;
}

void Walker::run(Step& step) {
  if (step.copied >= 0) return put(step.key, settings_.at(step.copied), false);
  const std::size_t which = step.axis >= 0 ? coordinates_[step.axis] : 0;
  const Source& source = draft_.sources[step.key];
  std::string problem;
  auto value = step.axis >= 0 ? converted(schema_.keys[step.key], draft_.axes[step.axis].values[which][source.member])
                              : std::nullopt;
  if (!value) value = from_number(schema_.keys[step.key], step.expressions[which].value(), problem);
  if (value) {
    problems_[step.key].clear();
    put(step.key, *value, step.given);
    return;
  }
  const std::string text = step.axis >= 0 ? std::get<std::string>(draft_.axes[step.axis].values[which][source.member])
                           : step.given   ? source.expression
                                          : fallback_text(schema_.keys[step.key], current_->task, current_->variant);
  problems_[step.key] = fmt::format("{}: {} is {}", schema_.keys[step.key].name, text, problem);
  const Key& key = schema_.keys[step.key];
  put(step.key, key.kind == Kind::real ? Value{0.0} : Value{std::int64_t{0}}, step.given);
}

std::uint64_t Walker::place(std::uint64_t axes) const {
  std::uint64_t place = 0;
  for (std::size_t a = 0; a < coordinates_.size(); ++a)
    if (axes & bit(static_cast<int>(a))) place = place * draft_.axes[a].size() + coordinates_[a];
  return place;
}

// Lets a task or variant fill what follows among its keys; true if that changed anything.
bool Walker::complete(const Choice* choice, const std::vector<int>& keys) {
  if (!choice || !choice->complete) return false;
  std::vector<Value> before;
  for (const int key : keys) before.push_back(settings_.at(key));
  choice->complete(settings_);
  bool changed = false;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const Value& value = settings_.at(keys[i]);
    if (value == before[i]) continue;
    changed = true, completed_[keys[i]] = true;
    problems_[keys[i]].clear();
    if (numeric(value)) numbers_[keys[i]] = number(value);
  }
  return changed;
}

// Everything anew: defaults, expressions, what task and variant make of them, until nothing changes any more.
Walker::Settled Walker::settled(Program& program) {
  completed_.assign(schema_.keys.size(), false);
  for (auto& problem : problems_) problem.clear();
  for (const auto& [key, value] : program.plain) put(key, value, false);
  unsettled_ = "task: settings that follow each other do not settle";
  for (int round = 0; round < kMostRounds; ++round) {
    for (Step& step : program.steps)
      if (!completed_[step.key]) run(step);
    bool changed = complete(program.task, task_keys_);
    changed |= complete(program.variant, model_keys_);
    if (changed) continue;
    unsettled_.clear();
    break;
  }
  Settled result;
  for (const int key : task_keys_) result.values.push_back(settings_.at(key));
  for (const int key : task_keys_)
    if (result.reason.empty()) result.reason = problems_[key];
  if (result.reason.empty()) result.reason = unsettled_;
  if (result.reason.empty() && program.task && program.task->fits) result.reason = program.task->fits(settings_);
  return result;
}

// What the variant filled in the cell before takes its default again; defaults that follow others have their steps.
void Walker::forget_model(const Program& program) {
  for (const auto& [key, value] : program.plain)
    if (completed_[key] && schema_.keys[key].section == Section::model) put(key, value, false);
  for (const int key : model_keys_) completed_[key] = false;
}

void Walker::complete_model(Program& program) {
  for (int round = 0; round < kMostRounds && complete(program.variant, model_keys_); ++round)
    for (Step& step : program.steps)
      if (!completed_[step.key] && schema_.keys[step.key].section != Section::task) run(step);
}

const Walker::Settled& Walker::settle(Program& program) {
  auto& known = memory_[&program];
  if (known.size() > kMostRemembered) known.clear();
  return known.insert_or_assign(place(program.task_axes), settled(program)).first->second;
}

void Walker::go_to(std::span<const std::size_t> coordinates) {
  assert(coordinates.size() == coordinates_.size());
  std::uint64_t moved = current_ ? 0 : kAll;
  for (std::size_t a = 0; a < coordinates.size(); ++a) {
    if (coordinates_[a] == coordinates[a]) continue;
    coordinates_[a] = coordinates[a], moved |= bit(static_cast<int>(a));
    const Axis& axis = draft_.axes[a];
    for (std::size_t member = 0; member < axis.keys.size(); ++member) {
      const int key = schema_.find(axis.keys[member]);
      const Value& value = axis.values[coordinates[a]][member];
      if (const auto plain = converted(schema_.keys[key], value))
        put(key, *plain, true);  // expressions: see their steps
    }
  }
  const std::uint64_t lines =
      (draft_.sources[task_key_].origin == Origin::axis ? bit(draft_.sources[task_key_].axis) : 0) |
      (draft_.sources[variant_key_].origin == Origin::axis ? bit(draft_.sources[variant_key_].axis) : 0);
  if (!current_ || (moved & lines)) current_ = &program(), moved = kAll;
  Program& program = *current_;
  if (moved == kAll || (moved & program.task_axes)) {
    auto& known = memory_[&program];
    const auto found = known.find(place(program.task_axes));
    if (found == known.end()) {
      task_reason_ = &settle(program).reason;
      return;
    }
    task_reason_ = &found->second.reason;
    for (std::size_t i = 0; i < task_keys_.size(); ++i) {
      put(task_keys_[i], found->second.values[i], settings_.given(schema_.keys[task_keys_[i]].name));
      problems_[task_keys_[i]].clear();
    }
    if (moved == kAll)
      for (const auto& [key, value] : program.plain)
        if (schema_.keys[key].section != Section::task) put(key, value, false), problems_[key].clear();
  }
  if (moved == 0) return;
  forget_model(program);
  for (Step& step : program.steps)
    if ((step.axes & moved || moved == kAll) && schema_.keys[step.key].section != Section::task) run(step);
  complete_model(program);
}

std::string Walker::reason() const {
  assert(current_ && "go_to comes first");
  if (!task_reason_->empty()) return *task_reason_;
  for (const Step& step : current_->steps)
    if (!problems_[step.key].empty()) return problems_[step.key];
  if (current_->variant && current_->variant->fits)
    if (auto reason = current_->variant->fits(settings_); !reason.empty()) return reason;
  return schema_.fits ? schema_.fits(settings_) : "";
}

std::uint64_t Walker::axes_of(int key) const {
  std::uint64_t axes = 0;
  for (const auto& [name, program] : programs_) axes |= program->axes[key];
  return axes;
}

}  // namespace phasegrid::sweeps
