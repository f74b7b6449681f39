// Values as bytes, for messages between processes of one run (same binary, same byte order).
//
// A message is a struct with `template <class Archive> void fields(Archive& archive) { archive(a, b, c); }`: the one list of its
// fields serves writing and reading. Numbers travel as they are in memory, so that a double keeps its bits.
#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace phasegrid::orchestrator {

// A message that is cut short or of another kind than expected: the peer is not one of ours.
class WireError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Writer {
 public:
  std::string bytes;

  template <class... Fields>
  void operator()(Fields&... all) {
    (put(all), ...);
  }

 private:
  template <class Field>
  void put(Field& field) {
    if constexpr (std::is_arithmetic_v<Field> || std::is_enum_v<Field>) {
      bytes.append(reinterpret_cast<const char*>(&field), sizeof field);
    } else if constexpr (std::is_same_v<Field, std::string>) {
      count(field.size());
      bytes += field;
    } else if constexpr (requires { field.fields(*this); }) {
      field.fields(*this);
    } else if constexpr (requires { field.push_back(field.front()); }) {
      count(field.size());
      for (auto& element : field) put(element);
    } else {
      fields(*this, field);
    }
  }
  void count(std::size_t size) {
    auto n = static_cast<std::uint32_t>(size);
    put(n);
  }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  template <class... Fields>
  void operator()(Fields&... all) {
    (get(all), ...);
  }
  bool empty() const { return left_.empty(); }

 private:
  template <class Field>
  void get(Field& field) {
    if constexpr (std::is_arithmetic_v<Field> || std::is_enum_v<Field>) {
      std::memcpy(&field, take(sizeof field).data(), sizeof field);
    } else if constexpr (std::is_same_v<Field, std::string>) {
      field = take(count());
    } else if constexpr (requires { field.fields(*this); }) {
      field.fields(*this);
    } else if constexpr (requires { field.push_back(field.front()); }) {
      const std::size_t size = count();
      if (size > left_.size()) throw WireError("a message is cut short");  // before reserving what a broken count asks for
      field.clear();
      field.reserve(size);
      for (std::size_t i = 0; i < size; ++i) get(field.emplace_back());
    } else {
      fields(*this, field);
    }
  }
  std::size_t count() {
    std::uint32_t n = 0;
    get(n);
    return n;
  }
  std::string_view take(std::size_t size) {
    if (size > left_.size()) throw WireError("a message is cut short");
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
};

}  // namespace phasegrid::orchestrator
