// Computes the settings of one cell after the other.
//
// Where a key's value comes from (Draft) makes a graph: expressions and defaults follow other keys. The walker sorts it
// once per pair (task, variant) and, on the way from one cell to the next, evaluates again only what follows the axes
// that moved. Settings of the task are completed and judged by the task itself, once per combination of the axes they
// follow.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "sweeps/draft.hpp"
#include "sweeps/expression.hpp"

namespace phasegrid::sweeps {

// Not for use by two threads at once.
class Walker {
 public:
  explicit Walker(const Draft& draft);  // keeps a reference; throws SweepError where expressions run in circles
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;

  void go_to(std::span<const std::size_t> coordinates);  // one per axis of the draft (without the seed)
  const Settings& settings() const { return settings_; }
  std::string reason() const;            // "" or why this cell cannot exist
  std::uint64_t axes_of(int key) const;  // bit a: the value may change along axis a (an upper bound)

 private:
  struct Step {  // one key that follows others
    int key = -1;
    bool given = false;
    int axis = -1;  // the axis that lists the expressions; -1: only one
    std::vector<Expression> expressions;
    int copied = -1;         // words follow another word
    std::uint64_t axes = 0;  // what it depends on
  };
  struct Program {  // for one task and one variant
    const Choice *task, *variant;
    std::vector<std::pair<int, Value>> plain;  // defaults that follow nothing
    std::vector<Step> steps;                   // in the order of evaluation
    std::vector<std::uint64_t> axes;           // by key
    std::uint64_t task_axes = 0;               // what the task's keys depend on
  };
  struct Settled {  // the task's keys for one combination of the axes they depend on
    std::vector<Value> values;
    std::string reason;
  };

  Program& program();
  void build(Program& program);
  void add_step(Program& program, int key, std::vector<char>& state, std::vector<int>& path);
  void run(Step& step);
  void put(int key, Value value, bool given);
  const Settled& settle(Program& program);
  Settled settled(Program& program);
  bool complete(const Choice* choice, const std::vector<int>& keys);
  void forget_model(const Program& program);
  void complete_model(Program& program);
  std::uint64_t place(std::uint64_t axes) const;

  const Draft& draft_;
  const Schema& schema_;
  Settings settings_;
  std::vector<double> numbers_;        // the numeric values, where expressions read them
  std::vector<std::string> problems_;  // by key: why its expression has no value here
  std::vector<std::size_t> coordinates_;
  std::unordered_map<std::string, std::unique_ptr<Program>> programs_;
  Program* current_ = nullptr;
  std::unordered_map<const Program*, std::unordered_map<std::uint64_t, Settled>> memory_;
  const std::string* task_reason_ = nullptr;
  std::string unsettled_;
  std::vector<int> task_keys_, model_keys_;
  std::vector<char> completed_;  // by key: filled by its task or variant, so its default does not count
  int task_key_, variant_key_;
};

}  // namespace phasegrid::sweeps
