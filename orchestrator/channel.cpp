#include "orchestrator/channel.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace phasegrid::orchestrator {
namespace {

bool try_again() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Channel::Channel(Fd socket) : socket_(std::move(socket)) {
  fcntl(socket_.get(), F_SETFL, fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

void Channel::send(const std::string& message) {
  const auto size = static_cast<std::uint32_t>(message.size());
  outgoing_.append(reinterpret_cast<const char*>(&size), sizeof size);
  outgoing_ += message;
  write_some();
}

void Channel::write_some() {
  while (open() && written_ < outgoing_.size()) {
    const ssize_t n = ::send(socket_.get(), outgoing_.data() + written_, outgoing_.size() - written_, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (!try_again()) closed_ = true;
      return;
    }
    written_ += static_cast<std::size_t>(n);
  }
  outgoing_.clear();
  written_ = 0;
}

void Channel::read_some() {
  char buffer[16384];
  while (open()) {
    const ssize_t n = recv(socket_.get(), buffer, sizeof buffer, 0);
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

void Channel::wait(bool until_written, int milliseconds) {
  if (!open()) return;
  pollfd entry{socket_.get(), static_cast<short>(POLLIN | (until_written || sending() ? POLLOUT : 0)), 0};
  if (until_written) entry.events = POLLOUT;
  if (poll(&entry, 1, milliseconds) > 0 && (entry.revents & (POLLOUT | POLLERR | POLLHUP))) write_some();
}

}  // namespace phasegrid::orchestrator
