// The state of a layer at the end of a sequence, with its columns labelled by what reads them (table 3 of arXiv
// 2506.11891): in an associative memory h_T = sum over pairs of value x key^T, and the query of a key reads its column.
#pragma once
#include <cstdint>
#include <vector>

#include "worker/diagnostics/recurrence.hpp"

namespace phasegrid::worker {

struct StateSample {
  Table<Complex> state;  // h_T (D, N)
  Table<double> read;    // (queries, N): |C| at each query, over all groups; empty: C does not look at the input
  std::vector<double> column_token;  // (N): the token of the query that reads the column most; NaN if none does
};
// At the positions `query`, whose tokens are `token` (empty if the task has none).
StateSample sample_state(const Recurrence& r, const std::vector<int>& query, const std::vector<std::int32_t>& token);

}  // namespace phasegrid::worker
