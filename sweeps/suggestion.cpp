// "did you mean": the known word that takes the fewest typos (insert, delete, replace, swap neighbours).
#include <algorithm>
#include <numeric>

#include "sweeps/draft.hpp"

namespace phasegrid::sweeps {
namespace {

std::size_t typos(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  std::iota(cost[0].begin(), cost[0].end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = a[i - 1] == b[j - 1];
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + !same});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

// One name begins with the other, as lr does not but "embed" and "learning" do: at least three letters in common.
bool shortened(const std::string& a, const std::string& b) {
  const std::size_t n = std::min(a.size(), b.size());
  return n >= 3 && a.compare(0, n, b, 0, n) == 0;
}

}  // namespace

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
  if (word.size() > 64) fewest = 0;
  for (const auto& candidate : known) {
    const std::size_t count = shortened(word, candidate) ? 1 : typos(word.substr(0, 64), candidate);
    if (count < fewest && count < candidate.size()) fewest = count, best = &candidate;
  }
  if (best) return ", did you mean \"" + *best + "\"?";
  std::string list;
  for (const auto& candidate : known) list.append(list.empty() ? "" : ", ").append(candidate);
  return known.empty() ? ", expected no keys here" : ", expected one of " + list;
}

}  // namespace phasegrid::sweeps
