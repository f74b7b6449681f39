#include "worker/calibrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "sweeps/grid.hpp"
#include "worker/run_pack.hpp"
#include "worker/schema.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::Cost;
using sweeps::Rates;

constexpr double kNoise = 0.05;  // a term takes at least this share of the time of the cell that is made for it
constexpr double kSecondsEach = 0.05;

// One training step.
struct Measured {
  Cost cost;
  double seconds;
};

sweeps::CellSpec cell_of(int d, int N, int T, int batch, int steps) {
  const std::string text = fmt::format(
      "[sweep]\nname = \"rates\"\n[task]\nname = \"keep_nth\"\nn = 1\nvocab = 64\nT = {}\n[model]\nvariant = "
      "\"mamba\"\nd = {}\nN = {}\n"
      "[train]\nsteps = {}\nbatch = {}\n[eval]\nevery = {}\neval_examples = 1\n",
      T, d, N, steps, batch, steps);
  return sweeps::Grid::parse(text, "rates", make_schema()).cell(0);
}

// A fast step of a cell: the lower quartile, since whatever else the machine does only slows steps down.
Measured measure(const std::string& device_kind, int d, int N, int T, int batch) {
  using Clock = std::chrono::steady_clock;
  constexpr int kMostSteps = 100'000;
  const sweeps::CellSpec cell = cell_of(d, N, T, batch, kMostSteps);
  std::vector<double> seconds;
  Clock::time_point start, last;
  run_pack({&cell, 1}, {device_kind}, [&](const Progress& progress) {
    const auto now = Clock::now();
    if (progress.step <= 2) start = now;  // memory is touched for the first time
    else seconds.push_back(std::chrono::duration<double>(now - last).count());
    last = now;
    return seconds.size() < 4 || std::chrono::duration<double>(now - start).count() < kSecondsEach;
  });
  const auto quartile = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 4);
  std::nth_element(seconds.begin(), quartile, seconds.end());
  Measured result{cell_cost(cell.settings), *quartile};
  for (double* amount : {&result.cost.flops, &result.cost.exponentials, &result.cost.positions, &result.cost.steps})
    *amount /= kMostSteps;
  return result;
}

// The rate of one term: what is left of the time after the other terms.
void fit(const Measured& cell, double Cost::*amount, double Rates::*rate, Rates& rates) {
  Cost others = cell.cost;
  others.*amount = 0;
  const double left = std::max(cell.seconds - sweeps::predicted_seconds(others, rates), kNoise * cell.seconds);
  rates.*rate = cell.cost.*amount / left;
}

std::filesystem::path cache_file(const std::string& device_kind) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache && *cache) return std::filesystem::path(cache) / "phasegrid" / ("rates-" + device_kind);
  if (home && *home) return std::filesystem::path(home) / ".cache" / "phasegrid" / ("rates-" + device_kind);
  return {};
}

// Written beside and renamed, so that a reader sees a whole line.
void remember(const std::filesystem::path& file, const Rates& rates) {
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  const std::filesystem::path fresh =
      file.string() + fmt::format(".{}", std::chrono::steady_clock::now().time_since_epoch().count());
  std::ofstream(fresh) << to_text(rates) << "\n";
  std::filesystem::rename(fresh, file, ignored);
  if (ignored) std::filesystem::remove(fresh, ignored);
}

bool read_cache(const std::filesystem::path& file, Rates& rates) {
  std::ifstream stored(file);
  std::string line;
  return std::getline(stored, line) && rates_from_text(line, rates);
}

}  // namespace

Rates measure_rates(const std::string& device_kind) {
  const Measured steps = measure(device_kind, 1, 1, 2, 1);
  const Measured positions = measure(device_kind, 1, 1, 128, 64);
  const Measured states = measure(device_kind, 16, 64, 64, 16);
  const Measured products = measure(device_kind, 128, 1, 32, 32);
  Rates rates;
  for (int round = 0; round < 8; ++round) {  // each cell has a little of the other terms too
    fit(steps, &Cost::steps, &Rates::step_rate, rates);
    fit(positions, &Cost::positions, &Rates::position_rate, rates);
    fit(states, &Cost::exponentials, &Rates::exp_rate, rates);
    fit(products, &Cost::flops, &Rates::flop_rate, rates);
  }
  return rates;
}

Rates stored_rates(const std::string& device_kind) {
  Rates rates;
  read_cache(cache_file(device_kind), rates);
  return rates;
}

Rates machine_rates(const std::string& device_kind) {
  const std::filesystem::path file = cache_file(device_kind);
  Rates rates;
  if (read_cache(file, rates)) return rates;
  rates = measure_rates(device_kind);
  if (!file.empty()) remember(file, rates);
  return rates;
}

std::string to_text(const Rates& rates) {
  return fmt::format("rates 1 version {} {:.6g} {:.6g} {:.6g} {:.6g}", kNumericsVersion, rates.flop_rate,
                     rates.exp_rate, rates.position_rate, rates.step_rate);
}

bool rates_from_text(const std::string& text, Rates& rates) {
  Rates read;
  int version = 0, end = 0;
  const int found = std::sscanf(text.c_str(), "rates 1 version %d %lg %lg %lg %lg%n", &version, &read.flop_rate,
                                &read.exp_rate, &read.position_rate, &read.step_rate, &end);
  const bool whole = found == 5 && static_cast<std::size_t>(end) == text.size() && version == kNumericsVersion;
  const auto sound = [](double rate) { return rate > 0 && rate < 1e18; };
  if (!whole || !sound(read.flop_rate) || !sound(read.exp_rate) || !sound(read.position_rate) || !sound(read.step_rate))
    return false;
  rates = read;
  return true;
}

}  // namespace phasegrid::worker
