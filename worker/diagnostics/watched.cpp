#include "worker/diagnostics/watched.hpp"

#include <algorithm>

namespace phasegrid::worker {
namespace {

Table<double> rows_of(const kernels::Rows<double>& rows, const std::int32_t* index, int T) {
  Table<double> table(T, rows.columns);
  for (int t = 0; t < T; ++t) {
    const double* row = rows.value(0) + static_cast<std::int64_t>(index ? index[t] : t) * rows.width;
    std::copy(row, row + rows.columns, table.row(t));
  }
  return table;
}

}  // namespace

Watched::Watched(const ModelSettings& model, const ParameterSet& parameters, std::span<const double> values,
                 std::string_view device_kind)
    : model_(model), parameters_(parameters), values_(arena_.allocate_array<double>(values.size())) {
  std::copy(values.begin(), values.end(), values_);
  const int positions = std::max(model.T, parameter("position.weight").rows);  // longer if longer sequences are tested
  const LayoutShape shape = layout_shape(model, 1, model.T, model.T, positions);
  network_ = std::make_unique<Network<double>>(model, shape, 1, device_kind, values_, nullptr);
}

void Watched::run(const tasks::Batch& batch, int sequence) {
  const std::size_t T = static_cast<std::size_t>(batch.T), begin = static_cast<std::size_t>(sequence) * T;
  const auto part = [&](const auto& from, std::size_t each) {
    return std::remove_cvref_t<decltype(from)>(from.begin() + static_cast<std::ptrdiff_t>(begin * each),
                                               from.begin() + static_cast<std::ptrdiff_t>((begin + T) * each));
  };
  batch_.clear(batch.T);
  batch_.channels = batch.channels, batch_.outputs = batch.outputs;
  if (!batch.tokens.empty()) batch_.tokens = part(batch.tokens, 1);
  if (!batch.inputs.empty()) batch_.inputs = part(batch.inputs, static_cast<std::size_t>(batch.channels));
  batch_.noise = batch.noise;
  if (batch.noise > 0) batch_.noise_key = {batch.noise_key[static_cast<std::size_t>(sequence)]};
  const std::vector<float> nothing(static_cast<std::size_t>(batch.outputs));
  for (int t = 0; t < batch.T; ++t) {
    if (batch.outputs > 0) batch_.score(t, nothing);
    else batch_.score(t, 0);
  }
  batch_.end_sequence();
  network_->set(0, batch_);
  network_->forward();
}

Table<double> Watched::tapped(int layer, const std::string& name) const {
  const kernels::Rows<double>* rows = network_->tapped(layer, name);
  if (!rows) return {};
  const Layout& layout = network_->layout();
  const int here = std::min(layer, model_.layers - 1);
  const LayerMaps& maps = layout.layer_maps(here, 0);
  const std::int32_t* index = nullptr;  // outputs, and inputs of later layers, are positions, as all are read
  if (rows->count.data == layout.windows(here).data) index = maps.output_row.data();
  else if (rows->count.data == layout.rows(0).data) index = maps.output_input.data();
  return rows_of(*rows, index, batch_.T);
}

Table<double> Watched::tokens(int depth) const { return tapped(depth, "e"); }
Table<double> Watched::mixer_input(int layer) const { return tapped(layer, model_.reorder ? "sorted_u" : "u"); }
Table<double> Watched::mixer_output(int layer) const { return tapped(layer, model_.reorder ? "sorted_y" : "y"); }

Table<double> Watched::tapped_weight(int layer, const std::string& name) const {
  const kernels::Parameter<double>* weight = network_->tapped_weight(layer, name);
  Table<double> table(weight->rows, weight->columns);
  for (int r = 0; r < weight->rows; ++r) {
    const double* row = weight->value(0) + static_cast<std::int64_t>(r) * weight->width;
    std::copy(row, row + weight->columns, table.row(r));
  }
  return table;
}

Table<double> Watched::logits() const { return rows_of(network_->logits(), nullptr, batch_.T); }

Table<double> Watched::parameter(const std::string& name) const {
  for (const ParameterInfo& p : parameters_.all()) {
    if (p.name != name) continue;
    Table<double> table(p.rows, p.columns);
    for (int r = 0; r < p.rows; ++r) {
      const double* row = values_ + p.offset + static_cast<std::int64_t>(r) * p.width();
      std::copy(row, row + p.columns, table.row(r));
    }
    return table;
  }
  return {};
}

double* Watched::weight(const std::string& name, int row, int column) {
  for (const ParameterInfo& p : parameters_.all())
    if (p.name == name) return values_ + p.offset + static_cast<std::int64_t>(row) * p.width() + column;
  return nullptr;
}

Table<double> Watched::mixer_parameter(int layer, const std::string& name) const {
  return parameter("layers." + std::to_string(layer) + ".mixer." + name);
}

}  // namespace phasegrid::worker
