#include <algorithm>

#include "worker/diagnostics/collectors.hpp"
#include "worker/diagnostics/state.hpp"

namespace phasegrid::worker {
namespace {

using sweeps::LabelledArray;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

}  // namespace

StateCollector::StateCollector(const ModelSettings& model, int examples, int most_queries)
    : layers_(model.layers), examples_(std::min(examples, kMostExamples)), queries_(most_queries), D_(model.D) {
  query_position_.assign(at(examples_ * queries_), sweeps::kNaN);
  query_token_ = query_label_ = query_position_;
}

void StateCollector::add(int layer, const Recurrence& r, const Example& example) {
  if (example.index >= examples_) return;
  const StateSample sample = sample_state(r, example.query, example.token);
  if (real_.empty()) {  // states are counted by the mixer
    N_ = r.N, reads_ = static_cast<bool>(sample.read), tokens_ = !example.token.empty();
    const std::size_t each = at(examples_) * at(layers_);
    real_.assign(each * at(D_) * at(N_), 0), imaginary_ = real_;
    if (reads_) read_.assign(each * at(queries_) * at(N_), sweeps::kNaN), column_.assign(each * at(N_), sweeps::kNaN);
  }
  const std::size_t place = at(example.index) * at(layers_) + at(layer);
  for (std::size_t i = 0; i < sample.state.data.size(); ++i) {
    const Complex h = sample.state.data[i];
    real_[place * at(D_) * at(N_) + i] = h.real(), imaginary_[place * at(D_) * at(N_) + i] = h.imag();
    complex_ |= h.imag() != 0;
  }
  std::copy(sample.read.data.begin(), sample.read.data.end(),
            read_.begin() + static_cast<std::ptrdiff_t>(place * at(queries_) * at(N_)));
  std::copy(sample.column_token.begin(), sample.column_token.end(),
            column_.begin() + static_cast<std::ptrdiff_t>(place * at(N_)));
  for (std::size_t q = 0; q < example.query.size(); ++q) {
    const std::size_t here = at(example.index) * at(queries_) + q;
    query_position_[here] = example.query[q];
    if (tokens_) query_token_[here] = example.token[q], query_label_[here] = example.label[q];
  }
}

void StateCollector::write(Arrays& arrays) const {
  const auto add = [&](const char* name, std::vector<std::string> dims, std::vector<int> shape,
                       const std::vector<double>& data, const char* long_name) {
    arrays.push_back({name, std::move(dims), {shape.begin(), shape.end()}, data, {}, long_name, "1"});
  };
  add("state_matrix", {"example", "layer", "channel", "state"}, {examples_, layers_, D_, N_}, real_,
      "state at the end of the sequence");
  if (complex_)
    add("state_matrix_imag", {"example", "layer", "channel", "state"}, {examples_, layers_, D_, N_}, imaginary_,
        "imaginary part of the state at the end of the sequence");
  add("query_position", {"example", "query"}, {examples_, queries_}, query_position_,
      "scored position, counted from 0");
  if (tokens_) {
    add("query_token", {"example", "query"}, {examples_, queries_}, query_token_,
        "token at the scored position: of an associative recall the key asked for");
    add("query_label", {"example", "query"}, {examples_, queries_}, query_label_,
        "label at the scored position: the value of that key");
  }
  if (!reads_) return;
  add("query_read", {"example", "layer", "query", "state"}, {examples_, layers_, queries_, N_}, read_,
      "how strongly the query reads each column of the state: |C|");
  if (tokens_)
    add("state_token", {"example", "layer", "state"}, {examples_, layers_, N_}, column_,
        "label of the column: the token of the query that reads it most");
}

}  // namespace phasegrid::worker
