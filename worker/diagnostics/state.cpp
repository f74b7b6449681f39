#include "worker/diagnostics/state.hpp"

#include <cmath>
#include <limits>

namespace phasegrid::worker {

StateSample sample_state(const Recurrence& r, const std::vector<int>& query, const std::vector<std::int32_t>& token) {
  StateSample sample{last_state(r), {}, {}};
  if (!r.C) return sample;
  const int queries = static_cast<int>(query.size());
  sample.read = Table<double>(queries, r.N);
  for (int q = 0; q < queries; ++q)
    for (int n = 0; n < r.N; ++n) {
      double square = 0;
      for (int g = 0; g < r.groups; ++g) square += std::norm(r.C(query[static_cast<std::size_t>(q)], g * r.N + n));
      sample.read(q, n) = std::sqrt(square);
    }
  if (token.empty()) return sample;
  sample.column_token.assign(static_cast<std::size_t>(r.N), std::numeric_limits<double>::quiet_NaN());
  for (int n = 0; n < r.N; ++n) {
    double most = 0;
    for (int q = 0; q < queries; ++q)
      if (sample.read(q, n) > most)
        most = sample.read(q, n), sample.column_token[static_cast<std::size_t>(n)] = token[static_cast<std::size_t>(q)];
  }
  return sample;
}

}  // namespace phasegrid::worker
