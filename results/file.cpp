#include "results/file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "results/run_folder.hpp"

namespace phasegrid::results {

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

void throw_system(const std::filesystem::path& path, const std::string& what, int error) {
  std::string advice;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG)
    throw DiskFull(path.string() + ": " + what + ": " + std::strerror(error) +
                   "; free some space and run the same command again: all acknowledged cells are safe");
  if (error == EACCES || error == EPERM || error == EROFS) advice = "; choose a folder that you may write to";
  throw RunError(path.string() + ": " + what + ": " + std::strerror(error) + advice);
}

void sync_directory(const std::filesystem::path& directory) {
  const Descriptor fd{open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // Some network file systems know no fsync of a directory (EINVAL): their names are durable at once.
  if (!fd || (fsync(fd.get()) != 0 && errno != EINVAL)) throw_system(directory, "cannot make new files durable", errno);
}

void write_all(int fd, std::string_view bytes, std::uint64_t offset, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw_system(path, "cannot write", written == 0 ? ENOSPC : errno);
    offset += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void replace_file(const std::filesystem::path& path, std::string_view bytes) {
  const std::filesystem::path beside = path.string() + ".tmp";
  try {
    const Descriptor fd{open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    if (!fd) throw_system(beside, "cannot create", errno);
    write_all(fd.get(), bytes, 0, beside);
    if (fdatasync(fd.get()) != 0) throw_system(beside, "cannot make durable", errno);
    if (rename(beside.c_str(), path.c_str()) != 0) throw_system(path, "cannot replace", errno);
  } catch (const RunError&) {
    unlink(beside.c_str());
    throw;
  }
  sync_directory(path.parent_path());
}

GrowingFile GrowingFile::create(const std::filesystem::path& path) {
  Descriptor fd{open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)};
  if (!fd && errno == EEXIST)
    throw std::filesystem::filesystem_error("create", path, std::make_error_code(std::errc::file_exists));
  if (!fd) throw_system(path, "cannot create", errno);
  return {path, std::move(fd)};
}

std::uint64_t GrowingFile::append(std::string_view bytes) {
  const std::uint64_t offset = durable_ + pending_.size();
  pending_ += bytes;
  return offset;
}

void GrowingFile::commit() {
  if (pending_.empty()) return;
  try {
    write_all(fd_.get(), pending_, durable_, path_);
    // After a failed fdatasync the kernel may call the pages clean: they are written again by the next commit.
    if (fdatasync(fd_.get()) != 0) throw_system(path_, "cannot make durable", errno);
  } catch (const RunError&) {
    // Best effort: what cannot be cut now is overwritten by the next commit, and a reader takes it for a torn tail.
    if (ftruncate(fd_.get(), static_cast<off_t>(durable_)) != 0) errno = 0;
    throw;
  }
  durable_ += pending_.size();
  pending_.clear();
}

}  // namespace phasegrid::results
