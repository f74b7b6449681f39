// "did you mean": the known word that takes the fewest typos (insert, delete, replace, swap neighbours).
#include "sweeps/suggestion.hpp"

#include <fmt/format.h>

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
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
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

const std::string* nearest(const std::string& word, const std::vector<std::string>& known) {
  const std::string* best = nullptr;
  std::size_t fewest = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : known) {
    const std::size_t count = shortened(word, candidate) ? 1 : typos(word.substr(0, 64), candidate);
    if (count < fewest && count < candidate.size()) fewest = count, best = &candidate;
  }
  return word.size() > 64 ? nullptr : best;
}

std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  if (const std::string* best = nearest(word, known)) return fmt::format(", did you mean \"{}\"?", *best);
  return known.empty() ? ", expected no keys here" : fmt::format(", expected one of {}", fmt::join(known, ", "));
}

void unknown_key(const Draft& draft, const Entry& entry, const std::string& path,
                 const std::vector<std::string>& known) {
  const Schema& schema = *draft.schema;
  if (const int at = schema.find(entry.key); at >= 0 && !entry.node.table())
    fail(draft.file, entry.place, path,
         fmt::format("is no key here, expected it in [{}]", to_text(schema.keys[at].section)));
  if (entry.key == "seeds") fail(draft.file, entry.place, path, "is no key here, expected it in [sweep]");
  std::vector<std::string> names;
  for (const Key& key : schema.keys) names.push_back(key.name);
  const std::string* elsewhere = nearest(entry.key, known) ? nullptr : nearest(entry.key, names);
  if (elsewhere)
    fail(draft.file, entry.place, path,
         fmt::format("unknown key, did you mean \"{}\" of [{}]?", *elsewhere,
                     to_text(schema.keys[schema.find(*elsewhere)].section)));
  fail(draft.file, entry.place, path,
       fmt::format("unknown {}{}", entry.node.table() ? "section" : "key", suggestion(entry.key, known)));
}

}  // namespace phasegrid::sweeps
