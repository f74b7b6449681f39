// K-HOP INDUCTION: follow "what came after the last occurrence" k times (Sanford et al. 2024, arXiv 2402.09268).
//
//   tokens uniform on 0 .. vocab - 1;   f(i) = max{2 <= j <= i : u_{j-1} = u_i}, undefined if there is none
//   label_t = u_{f^k(t)}, k = `hops`; scored at every t where f can be applied k times.  One hop: INDUCTION HEADS,
//   general.
//
// hops = 2, T = 8: the last 3 leads to the 2 behind the 3 before it, and that 2 to the 0 behind the 2 before it.
//
//   tokens   2 1 3 2 0 3 2 3
//   targets  . . . . . 1 . 0
#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

class KHop final : public Task {
 public:
  explicit KHop(const Options& options)
      : hops_(options.integer("hops")), vocab_(options.integer("vocab")), T_(options.integer("T")) {}

  int vocab() const override { return vocab_; }
  int T() const override { return T_; }
  int most_scored() const override { return T_ - 1; }

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<int> behind, f, end;  // behind a token's last occurrence; f(t); f^h(t)
    behind.assign(vocab_, -1), f.resize(T_), end.resize(T_);
    const std::size_t row = batch.tokens.size();
    for (int t = 0; t < T_; ++t) {
      const auto token = static_cast<std::int32_t>(random.below(vocab_));
      if (t > 0) behind[batch.tokens.back()] = t;
      batch.tokens.push_back(token);
      end[t] = f[t] = behind[token];
    }
    for (int hop = 1; hop < hops_; ++hop) {
      for (int& at : end) at = at < 0 ? -1 : f[at];
    }
    for (int t = 0; t < T_; ++t) {
      if (end[t] >= 0) batch.score(t, batch.tokens[row + end[t]]);
    }
    batch.end_sequence();
  }

 private:
  int hops_, vocab_, T_;
};

std::string fits(const Options& options) {
  if (options.integer("T") >= 2) return "";
  return "T: a token and its follower need T >= 2, but " + say(options, "T");
}

}  // namespace

TaskEntry k_hop() {
  return {
      .name = "k_hop",
      .help = "follow a token's last occurrence to what came after it, several times",
      .options = {{"hops", OptionKey::integer, "2", 1, 64, {}, "how many times to follow"},
                  key_vocab("8"),
                  key_T("64")},
      .complete = nullptr,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> { return std::make_unique<KHop>(options); },
  };
}

}  // namespace phasegrid::tasks
