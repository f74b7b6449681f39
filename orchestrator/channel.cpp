#include "orchestrator/channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace phasegrid::orchestrator {
namespace {

void keep_files(msghdr& message, std::deque<Fd>& files) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= header->cmsg_len; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      files.emplace_back(fd);
    }
  }
}

bool try_again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Channel::Channel(Fd socket) : socket_(std::move(socket)) {
  fcntl(socket_.get(), F_SETFL, fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

void Channel::send(const std::string& message, Fd file) {
  if (file) files_to_send_.emplace_back(outgoing_.size(), std::move(file));
  const auto size = static_cast<std::uint32_t>(message.size());
  outgoing_.append(reinterpret_cast<const char*>(&size), sizeof size);
  outgoing_ += message;
  write_some();
}

// A file goes with the first byte of its message, and a chunk ends where the next file is due.
ssize_t Channel::write_chunk() {
  const bool with_file = !files_to_send_.empty() && files_to_send_.front().first == written_;
  const std::size_t next = with_file ? 1 : 0;
  const std::size_t end = files_to_send_.size() > next ? files_to_send_[next].first : outgoing_.size();
  iovec bytes{outgoing_.data() + written_, end - written_};
  msghdr message{};
  message.msg_iov = &bytes, message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (with_file) {
    message.msg_control = control, message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = files_to_send_.front().second.get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  const ssize_t n = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  if (n > 0 && with_file) files_to_send_.pop_front();
  return n;
}

void Channel::write_some() {
  while (open() && written_ < outgoing_.size()) {
    const ssize_t n = write_chunk();
    if (n < 0) {
      if (errno == EINTR) continue;
      if (!try_again()) closed_ = true;
      return;
    }
    written_ += static_cast<std::size_t>(n);
  }
  outgoing_.clear();
  files_to_send_.clear();
  written_ = 0;
}

void Channel::read_some() {
  char buffer[16384];
  while (open()) {
    iovec bytes{buffer, sizeof buffer};
    alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
    msghdr message{};
    message.msg_iov = &bytes, message.msg_iovlen = 1;
    message.msg_control = control, message.msg_controllen = sizeof control;
    const ssize_t n = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (n > 0) keep_files(message, files_);
    if (n > 0) {
      incoming_.append(buffer, static_cast<std::size_t>(n));
      if (n == sizeof buffer) continue;
      return;
    }
    if (n == 0 || !try_again()) closed_ = true;
    return;
  }
}

std::optional<std::string> Channel::receive() {
  for (int attempt = 0; attempt < 2; ++attempt) {
    std::uint32_t size = 0;
    if (incoming_.size() - parsed_ >= sizeof size) {
      std::memcpy(&size, incoming_.data() + parsed_, sizeof size);
      if (size > kLongest) {
        closed_ = true;
        return std::nullopt;
      }
      if (incoming_.size() - parsed_ - sizeof size >= size) {
        std::string message = incoming_.substr(parsed_ + sizeof size, size);
        parsed_ += sizeof size + size;
        if (parsed_ == incoming_.size()) incoming_.clear(), parsed_ = 0;
        return message;
      }
    }
    if (attempt == 0) read_some();
  }
  return std::nullopt;
}

Fd Channel::take_file() {
  if (files_.empty()) return {};
  Fd file = std::move(files_.front());
  files_.pop_front();
  return file;
}

void Channel::wait(bool until_written, int milliseconds) {
  if (!open()) return;
  pollfd entry{socket_.get(), static_cast<short>(POLLIN | (until_written || sending() ? POLLOUT : 0)), 0};
  if (until_written) entry.events = POLLOUT;
  if (poll(&entry, 1, milliseconds) > 0 && (entry.revents & (POLLOUT | POLLERR | POLLHUP))) write_some();
}

}  // namespace phasegrid::orchestrator
