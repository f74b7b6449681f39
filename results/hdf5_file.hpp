// HDF5's handles in classes that close them, and files that are built in memory: what results files and weights files
// share.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

namespace phasegrid::results {

// An HDF5 identifier (hid_t) and the function that closes it.
class Handle {
 public:
  using Close = int (*)(std::int64_t);
  Handle() = default;
  Handle(std::int64_t id, Close close, const std::string& what);  // throws RunError when id is negative
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept;
  ~Handle();
  std::int64_t get() const { return id_; }

 private:
  std::int64_t id_ = -1;
  Close close_ = nullptr;
};

void check(int status, const std::string& what);  // throws RunError when negative: "HDF5 cannot <what>"
Handle open_for_reading(const std::filesystem::path& path);  // without a lock; throws RunError
Handle text_type();                               // UTF-8 of any length
Handle property_list(std::int64_t kind);

// A new file in memory. Names are kept in the order in which they are made.
class MemoryFile {
 public:
  MemoryFile();
  explicit MemoryFile(const std::filesystem::path& path);  // a copy of the file, which stays as it is until save()
  std::int64_t get() const { return file_.get(); }

  // Writes the file beside the target in one go and renames it over the target: a reader sees the old file or the new
  // one, and a full disk leaves the old one. Throws RunError.
  void save(const std::filesystem::path& path) const;

 private:
  Handle file_;
};

}  // namespace phasegrid::results
