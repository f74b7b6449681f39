// POSIX files that are written durably: a descriptor that closes itself, and a file that only grows by whole commits.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace phasegrid::results {

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// Throws RunError: `path: what: reason`, with advice where the reason is a full disk or a missing right.
[[noreturn]] void throw_system(const std::filesystem::path& path, const std::string& what, int error);

void sync_directory(const std::filesystem::path& directory);  // makes new names in it durable
void write_all(int fd, std::string_view bytes, std::uint64_t offset, const std::filesystem::path& path);

// Writes beside the target (path + ".tmp"), makes it durable, renames it over the target. On failure the target is as
// before.
void replace_file(const std::filesystem::path& path, std::string_view bytes);

// Bytes gather in memory; commit() makes all of them durable or none: after a failure the file is cut back to its last
// commit, the bytes stay in memory, and the next commit() writes them.
class GrowingFile {
 public:
  // Must not exist yet (O_EXCL): std::filesystem::filesystem_error with file_exists, or RunError.
  static GrowingFile create(const std::filesystem::path& path);

  std::uint64_t append(std::string_view bytes);  // returns the offset at which they will lie
  void commit();                                 // one fdatasync; throws RunError

 private:
  GrowingFile(std::filesystem::path path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::filesystem::path path_;
  Descriptor fd_;
  std::uint64_t durable_ = 0;  // bytes
  std::string pending_;
};

}  // namespace phasegrid::results
