// What no theorem can build says which key stands in the way, and which rule.
#include <gmock/gmock.h>

#include <tuple>

#include "tests/worker/constructed_cells.hpp"

namespace phasegrid::worker {
namespace {

using namespace constructed;
using testing::HasSubstr;

TEST(Construction, ThatDoesNotExistNamesTheKeyAndTheRule) {
  EXPECT_THAT(error_of("name = \"k_hop\"\n", "variant = \"mamba\"\nd = 4"),
              HasSubstr("model.init: no cell of this grid can exist: no theorem gives weights of mamba for k_hop, "
                        "expected \"random\""));
  EXPECT_THAT(error_of(kMqar, "variant = \"attention\"\nd = 4"),
              HasSubstr("no theorem gives weights of attention for mqar"));
  EXPECT_THAT(error_of(kMqar, "variant = \"mamba\"\nd = 4\nconstruction = \"C3\""),
              HasSubstr("model.construction: no cell of this grid can exist: C3 does not solve mqar with mamba"));
  EXPECT_THAT(error_of(kMqar, "variant = \"mamba\"\nd = 4\nconstruction = \"C9\""),
              HasSubstr("expected one of \"auto\", \"C1\""));
}

TEST(Construction, NamesTheSwitchThatItCannotWorkWith) {
  const std::string s6 = "variant = \"mamba\"\nd = 12\n", ssd = "variant = \"mamba2\"\nd = 12\n";
  for (const auto& [task, model, message] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {kMqar, s6 + "layers = 2", "layers: "},
           {kMqar, s6 + "norm = \"rms\"", "norm: "},
           {kMqar, s6 + "final_norm = \"rms\"", "final_norm: "},
           {kMqar, s6 + "residual = true", "residual: "},
           {kMqar, s6 + "tied_embedding = true", "tied_embedding: "},
           {kMqar, s6 + "conv = 1", "conv: "},
           {kMqar, s6 + "delta_activation = \"tanh\"", "delta_activation: "},
           {kMqar, "variant = \"mamba\"\nd = 1", "d: "},
           {kMqar + "token_noise = 0.1\n", s6, "token_noise: "},
           {kMqar + "overwrites = 1\n", s6, "overwrites: "},
           {kMqar, s6 + "construction = \"C2a\"", "activation: "},
           {kMqar, s6 + "construction = \"C2a\"\nactivation = \"identity\"", "gate: "},
           {kMqar + "distinct_values = false\n", s6 + "construction = \"C2a\"\nactivation = \"identity\"\ngate = false",
            "distinct_values: "},
           {kMqar, s6 + "construction = \"C1'\"", "activation: "},
           {kRandom, s6 + "construction = \"C1\"", "filler: "},
           {kRandom, s6 + "construction = \"C1b\"", "positional: "},
           {kMqar, ssd + "construction = \"C4\"\ngate = false", "gate: "},
           {kMqar, ssd + "gated_norm = true", "gated_norm: "},
           {kKeep, s6, "positional: "},
           {kKeep, s6 + "positional = \"scalar\"\ndiscretisation = \"none\"", "discretisation: "},
           {kKeep, "variant = \"s4d\"\nd = 4\nN = 22\ns4d_mode = \"real\"", "s4d_mode: "},
           {kInduction, "variant = \"mamba_delta_t\"\nd = 12", "delta_rank: "},
           {kPointer + "pointer = \"first\"\n", s6 + "positional = \"onehot\"", "pointer: "},
           {kPointer + "window = 2\n", s6 + "positional = \"onehot\"", "window: "},
           {kPointer, s6, "positional: "}}) {
    const std::string error = error_of(task, model), key = message.substr(0, message.size() - 2);
    EXPECT_THAT(error, HasSubstr("." + key + ": ")) << model;
    EXPECT_THAT(error, HasSubstr("expected")) << model;
  }
}

TEST(Construction, OfBadSettingsNamesTheKeyAndTheRule) {
  EXPECT_THAT(error_of(kMqar, kC1 + "init_noise = -0.1"),
              HasSubstr("init_noise: found -0.1, expected a number from 0 to 100"));
  EXPECT_THAT(error_of(kMqar + "vocab = 9\n", kC1), HasSubstr("task.vocab: "));
  EXPECT_THAT(error_of(kMqar + "pairs = 7\n", kC1), HasSubstr("task.pairs: "));
  EXPECT_THAT(error_of("name = \"mqar\"\nkappa = 6\nnu = 8\nT = 22\n", kC1), HasSubstr("task.T: "));
  EXPECT_THAT(error_of("name = \"mqar\"\nkappa = 6\nnu = 8\nT = 41\n", kC1), HasSubstr("T must be even"));
  const auto random = [](const std::string& lines) {
    try {
      sweeps::Grid::parse("[sweep]\nname = \"x\"\n[task]\n" + kMqar + "[model]\nvariant = \"mamba\"\nd = 9\n" + lines,
                          "x.toml", make_schema());
    } catch (const sweeps::SweepError& error) { return std::string(error.what()); }
    return std::string("none");
  };
  EXPECT_THAT(random("init_noise = 0.5\n"),
              HasSubstr("model.init_noise: no cell of this grid can exist: noise is added to a construction"));
  EXPECT_THAT(random("[train]\nsteps = 0\n"),
              HasSubstr("train.steps: no cell of this grid can exist: random weights must be trained"));
  EXPECT_THAT(random("expand = 2\nD = 5\n"),
              HasSubstr("model.D: no cell of this grid can exist: expand and D are both given"));
  EXPECT_EQ(random("expand = 2\nD = 18\n"), "none");
}

TEST(Settings, OfTheStartReKeyNothing) {
  const std::string plain = "[sweep]\nname = \"x\"\n[task]\n" + kMqar + "[model]\nvariant = \"mamba\"\nd = 9\n";
  const auto canonical = [&](const std::string& more) {
    return sweeps::Grid::parse(plain + more, "x.toml", make_schema())
        .cell(0)
        .settings.canonical(sweeps::Section::model);
  };
  EXPECT_EQ(canonical(""), "d = 9\nvariant = \"mamba\"\n");
  EXPECT_EQ(canonical("init = \"random\"\nconstruction = \"auto\"\ninit_noise = 0\nD = 9\n"), canonical(""));
}

}  // namespace
}  // namespace phasegrid::worker
