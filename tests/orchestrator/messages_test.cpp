#include "orchestrator/messages.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <bit>
#include <limits>

#include "orchestrator/channel.hpp"

namespace phasegrid::orchestrator {
namespace {

sweeps::CellResult a_result() {
  sweeps::CellResult r;
  r.index = 0xFFFF'FFFF'FFFFull;
  r.status = sweeps::Status::diverged;
  r.reason = "loss is not a number";
  r.accuracy = std::numeric_limits<double>::denorm_min();
  r.loss = sweeps::kNaN;
  r.steps = 4000;
  r.accuracy_T = {0.5, -0.0};
  r.curve = {{10, 0.1, 0.2, 0.3}, {20, 0.4, 0.5, 0.6}};
  r.diagnostics = {{"decay", {"layer", "bin"}, {1, 2}, {7, 8}, {}, "decay factors", "1"}, {"role", {"role"}, {2}, {}, {"key", "value"}}};
  return r;
}

TEST(Messages, CarryAResultWithEveryBitOfIt) {
  const auto before = a_result();
  const auto after = decode<Finished>(encode(Finished{3, before}));
  EXPECT_EQ(after.slot, 3);
  EXPECT_EQ(after.result.index, before.index);
  EXPECT_EQ(after.result.status, before.status);
  EXPECT_EQ(after.result.reason, before.reason);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(after.result.accuracy), std::bit_cast<std::uint64_t>(before.accuracy));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(after.result.loss), std::bit_cast<std::uint64_t>(before.loss));
  ASSERT_EQ(after.result.curve.size(), 2u);
  EXPECT_EQ(after.result.curve[1].train_loss, 0.6);
  ASSERT_EQ(after.result.diagnostics.size(), 2u);
  EXPECT_EQ(after.result.diagnostics[0].dims, before.diagnostics[0].dims);
  EXPECT_EQ(after.result.diagnostics[0].data, before.diagnostics[0].data);
  EXPECT_EQ(after.result.diagnostics[0].long_name, "decay factors");
  EXPECT_EQ(after.result.diagnostics[0].units, "1");
  EXPECT_EQ(after.result.diagnostics[1].text, before.diagnostics[1].text);
}

TEST(Messages, AreSmall) {
  EXPECT_LT(encode(Assign{0, {1, 2, 3}}).size(), 100u);
  EXPECT_LT(encode(Beat{std::vector<float>(8)}).size(), 100u);
}

TEST(Messages, ThatAreCutShortOrOfAnotherKindAreRefused) {
  const std::string whole = encode(Finished{3, a_result()});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(decode<Finished>(std::string_view(whole).substr(0, length)), WireError)
        << "at " << length << " of " << whole.size();
  }
  EXPECT_THROW(decode<Finished>(whole + "x"), WireError);
  EXPECT_THROW(decode<Free>(whole), WireError);
}

struct Pair {
  Channel a, b;
  Pair() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    a = Channel(Fd(ends[0]));
    b = Channel(Fd(ends[1]));
  }
};

TEST(Channel, DeliversMessagesWholeAndInOrderHoweverTheyAreCutOnTheWay) {
  Pair pair;
  std::vector<std::string> sent;
  for (int i = 0; i < 40; ++i)
    sent.push_back(std::string(static_cast<std::size_t>(i * i * i * 20), static_cast<char>('a' + i % 26)));
  for (const auto& message : sent) pair.a.send(message);  // more than the socket holds
  std::vector<std::string> received;
  while (received.size() < sent.size() && pair.b.open()) {
    while (auto message = pair.b.receive()) received.push_back(*message);
    pair.a.write_some();
  }
  EXPECT_EQ(received, sent);
}

// Files travel beside the bytes: each must come with its own message, however the bytes are cut.
TEST(Channel, BringsFilesWithTheirMessages) {
  Pair pair;
  std::vector<std::size_t> sizes;
  for (int i = 0; i < 30; ++i) {
    sizes.push_back(static_cast<std::size_t>(i * i * i * 20 + 1));
    Fd file(memfd_create("test", MFD_CLOEXEC));
    ASSERT_EQ(write(file.get(), &i, sizeof i), static_cast<ssize_t>(sizeof i));
    pair.a.send(std::string(sizes.back(), 'x'), i % 3 ? std::move(file) : Fd());
  }
  for (int i = 0; i < 30;) {
    while (const auto message = pair.b.receive()) {
      ASSERT_EQ(message->size(), sizes[static_cast<std::size_t>(i)]);
      if (i % 3) {
        const Fd file = pair.b.take_file();
        int number = -1;
        ASSERT_EQ(pread(file.get(), &number, sizeof number, 0), static_cast<ssize_t>(sizeof number)) << "message " << i << " came without its file";
        EXPECT_EQ(number, i);
        EXPECT_TRUE(fcntl(file.get(), F_GETFD) & FD_CLOEXEC);
      }
      ++i;
    }
    pair.a.write_some();
  }
  EXPECT_FALSE(pair.b.take_file());
}

TEST(Channel, HandsOverWhatCameBeforeTheEnd) {
  Pair pair;
  pair.a.send("last words");
  pair.a = Channel();
  EXPECT_EQ(pair.b.receive(), "last words");
  EXPECT_EQ(pair.b.receive(), std::nullopt);
  EXPECT_FALSE(pair.b.open());
}

}  // namespace
}  // namespace phasegrid::orchestrator
