// SEQUENTIAL FUNCTION COMPOSITION: tables of functions, then an argument; say what all of them make of it (family of
// arXiv 2412.02975; the layout is ours).
//
//   tokens     m = `points`, L = `functions`: inputs x are 0 .. m - 1, outputs y m .. 2m - 1, the title of the table
//              of f_i is 2m + i - 1, the question mark 2m + L
//   table      title, then the m pairs x f_i(x) in random order; every f_i(x) uniform, or (`bijective`) f_i a uniform
//              permutation. Tables come as f_1 .. f_L (`order = forward`) or f_L .. f_1 (`reversed`)
//   question   mark and uniform x_0, behind the tables (`query = last`) or before them (`first`)
//   label      at T only: f_L( .. f_1(x_0)), as an output token.  T = L (2m + 1) + 2
//
// functions = 2, points = 2, T = 12: x1 goes to 0 by f1, and 0 goes to 1 by f2.
//
//   tokens   f1 x1 y0 x0 y0 f2 x0 y1 x1 y0  ? x1
//   targets   .  .  .  .  .  .  .  .  .  .  . y1
#include <numeric>

#include "tasks/draw.hpp"
#include "tasks/options.hpp"

namespace phasegrid::tasks {
namespace {

std::int64_t length(const Options& options) {
  return options.integer("functions") * (2 * options.integer("points") + 1) + 2;
}

class FunctionComposition final : public Task {
 public:
  explicit FunctionComposition(const Options& options)
      : functions_(options.integer("functions")),
        points_(options.integer("points")),
        T_(options.integer("T")),
        reversed_(options.word("order") == "reversed"),
        query_first_(options.word("query") == "first"),
        bijective_(options.boolean("bijective")) {}

  int vocab() const override { return 2 * points_ + functions_ + 1; }
  int T() const override { return T_; }
  int most_scored() const override { return 1; }
  double guess() const override { return bijective_ ? 1 : 1.0 / points_; }

  void draw(kernels::Random& random, Batch& batch) const override {
    thread_local std::vector<std::uint32_t> image, inputs;  // image[i m + x] = f_{i+1}(x)
    image.resize(static_cast<std::size_t>(functions_) * points_), inputs.resize(points_);
    for (int i = 0; i < functions_; ++i) {
      const std::span<std::uint32_t> f(image.data() + i * points_, points_);
      if (bijective_) draw_distinct(random, points_, f);
      else
        for (std::uint32_t& y : f) y = random.below(points_);
    }
    const std::uint32_t x0 = random.below(points_);
    const auto ask = [&] { batch.tokens.push_back(2 * points_ + functions_), batch.tokens.push_back(x0); };
    if (query_first_) ask();
    for (int place = 0; place < functions_; ++place) {
      const int i = reversed_ ? functions_ - 1 - place : place;
      batch.tokens.push_back(2 * points_ + i);
      draw_distinct(random, points_, inputs);
      for (const std::uint32_t x : inputs) {
        batch.tokens.push_back(x), batch.tokens.push_back(points_ + image[i * points_ + x]);
      }
    }
    if (!query_first_) ask();
    std::uint32_t x = x0;
    for (int i = 0; i < functions_; ++i) x = image[i * points_ + x];
    batch.score(T_ - 1, points_ + x);
    batch.end_sequence();
  }

  std::string symbol(std::int32_t token) const override {
    if (token < points_) return mark("x", token);
    if (token < 2 * points_) return mark("y", token - points_);
    return token < 2 * points_ + functions_ ? mark("f", token - 2 * points_ + 1) : "?";
  }

 private:
  int functions_, points_, T_;
  bool reversed_, query_first_, bijective_;
};

void complete(Options& options) {
  if (!options.has("T")) options.numbers["T"] = static_cast<double>(length(options));
}

std::string fits(const Options& options) {
  if (options.integer("T") == length(options)) return "";
  return "T: tables and question take T = functions * (2 * points + 1) + 2 = " + std::to_string(length(options)) +
         ", but " + say(options, "T") + " (leave T out)";
}

}  // namespace

TaskEntry function_composition() {
  return {
      .name = "function_composition",
      .help = "apply several functions, given as tables, one after the other",
      .options =
          {{"functions", OptionKey::integer, "2", 1, 1024, {}, "how many functions are composed"},
           {"points", OptionKey::integer, "4", 1, 512, {}, "points on which each function is defined"},
           {"order", OptionKey::word, "forward", 0, 0, {"forward", "reversed"}, "in which order the tables come"},
           {"query", OptionKey::word, "last", 0, 0, {"first", "last"}, "where the question stands"},
           {"bijective", OptionKey::boolean, "false", 0, 1, {}, "draw permutations instead of any functions"},
           key_T("functions*(2*points+1)+2")},
      .complete = complete,
      .fits = fits,
      .make = [](const Options& options) -> std::unique_ptr<Task> {
        return std::make_unique<FunctionComposition>(options);
      },
  };
}

}  // namespace phasegrid::tasks
