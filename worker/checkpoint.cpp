#include "worker/checkpoint.hpp"

#include <cstdio>
#include <cstring>
#include <map>
#include <stdexcept>
#include <type_traits>

#include "kernels/random.hpp"
#include "worker/pack.hpp"

namespace phasegrid::worker {

using sweeps::CellSpec;

namespace {

constexpr std::string_view kMagic = "phasegrid checkpoint 1\n";

// One list of fields serves writing and reading.
class Saver {
 public:
  std::string bytes;
  template <class... Fields>
  void operator()(const Fields&... fields) { (put(fields), ...); }
  void floats(const float* from, std::int64_t count) { raw(from, static_cast<std::size_t>(count) * sizeof(float)); }

 private:
  void raw(const void* from, std::size_t size) { bytes.append(static_cast<const char*>(from), size); }
  template <class Field>
  void put(const Field& field) {
    if constexpr (std::is_trivially_copyable_v<Field>) {
      raw(&field, sizeof field);
    } else {
      put(static_cast<std::uint64_t>(field.size()));
      if (!field.empty()) raw(field.data(), field.size() * sizeof(field[0]));
    }
  }
};

class Loader {
 public:
  explicit Loader(std::string_view bytes) : left_(bytes) {}
  template <class... Fields>
  void operator()(Fields&... fields) { (get(fields), ...); }
  void floats(float* to, std::int64_t count) { raw(to, static_cast<std::size_t>(count) * sizeof(float)); }
  bool empty() const { return left_.empty(); }

 private:
  void raw(void* to, std::size_t size) {
    if (size > left_.size()) throw std::runtime_error("a checkpoint is too short for its cell");
    if (size > 0) std::memcpy(to, left_.data(), size);
    left_.remove_prefix(size);
  }
  template <class Field>
  void get(Field& field) {
    if constexpr (std::is_trivially_copyable_v<Field>) {
      raw(&field, sizeof field);
    } else {
      std::uint64_t count = 0;
      raw(&count, sizeof count);
      if (count > left_.size() / sizeof(field[0])) throw std::runtime_error("a checkpoint is too short for its cell");
      field.resize(count);
      raw(field.data(), count * sizeof(field[0]));
    }
  }
  std::string_view left_;
};

std::uint64_t key_of(const CellSpec& cell, const Device& device) {
  std::string text = device.kind + " " + std::to_string(kNumericsVersion) + "\n";
  using enum sweeps::Section;
  for (const auto section : {task, model, train, eval, diagnostics}) text += cell.settings.canonical(section) + "\n";
  for (const int T : cell.eval_T) text += std::to_string(T) + " ";
  return kernels::hash_text(text, static_cast<std::uint64_t>(cell.seed));
}

// `archive` is a Saver or a Loader, and the cell's state constant or not.
template <class Archive, class Cell, class Record, class Result>
void small_fields(Archive& archive, Cell& cell, Record& record, Result& result) {
  archive(cell.training, cell.best_loss, cell.evaluations_since_best, record);
  archive(result.status, result.reason, result.accuracy_validation, result.examples, result.steps, result.best_step, result.seconds, result.curve);
}

}  // namespace

std::string seal_checkpoint(const CellSpec& cell, const Device& device, std::int64_t step, std::string_view payload) {
  Saver out;
  out.bytes.reserve(kMagic.size() + 24 + payload.size());
  out.bytes = kMagic;
  out(key_of(cell, device), step, kernels::hash_text(payload));
  out.bytes += payload;
  return std::move(out.bytes);
}

std::optional<OpenCheckpoint> open_checkpoint(std::string_view bytes, const CellSpec& cell, const Device& device) {
  constexpr std::size_t kHeader = kMagic.size() + 24;
  if (bytes.size() < kHeader || !bytes.starts_with(kMagic)) return std::nullopt;
  std::uint64_t key = 0, checksum = 0;
  OpenCheckpoint open;
  Loader in(bytes.substr(kMagic.size()));
  in(key, open.step, checksum);
  open.payload = bytes.substr(kHeader);
  if (key != key_of(cell, device) || checksum != kernels::hash_text(open.payload)) return std::nullopt;
  return open;
}

std::string checkpoint_name(const CellSpec& cell, const Device& device) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(key_of(cell, device)));
  return text;
}

std::vector<std::vector<std::size_t>> group_by_step(std::span<const CellSpec> cells, const Device& device, std::vector<std::string>& states) {
  states.resize(cells.size());
  std::map<std::int64_t, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto open = open_checkpoint(states[i], cells[i], device);
    if (!open) states[i].clear();
    groups[open ? open->step : 0].push_back(i);
  }
  std::vector<std::vector<std::size_t>> list;
  for (auto& [step, group] : groups) list.push_back(std::move(group));
  return list;
}

std::string Pack::save(int m, double seconds) {
  const kernels::UseQueue use(queue_.get());
  look();
  Saver out;
  sweeps::CellResult result = results_[m];
  result.seconds += seconds;
  small_fields(out, cells_[m], seen_[static_cast<std::size_t>(m)], result);
  out(stride_);
  std::vector<float> numbers(static_cast<std::size_t>(stride_));
  out.bytes.reserve(out.bytes.size() + 4 * numbers.size() * sizeof(float));
  for (const float* buffer : {weights_, first_, second_, best_}) {
    memory_->get(numbers.data(), buffer + m * stride_, numbers.size() * sizeof(float));
    out.floats(numbers.data(), stride_);
  }
  return seal_checkpoint(specs_[m], device_, step_, out.bytes);
}

void Pack::restore(int m, const std::string& bytes) {
  const kernels::UseQueue use(queue_.get());
  const auto open = open_checkpoint(bytes, specs_[m], device_);
  if (!open) throw std::runtime_error("a checkpoint of another cell");
  if (step_ != 0 && step_ != open->step) throw std::runtime_error("checkpoints of one pack must be of one step");
  Loader in(open->payload);
  small_fields(in, cells_[m], seen_[static_cast<std::size_t>(m)], results_[m]);
  std::int64_t stride = 0;
  in(stride);
  if (stride != stride_) throw std::runtime_error("a checkpoint of a model of another size");
  std::vector<float> numbers(static_cast<std::size_t>(stride_));
  for (float* buffer : {weights_, first_, second_, best_}) {
    in.floats(numbers.data(), stride_);
    memory_->set(buffer + m * stride_, numbers.data(), numbers.size() * sizeof(float));
  }
  memory_->set(records_ + m, &seen_[static_cast<std::size_t>(m)], sizeof seen_[0]);
  step_ = open->step;
}

}  // namespace phasegrid::worker
