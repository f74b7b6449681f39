#include "tasks/noise.hpp"

#include <cmath>

namespace phasegrid::tasks {
namespace {

class Noisy final : public Task {
 public:
  Noisy(std::unique_ptr<Task> clean, double noise)
      : clean_(std::move(clean)), noise_(noise), threshold_(static_cast<std::uint64_t>(std::llround(noise * 0x1p32))) {}

  int vocab() const override { return clean_->vocab(); }
  int T() const override { return clean_->T(); }
  int most_scored() const override { return clean_->most_scored(); }
  double ceiling() const override { return clean_->ceiling() * (1 - noise_ * (1 - clean_->guess())); }
  std::string symbol(std::int32_t token) const override { return clean_->symbol(token); }
  std::vector<std::string> roles(const Batch& batch, int sequence) const override {
    return clean_->roles(batch, sequence);
  }

  void draw(kernels::Random& random, Batch& batch) const override {
    const std::size_t row = batch.tokens.size();
    std::size_t scored = batch.position.size();
    clean_->draw(random, batch);
    for (int t = 0; t < T(); ++t) {
      if (scored < batch.position.size() && batch.position[scored] == t) {
        ++scored;
      } else if (random.bits() < threshold_) {
        batch.tokens[row + t] = static_cast<std::int32_t>(random.below(vocab()));
      }
    }
  }

 private:
  std::unique_ptr<Task> clean_;
  double noise_;
  std::uint64_t threshold_;
};

}  // namespace

TaskEntry with_noise(TaskEntry entry) {
  entry.options.push_back({"token_noise", OptionKey::real, "0", 0, 1, {}, "chance that an unscored token is replaced"});
  entry.make = [make = std::move(entry.make)](const Options& options) -> std::unique_ptr<Task> {
    const double noise = options.real("token_noise");
    auto clean = make(options);
    return noise > 0 ? std::make_unique<Noisy>(std::move(clean), noise) : std::move(clean);
  };
  return entry;
}

}  // namespace phasegrid::tasks
