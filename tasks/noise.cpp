#include "tasks/noise.hpp"

#include <cmath>

#include "tasks/recipe.hpp"

namespace phasegrid::tasks {
namespace {

// A task that changes what another one draws.
class Around : public Task {
 public:
  explicit Around(std::unique_ptr<Task> inner) : inner_(std::move(inner)) {}
  int vocab() const override { return inner_->vocab(); }
  int channels() const override { return inner_->channels(); }
  int outputs() const override { return inner_->outputs(); }
  double embedding_noise() const override { return inner_->embedding_noise(); }
  int T() const override { return inner_->T(); }
  int most_scored() const override { return inner_->most_scored(); }
  double ceiling() const override { return inner_->ceiling(); }
  double guess() const override { return inner_->guess(); }
  std::int64_t available(Stream stream) const override { return inner_->available(stream); }
  bool draws_alone() const override { return inner_->draws_alone(); }
  std::string symbol(std::int32_t token) const override { return inner_->symbol(token); }
  std::vector<std::string> roles(const Batch& batch, int sequence) const override {
    return inner_->roles(batch, sequence);
  }

 protected:
  std::unique_ptr<Task> inner_;
};

class NoisyTokens final : public Around {
 public:
  NoisyTokens(std::unique_ptr<Task> clean, double noise)
      : Around(std::move(clean)), noise_(noise), threshold_(static_cast<std::uint64_t>(std::llround(noise * 0x1p32))) {}

  double ceiling() const override { return inner_->ceiling() * (1 - noise_ * (1 - inner_->guess())); }

  void draw(kernels::Random& random, Batch& batch) const override {
    const std::size_t scored = batch.position.size();
    inner_->draw(random, batch);
    Appended out{batch, batch.tokens.data() + batch.tokens.size() - T(), scored};
    replace_tokens(random, T(), static_cast<std::uint32_t>(vocab()), threshold_, out);
  }
  bool recipe(Recipe& r) const override {
    const bool known = inner_->recipe(r);
    r.replaced = threshold_;
    return known;
  }

 private:
  double noise_;
  std::uint64_t threshold_;
};

class NoisyEmbeddings final : public Around {
 public:
  NoisyEmbeddings(std::unique_ptr<Task> clean, double noise) : Around(std::move(clean)), noise_(noise) {}

  double embedding_noise() const override { return noise_; }

  void draw(kernels::Random& random, Batch& batch) const override {
    inner_->draw(random, batch);
    batch.noise = noise_;
    const std::uint64_t high = random.bits(), low = random.bits();
    batch.noise_key.push_back(high << 32 | low);
  }

 private:
  double noise_;
};

template <class Noisy>
TaskEntry with(TaskEntry entry, OptionKey key) {
  const std::string name = key.name;
  entry.options.push_back(std::move(key));
  entry.make = [make = std::move(entry.make), name](const Options& options) -> std::unique_ptr<Task> {
    const double noise = options.real(name);
    auto clean = make(options);
    return noise > 0 ? std::make_unique<Noisy>(std::move(clean), noise) : std::move(clean);
  };
  return entry;
}

}  // namespace

TaskEntry with_embedding_noise(TaskEntry entry) {
  return with<NoisyEmbeddings>(std::move(entry), {"embedding_noise", OptionKey::real, "0", 0, 1e6, {},
                                                  "deviation of normal noise on the embedding of every position"});
}

TaskEntry with_noise(TaskEntry entry) {
  return with_embedding_noise(with<NoisyTokens>(
      std::move(entry), {"token_noise", OptionKey::real, "0", 0, 1, {}, "chance that an unscored token is replaced"}));
}

}  // namespace phasegrid::tasks
