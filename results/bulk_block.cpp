// The block of one result in bulk.G, little-endian, without padding:
//
//   u64 points, then for each: i64 step, f64 accuracy, loss, train_loss
//   u64 arrays, then for each: string name, u64 rank, rank x string dimension, rank x u64 extent, u64 numbers, numbers
//   x f64, u64 texts, texts x string, string long_name, string units (a string is u64 length, bytes)
#include <cassert>
#include <cstring>

#include "results/journal.hpp"
#include "results/journal_line.hpp"

namespace phasegrid::results {
namespace {

void put(std::string& out, const void* data, std::size_t bytes) { out.append(static_cast<const char*>(data), bytes); }
void put(std::string& out, std::uint64_t value) { put(out, &value, sizeof value); }
void put(std::string& out, const std::string& text) {
  put(out, text.size());
  out += text;
}

class BlockReader {
 public:
  explicit BlockReader(std::string_view bytes) : rest_(bytes) {}

  void get(void* data, std::size_t bytes) {
    if (bytes > rest_.size()) throw LineError("a bulk block is too short");
    if (bytes > 0) std::memcpy(data, rest_.data(), bytes);
    rest_.remove_prefix(bytes);
  }
  std::uint64_t count(std::size_t bytes_each) {  // a number of things that must still fit into the block
    std::uint64_t value;
    get(&value, sizeof value);
    if (value > rest_.size() / bytes_each) throw LineError("a bulk block is too short");
    return value;
  }
  std::string text() {
    std::string value(count(1), '\0');
    get(value.data(), value.size());
    return value;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::string pack_bulk(const sweeps::CellResult& result) {
  if (result.curve.empty() && result.diagnostics.empty()) return {};
  std::string out;
  static_assert(sizeof(sweeps::CurvePoint) == 32, "points are copied as they lie in memory");
  put(out, result.curve.size());
  put(out, result.curve.data(), result.curve.size() * sizeof(sweeps::CurvePoint));
  put(out, result.diagnostics.size());
  for (const sweeps::LabelledArray& array : result.diagnostics) {
    assert(array.shape.size() == array.dims.size() && "every dimension has a name");
    put(out, array.name);
    put(out, array.dims.size());
    for (const std::string& dim : array.dims) put(out, dim);
    for (const std::size_t extent : array.shape) put(out, extent);
    put(out, array.data.size());
    put(out, array.data.data(), array.data.size() * sizeof(double));
    put(out, array.text.size());
    for (const std::string& text : array.text) put(out, text);
    put(out, array.long_name);
    put(out, array.units);
  }
  return out;
}

void unpack_bulk(std::string_view bytes, sweeps::CellResult& result) {
  BlockReader in(bytes);
  result.curve.resize(in.count(sizeof(sweeps::CurvePoint)));
  in.get(result.curve.data(), result.curve.size() * sizeof(sweeps::CurvePoint));
  result.diagnostics.resize(in.count(1));
  for (sweeps::LabelledArray& array : result.diagnostics) {
    array.name = in.text();
    array.dims.resize(in.count(1));
    for (std::string& dim : array.dims) dim = in.text();
    array.shape.resize(array.dims.size());
    in.get(array.shape.data(), array.shape.size() * sizeof(std::size_t));
    array.data.resize(in.count(sizeof(double)));
    in.get(array.data.data(), array.data.size() * sizeof(double));
    array.text.resize(in.count(1));
    for (std::string& text : array.text) text = in.text();
    array.long_name = in.text();
    array.units = in.text();
  }
}

}  // namespace phasegrid::results
