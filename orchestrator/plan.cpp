#include "orchestrator/plan.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "orchestrator/data_files.hpp"
#include "worker/calibrate.hpp"
#include "worker/run_pack.hpp"

namespace phasegrid::orchestrator {
namespace {

using nlohmann::ordered_json;
using sweeps::Axis;
using sweeps::Grid;
using sweeps::Value;

constexpr std::size_t kMostListed = 12;  // values of an axis
constexpr std::size_t kMostRows = 30;    // of the table of thresholds

struct Plan {
  const PlanOptions& options;
  const Grid& grid;
  Survey survey;
  std::string device;
  sweeps::Rates rates;
  int workers;
  double total, makespan, longest;
};

std::string text_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : sweeps::to_text(value);
}

std::string point_text(const Axis& axis, std::size_t point) {
  std::string text;
  for (const Value& value : axis.values[point]) text += fmt::format("{}{}", text.empty() ? "" : "/", text_of(value));
  return text;
}

std::string values_text(const Axis& axis) {
  std::string text;
  for (std::size_t i = 0; i < axis.size(); ++i) {
    if (axis.size() > kMostListed && i == kMostListed - 2) {
      text += " ...", i = axis.size() - 2;
      continue;
    }
    text += fmt::format(" {}", point_text(axis, i));
  }
  return text + (axis.reduce ? "   (the best counts, chosen on validation)" : "");
}

std::string duration(double seconds) {
  if (seconds < 120) return fmt::format("{:.3g} s", seconds);
  if (seconds < 7200) return fmt::format("{:.3g} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{:.3g} h", seconds / 3600);
  return fmt::format("{:.3g} days", seconds / 86400);
}

std::string memory(std::uint64_t bytes) {
  const double x = static_cast<double>(bytes);
  if (x < 1e6) return fmt::format("{:.3g} kB", x / 1e3);
  return x < 1e9 ? fmt::format("{:.3g} MB", x / 1e6) : fmt::format("{:.3g} GB", x / 1e9);
}

std::string between(const std::string& least, const std::string& most) {
  return least == most ? least : least + " to " + most;
}

// The keys that follow others by an expression.
std::vector<std::pair<std::string, std::string>> followers(const Grid& grid) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& key : grid.schema().keys)
    if (const std::string text = grid.expression(key.name); !text.empty()) list.emplace_back(key.name, text);
  return list;
}

void print_axes(const Plan& plan, std::ostream& out) {
  fmt::print(out, "{}   {}   hash {}\n\naxes\n", plan.grid.name(), plan.options.sweep, plan.grid.hash());
  std::size_t width = 0;
  for (const Axis& axis : plan.grid.axes()) width = std::max(width, axis.name.size());
  for (const Axis& axis : plan.grid.axes())
    fmt::print(out, "  {:<{}}  {:>6} {}\n", axis.name, width, axis.size(), values_text(axis));
  for (const auto& [key, expression] : followers(plan.grid))
    fmt::print(out, "  {:<{}}         = {}\n", key, width, expression);
  if (!plan.grid.eval_T().empty()) fmt::print(out, "  tested also at T = {}\n", fmt::join(plan.grid.eval_T(), " "));
}

void print_cells(const Plan& plan, std::ostream& out) {
  const Survey& s = plan.survey;
  fmt::print(out, "\ncells         {}: {} runnable, {} infeasible\n", plan.grid.size(), s.runnable, s.infeasible);
  for (const auto& [reason, cells] : s.reasons)
    fmt::print(out, "  {:>10}  {}   (as {})\n", cells.cells, reason, plan.grid.label(cells.first));
  for (const auto& [T, reasons] : s.lengths)
    for (const auto& [reason, cells] : reasons)
      fmt::print(out, "  {:>10}  of the runnable ones are not tested at T = {}: {}   (as {})\n", cells.cells, T, reason,
                 plan.grid.label(cells.first));
  const auto& search = plan.grid.search();
  if (search.mode == "boundary")
    fmt::print(out, "  only those near accuracy {} along {} are trained\n", search.level, search.axis);
  if (search.mode == "random") fmt::print(out, "  {} of them, drawn at random, are trained\n", search.n);
}

void print_cost(const Plan& plan, std::ostream& out) {
  for (const auto& [variant, sizes] : plan.survey.models)
    fmt::print(out, "model         {}: {} parameters, {} per cell\n", variant,
               between(std::to_string(sizes.parameters.least), std::to_string(sizes.parameters.most)),
               between(memory(sizes.bytes.least), memory(sizes.bytes.most)));
  fmt::print(out, "time          {}{:.3g} core-hours on {}, the longest cell {}\n",
             plan.survey.may_stop_early ? "at most " : "", plan.total / 3600, plan.device, duration(plan.longest));
  fmt::print(out, "              {} with {} worker{}, longest first\n", duration(plan.makespan), plan.workers,
             plan.workers == 1 ? "" : "s");
  if (plan.survey.most_replicas > 1)
    fmt::print(out, "              up to {} executors train a cell together; the time they wait for each other is not counted\n",
               plan.survey.most_replicas);
}

// One line per column and construction: where it is, what holds there.
void print_theory(const Plan& plan, std::ostream& out) {
  const Survey& s = plan.survey;
  if (s.columns.empty()) return;
  std::vector<std::vector<std::string>> rows{{}};
  for (const std::size_t a : s.theory_axes) rows[0].push_back(plan.grid.axes()[a].name);
  for (const char* title : {"threshold", "kind", "d", "D", "N", "state", "condition"}) rows[0].push_back(title);
  const std::size_t first = s.theory_axes.size();
  std::size_t left_out = 0;
  for (const Column& column : s.columns) {
    std::map<std::string, std::size_t> row_of;
    for (const sweeps::Threshold& t : column.thresholds) {
      auto row = row_of.find(t.name);
      if (row == row_of.end()) {
        if (rows.size() > kMostRows) {
          ++left_out, row_of.emplace(t.name, 0);
          continue;
        }
        row = row_of.emplace(t.name, rows.size()).first;
        std::vector<std::string> cells;
        for (std::size_t i = 0; i < first; ++i)
          cells.push_back(point_text(plan.grid.axes()[s.theory_axes[i]], column.at[i]));
        cells.insert(cells.end(), {t.name, to_text(t.kind), "", "", "", "", t.condition});
        rows.push_back(std::move(cells));
      }
      if (row->second == 0) continue;
      const std::size_t place = t.quantity == "d" ? 2 : t.quantity == "D" ? 3 : t.quantity == "N" ? 4 : 5;
      rows[row->second][first + place] = fmt::format("{:.4g}", t.value);
    }
  }
  std::vector<std::size_t> widths(rows[0].size());
  for (const auto& row : rows)
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  fmt::print(out, "\ntheory\n");
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c)
      line += fmt::format("  {:<{}}", row[c], c + 1 == row.size() ? 0 : widths[c]);
    fmt::print(out, "{}\n", line);
  }
  if (left_out > 0 || s.columns_left_out > 0) fmt::print(out, "  ... and more: --json lists up to 400 columns\n");
}

ordered_json value_json(const Value& value) {
  return std::visit([](const auto& v) { return ordered_json(v); }, value);
}

ordered_json axes_json(const Grid& grid) {
  ordered_json axes = ordered_json::array();
  for (const Axis& axis : grid.axes()) {
    ordered_json values = ordered_json::array();
    for (const auto& point : axis.values) {
      ordered_json each = ordered_json::array();
      for (const Value& value : point) each.push_back(value_json(value));
      values.push_back(axis.keys.size() == 1 ? each[0] : each);
    }
    axes.push_back({{"name", axis.name},
                    {"keys", axis.keys},
                    {"size", axis.size()},
                    {"expressions", axis.expressions},
                    {"reduce", axis.reduce},
                    {"values", values}});
  }
  return axes;
}

ordered_json theory_json(const Plan& plan) {
  ordered_json columns = ordered_json::array();
  for (const Column& column : plan.survey.columns) {
    ordered_json where = ordered_json::object(), list = ordered_json::array();
    for (std::size_t i = 0; i < column.at.size(); ++i) {
      const Axis& axis = plan.grid.axes()[plan.survey.theory_axes[i]];
      for (std::size_t k = 0; k < axis.keys.size(); ++k) where[axis.keys[k]] = value_json(axis.values[column.at[i]][k]);
    }
    for (const sweeps::Threshold& t : column.thresholds)
      list.push_back({{"name", t.name},
                      {"kind", to_text(t.kind)},
                      {"quantity", t.quantity},
                      {"value", t.value},
                      {"condition", t.condition},
                      {"reference", t.reference}});
    columns.push_back({{"column", where}, {"thresholds", list}});
  }
  return columns;
}

void print_json(const Plan& plan, std::ostream& out) {
  const Survey& s = plan.survey;
  ordered_json reasons = ordered_json::array(), models = ordered_json::object(), follows = ordered_json::object();
  for (const auto& [reason, cells] : s.reasons)
    reasons.push_back({{"reason", reason}, {"cells", cells.cells}, {"example", plan.grid.label(cells.first)}});
  for (const auto& [variant, sizes] : s.models)
    models[variant] = {{"parameters", {sizes.parameters.least, sizes.parameters.most}},
                       {"bytes", {sizes.bytes.least, sizes.bytes.most}}};
  for (const auto& [key, expression] : followers(plan.grid)) follows[key] = expression;
  ordered_json lengths = ordered_json::array();
  for (const auto& [T, why] : s.lengths)
    for (const auto& [reason, cells] : why)
      lengths.push_back({{"T", T}, {"reason", reason}, {"cells", cells.cells}, {"example", plan.grid.label(cells.first)}});
  const ordered_json json{
      {"name", plan.grid.name()},
      {"hash", plan.grid.hash()},
      {"axes", axes_json(plan.grid)},
      {"follows", follows},
      {"eval_T", plan.grid.eval_T()},
      {"eval_T_infeasible", lengths},
      {"search", plan.grid.search().mode},
      {"cells",
       {{"total", plan.grid.size()}, {"runnable", s.runnable}, {"infeasible", s.infeasible}, {"reasons", reasons}}},
      {"models", models},
      {"device", plan.device},
      {"rates",
       {{"flops", plan.rates.flop_rate},
        {"exponentials", plan.rates.exp_rate},
        {"positions", plan.rates.position_rate},
        {"steps", plan.rates.step_rate}}},
      {"may_stop_early", s.may_stop_early},
      {"core_hours", plan.total / 3600},
      {"longest_cell_seconds", plan.longest},
      {"workers", plan.workers},
      {"makespan_seconds", plan.makespan},
      {"theory", theory_json(plan)},
      {"theory_complete", s.columns_left_out == 0}};
  out << json.dump(2) << "\n";
}

}  // namespace

int plan(const PlanOptions& options, std::ostream& out) {
  const Grid grid = read_sweep(options.sweep);
  const std::string device = worker::cpu_kinds().back();
  const sweeps::Rates rates = worker::machine_rates(device);
  const int workers =
      options.workers > 0 ? options.workers : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  Plan plan{options, grid, survey(grid, rates, workers), device, rates, workers, 0, 0, 0};
  plan.total = sweeps::total_seconds(plan.survey.jobs), plan.makespan = sweeps::makespan(plan.survey.jobs, workers);
  plan.longest = plan.survey.jobs.empty() ? 0 : plan.survey.jobs.begin()->first;
  if (options.json) {
    print_json(plan, out);
    return 0;
  }
  print_axes(plan, out);
  print_cells(plan, out);
  print_cost(plan, out);
  print_theory(plan, out);
  if (grid.search().mode != "grid")
    out << "\nsearch        " << grid.search().mode << ": `run` of this version trains whole grids only and will refuse it\n";
  return 0;
}

}  // namespace phasegrid::orchestrator
