#include "results/checkpoints.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>

#include "results/checksum.hpp"
#include "results/run_folder.hpp"

namespace phasegrid::results {
namespace {

namespace fs = std::filesystem;
const std::string kName = "checkpoints.";

// A little more than is asked for, so that the next checkpoint of the cell, whose curve is longer, fits as well.
std::uint64_t rounded(std::uint64_t bytes) {
  const std::uint64_t grain = std::max<std::uint64_t>(64, std::bit_floor(bytes) / 8);
  return (bytes + grain - 1) / grain * grain;
}

}  // namespace

fs::path checkpoints_path(const fs::path& directory, int generation) { return directory / (kName + std::to_string(generation)); }

std::string read_checkpoint(const fs::path& directory, const Checkpoint& checkpoint) {
  const Descriptor fd{open(checkpoints_path(directory, checkpoint.file).c_str(), O_RDONLY | O_CLOEXEC)};
  std::error_code missing;
  const std::uint64_t size = fs::file_size(checkpoints_path(directory, checkpoint.file), missing);
  if (!fd || missing || checkpoint.length > size || checkpoint.offset > size - checkpoint.length) return {};
  std::string bytes(checkpoint.length, '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = pread(fd.get(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(checkpoint.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    done += static_cast<std::size_t>(got);
  }
  return crc32c(bytes) == checkpoint.checksum ? bytes : std::string();
}

CheckpointFiles::CheckpointFiles(fs::path directory, int generation, const CheckpointMap& known)
    : directory_(std::move(directory)), generation_(generation) {
  for (const auto& [cell, checkpoint] : known)
    if (checkpoint.host.empty()) ++used_[checkpoint.file];
  std::vector<fs::path> useless;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory_, ignored)) {
    const std::string name = entry.path().filename().string();
    int file = 0;
    if (!name.starts_with(kName)) continue;
    const char* last = name.data() + name.size();
    if (std::from_chars(name.data() + kName.size(), last, file).ptr == last && !used_.contains(file)) useless.push_back(entry.path());
  }
  for (const fs::path& path : useless) fs::remove(path, ignored);
}

// First fit; checkpoints of one sweep are of few sizes.
std::uint64_t CheckpointFiles::find_room(std::uint64_t bytes) {
  for (auto hole = holes_.begin(); hole != holes_.end(); ++hole) {
    const auto [offset, size] = *hole;
    if (size < bytes) continue;
    holes_.erase(hole);
    if (size > bytes) holes_.emplace(offset + bytes, size - bytes);
    return offset;
  }
  end_ += bytes;
  return end_ - bytes;
}

Checkpoint CheckpointFiles::write(std::string_view bytes) {
  const fs::path path = checkpoints_path(directory_, generation_);
  if (!fd_) {
    fd_ = Descriptor{open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)};
    if (!fd_) throw_system(path, "cannot create", errno);
    sync_directory(directory_);
    end_ = 0;
    holes_.clear();
  }
  Checkpoint place;
  place.file = generation_;
  place.offset = find_room(rounded(bytes.size())), place.length = bytes.size();
  place.checksum = crc32c(bytes);
  try {
    write_all(fd_.get(), bytes, place.offset, path);
  } catch (const RunError&) {
    add_hole(place.offset, rounded(place.length));
    throw;
  }
  ++used_[generation_];
  dirty_ = true;
  return place;
}

void CheckpointFiles::release(const Checkpoint& checkpoint) {
  if (checkpoint.host.empty()) released_.push_back(checkpoint);
}

void CheckpointFiles::sync() {
  if (!dirty_) return;
  if (fdatasync(fd_.get()) != 0) throw_system(checkpoints_path(directory_, generation_), "cannot make durable", errno);
  dirty_ = false;
}

void CheckpointFiles::committed() {
  for (const Checkpoint& checkpoint : released_) {
    if (checkpoint.file == generation_ && fd_) add_hole(checkpoint.offset, rounded(checkpoint.length));
    if (--used_[checkpoint.file] > 0) continue;
    used_.erase(checkpoint.file);
    if (checkpoint.file == generation_) fd_ = Descriptor{};
    std::error_code ignored;  // a file that stays costs space, nothing else: the next life removes it
    fs::remove(checkpoints_path(directory_, checkpoint.file), ignored);
  }
  released_.clear();
}

// Joins it with its neighbours; a hole at the end is no part of the file.
void CheckpointFiles::add_hole(std::uint64_t offset, std::uint64_t bytes) {
  auto next = holes_.lower_bound(offset);
  if (next != holes_.end() && offset + bytes == next->first) bytes += next->second, next = holes_.erase(next);
  if (next != holes_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == offset) offset = before->first, bytes += before->second, holes_.erase(before);
  }
  if (offset + bytes < end_) {
    holes_.emplace(offset, bytes);
    return;
  }
  end_ = offset;
  if (ftruncate(fd_.get(), static_cast<off_t>(end_)) != 0) errno = 0;  // the space is used again in any case
}

}  // namespace phasegrid::results
