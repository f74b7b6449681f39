// Messages over a socket between an agent and its executor: each is its length (4 bytes) and its bytes. A message may bring an open file.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "orchestrator/fd.hpp"

namespace phasegrid::orchestrator {

class Channel {
 public:
  static constexpr std::uint32_t kLongest = 4'000'000'000;   // bytes; a longer message is no message of ours
  Channel() = default;
  explicit Channel(Fd socket);                  // made non-blocking

  int fd() const { return socket_.get(); }
  bool open() const { return static_cast<bool>(socket_) && !closed_; }
  bool sending() const { return !outgoing_.empty(); }

  void send(const std::string& message, Fd file = {});   // queues, and writes what the socket takes now
  void write_some();
  std::optional<std::string> receive();         // a whole message, if one has arrived
  Fd take_file();                               // the oldest file that has come and was not taken; it comes no later than its message
  // Waits until everything is written, something can be read, the peer is gone, or time is up.
  void wait(bool until_written, int milliseconds);

 private:
  void read_some();
  ssize_t write_chunk();
  Fd socket_;
  bool closed_ = false;
  std::string outgoing_, incoming_;
  std::size_t written_ = 0, parsed_ = 0;
  std::deque<std::pair<std::size_t, Fd>> files_to_send_;   // and with which byte of outgoing_
  std::deque<Fd> files_;
};

}  // namespace phasegrid::orchestrator
