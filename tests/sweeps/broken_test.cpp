// Broken sweep files and the exact message that each gets: where, which key, what, and what was expected.
#include <gtest/gtest.h>

#include "tests/sweeps/fake_schema.hpp"

namespace phasegrid::sweeps {
namespace {

struct Broken {
  const char* name;  // begins a sentence that "is refused with its place" ends
  std::string text;
  const char* message;  // after "sweep.toml:"
};

// Two correct lines, and six; what is wrong begins in the line after them.
const std::string kName = "[sweep]\nname = \"t\"\n";
const std::string kGood = kName + "[task]\nname = \"recall\"\n[model]\nd = 4\n";

const std::string kTen = " = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n";
const std::string kAbsurd = kName + "seeds = 100000\n[task]\nname = \"recall\"\n[model]\nd = 4\n[axes]\nkappa" + kTen +
                            "nu" + kTen + "N" + kTen + "steps" + kTen + "T" + kTen + "delta_rank" + kTen +
                            "learning_rate" + kTen;

class BrokenSweep : public testing::TestWithParam<Broken> {};

TEST_P(BrokenSweep, IsRefusedWithItsPlace) {
  try {
    parsed(GetParam().text);
  } catch (const SweepError& error) {
    EXPECT_EQ(error.what(), std::string("sweep.toml:") + GetParam().message);
    return;
  }
  FAIL() << "was accepted:\n" << GetParam().text;
}

const Broken kBroken[] = {
    {"AnUnknownSection", kGood + "[modle]\nN = 4\n", R"(7:2: modle: unknown section, did you mean "model"?)"},
    {"AKeyOutsideOfSections", "seeds = 5\n" + kGood, R"(1:1: seeds: is no key here, expected it in [sweep])"},
    {"ASectionThatIsNone", "axes = 4\n" + kGood, R"(1:1: axes: found 4, expected a section [axes])"},
    {"NoSweepSection", "[task]\nname = \"recall\"\n",
     R"(1:1: sweep: section [sweep] is missing, expected one with at least a name)"},
    {"NoName", "[sweep]\nseeds = 2\n[task]\nname = \"recall\"\n[model]\nd = 4\n",
     R"(1:1: sweep.name: is missing, expected a name as a string)"},
    {"NoTaskSection", kName + "[model]\nd = 4\n",
     R"(1:1: task: section [task] is missing, expected one with at least a name)"},
    {"NoTaskName", kName + "[task]\nkappa = 4\n[model]\nd = 4\n",
     R"(3:1: task.name: is missing, expected one of "recall", "keep" (or a list of them as task in [axes]))"},
    {"AnUnknownTask", kName + "[task]\nname = \"recal\"\n[model]\nd = 4\n",
     R"(4:8: task.name: found the string "recal", expected one of "recall", "keep", did you mean "recall"?)"},
    {"NoWidth", kName + "[task]\nname = \"recall\"\n[model]\nN = 4\n",
     R"(5:1: model.d: is missing, expected an integer from 1 to 1000000 in [model] or a list of them in [axes])"},
    {"ATypoInAKey", kGood + "lerning_rate = 1\n",
     R"(7:1: model.lerning_rate: unknown key, did you mean "learning_rate" of [train]?)"},
    {"ATypoInAKeyOfTheSection", kGood + "nrm = \"rms\"\n", R"(7:1: model.nrm: unknown key, did you mean "norm"?)"},
    {"AKeyOfAnotherSection", kGood + "learning_rate = 1\n",
     R"(7:1: model.learning_rate: is no key here, expected it in [train])"},
    {"AKeyThatNothingReads", kGood + "modes = 4\n",
     R"(7:9: model.modes: is not read by mamba, expected a key that is; it belongs to s4d)"},
    {"AWordForANumber", kGood + "N = \"many\"\n",
     R"(7:5: model.N: found the expression "many", but "many" is no numeric setting, expected one of kappa, nu, vocab, T, d, N, modes, steps, learning_rate, every)"},
    {"AWrongWord", kGood + "norm = \"rsm\"\n",
     R"(7:8: model.norm: found the string "rsm", expected one of "none", "rms", "layer", did you mean "rms"?)"},
    {"ANumberForAWord", kGood + "norm = 4\n", R"(7:8: model.norm: found 4, expected one of "none", "rms", "layer")"},
    {"ANumberForABoolean", kGood + "gate = 1\n", R"(7:8: model.gate: found 1, expected true or false)"},
    {"AFractionForAnInteger", kGood + "N = 4.5\n", R"(7:5: model.N: found 4.5, expected an integer from 1 to 1000000)"},
    {"ANumberOutOfRange", kGood + "N = 0\n", R"(7:5: model.N: found 0, expected an integer from 1 to 1000000)"},
    {"AnInfiniteNumber", kGood + "[train]\nlearning_rate = inf\n",
     R"(8:17: train.learning_rate: found inf, expected a number from 0 to 10)"},
    {"AListOutsideOfAxes", kGood + "N = [4, 8]\n",
     R"(7:5: model.N: found a list of 2 values, expected an integer from 1 to 1000000; lists belong into [axes])"},
    {"ADate", kGood + "N = 2024-01-01\n",
     R"(7:5: model.N: found a date or time, expected a number, a string, a boolean or a list)"},
    {"TheSameKeyTwice", kGood + "d = 8\n",
     R"(7:5: TOML syntax: Error while parsing key-value pair: cannot redefine existing integer 'd')"},
    {"AnAxisThatIsAlsoFixed", kGood + "[axes]\nd = [4, 8]\n",
     R"(6:1: model.d: is given twice, expected either this or d in [axes] (line 8))"},
    {"AnEmptyAxis", kGood + "[axes]\nN = []\n",
     R"(8:5: axes.N: found the empty list [], expected at least one value, each an integer from 1 to 1000000)"},
    {"AnAxisWithoutAList", kGood + "[axes]\nN = 4\n",
     R"(8:5: axes.N: found 4, expected a list of values (one value for all cells belongs into its section))"},
    {"AnUnknownAxis", kGood + "[axes]\nkapa = [4, 8]\n", R"(8:1: axes.kapa: unknown key, did you mean "kappa"?)"},
    {"ASeedAxis", kGood + "[axes]\nseed = [4, 8]\n",
     R"(8:1: axes.seed: seeds are no axis here, expected `seeds = 5` or a list in [sweep])"},
    {"ANegativeKeyCount", kGood + "[axes]\nkappa = [4,\n  -4]\n",
     R"(9:3: axes.kappa: found -4, expected an integer from 1 to 1000000)"},
    {"ADuplicateValue", kGood + "[axes]\nkappa = [4, 8, 4]\n",
     R"(8:16: axes.kappa: 4 is listed twice, expected distinct values)"},
    {"ADuplicateRealInAnotherSpelling", kGood + "[axes]\nlearning_rate = [1e-3, 0.001]\n",
     R"(8:24: axes.learning_rate: 0.001 is listed twice, expected distinct values)"},
    {"ADuplicateExpression", kGood + "[axes]\nN = [\"2*kappa\", \"2 * kappa\"]\n",
     R"(8:17: axes.N: "2*kappa" is listed twice, expected distinct values)"},
    {"AMixedAxis", kGood + "[axes]\ngate = [true, \"no\"]\n",
     R"(8:15: axes.gate: found the string "no", expected true or false)"},
    {"AWrongReduction", kGood + "[axes]\nlearning_rate = { values = [1], reduce = \"min\" }\n",
     R"(8:42: axes.learning_rate.reduce: found the string "min", expected "max")"},
    {"AReductionWithoutValues", kGood + "[axes]\nlearning_rate = { reduce = \"max\" }\n",
     R"(8:17: axes.learning_rate.values: is missing, expected a list, each a number from 0 to 10)"},
    {"AnUnknownKeyOfAnAxis", kGood + "[axes]\nlearning_rate = { value = [1] }\n",
     R"(8:19: axes.learning_rate.value: unknown key, did you mean "values"?)"},
    {"AZipOfUnequalLists", kGood + "[axes]\nN = [1, 2]\nkappa = [4, 8, 16]\nzip = [[\"N\", \"kappa\"]]\n",
     R"(10:14: axes.zip: "kappa" has 3 values and "N" has 2, expected lists of equal length)"},
    {"AZipOfAKeyWithoutAList", kGood + "[axes]\nN = [1, 2]\nzip = [[\"N\", \"kappa\"]]\n",
     R"(9:14: axes.zip: "kappa" has no list in [axes], expected a key that has one)"},
    {"AZipOfOneKey", kGood + "[axes]\nN = [1, 2]\nzip = [\"N\"]\n",
     R"(9:8: axes.zip: found the string "N", expected lists of keys to tie together, as in zip = [["d", "N"]])"},
    {"AKeyZippedTwice", kGood + "[axes]\nN = [1, 2]\nT = [2, 4]\nzip = [[\"N\", \"T\"], [\"T\", \"N\"]]\n",
     R"(10:21: axes.zip: "T" is tied twice, expected each key once)"},
    {"AnExpressionWithAHole", kGood + "N = \"2*(kappa\"\n",
     R"(7:14: model.N: missing parenthesis, expected an integer from 1 to 1000000 or an expression like "2*kappa")"},
    {"AnExpressionOfAnUnknownKey", kGood + "N = \"2*kapa\"\n",
     R"(7:5: model.N: found the expression "2*kapa", but "kapa" is no numeric setting, did you mean "kappa"?)"},
    {"AnExpressionOfAWord", kGood + "N = \"2*norm\"\n",
     R"(7:5: model.N: found the expression "2*norm", but "norm" is no numeric setting, expected one of kappa, nu, vocab, T, d, N, modes, steps, learning_rate, every)"},
    {"AnExpressionThatFollowsItself", kGood + "N = \"2*T\"\n[axes]\nT = [\"N/2\"]\n",
     R"(9:6: axes.T: follows itself (T -> N -> T), expected an expression of other settings)"},
    {"AnExpressionThatFollowsItsDefault", kName + "[task]\nname = \"recall\"\nkappa = \"vocab/2\"\n[model]\nd = 4\n",
     R"(5:9: task.kappa: follows itself (kappa -> vocab -> kappa), expected an expression of other settings)"},
    {"AnExpressionThatIsNoInteger", kGood + "N = \"kappa/3\"\n",
     R"(7:5: model.N: no cell of this grid can exist: kappa/3 is 2.6666666666666665, no integer)"},
    {"NoPossibleCell", kGood + "[axes]\nT = [3, 5]\n",
     R"(8:5: axes.T: no cell of this grid can exist: expected an even T, but T = 3)"},
    {"NoPossibleCellForADefault", kName + "[task]\nname = \"recall\"\nkappa = 8\nvocab = 4\n[model]\nd = 4\n",
     R"(6:9: task.vocab: no cell of this grid can exist: expected 1 + kappa + nu <= vocab, but vocab = 4)"},
    {"AnAbsurdGrid", kAbsurd,
     R"(8:1: axes: the grid has 1e+12 cells (N 10 x delta_rank 10 x kappa 10 x nu 10 x T 10 x steps 10 x learning_rate 10 x seed 100000), expected at most 100000000)"},
    {"TooManySeeds", kName + "seeds = 1000000000000\n[task]\nname = \"recall\"\n",
     R"(3:9: sweep.seeds: found 1000000000000, expected an integer from 1 to 100000 (how many) or a list of seeds)"},
    {"NegativeSeeds", kName + "seeds = [1, -1]\n[task]\nname = \"recall\"\n",
     R"(3:13: sweep.seeds: found -1, expected an integer from 0 to 9007199254740992)"},
    {"TheSameSeedTwice", kName + "seeds = [1, 2, 1]\n[task]\nname = \"recall\"\n",
     R"(3:16: sweep.seeds: 1 is listed twice, expected distinct values)"},
    {"ATextForSeeds", kName + "seeds = \"five\"\n[task]\nname = \"recall\"\n",
     R"(3:9: sweep.seeds: found the string "five", expected an integer from 1 to 100000 (how many) or a list of seeds)"},
    {"AnUnknownKeyOfTheSweep", kName + "seed = 3\n[task]\nname = \"recall\"\n",
     R"(3:1: sweep.seed: unknown key, did you mean "seeds"?)"},
    {"ALengthThatIsNoList", kGood + "[eval]\nT = 64\n", R"(8:5: eval.T: found 64, expected a list of lengths)"},
    {"AnUnknownSearch", kGood + "[search]\nmode = \"bisect\"\n",
     R"(8:8: search.mode: found the string "bisect", expected one of "grid", "boundary", "random")"},
    {"ASearchWithoutAnAxis", kGood + "[search]\nmode = \"boundary\"\n",
     R"(7:1: search.axis: is missing, expected the axis on which to search the boundary)"},
    {"ASearchAlongNoAxis", kGood + "[axes]\nkappa = [2, 4]\n[search]\nmode = \"boundary\"\naxis = \"d\"\n",
     R"(11:8: search.axis: "d" is no axis of this sweep, expected one of kappa)"},
    {"ASearchAlongWords",
     kGood + "[axes]\nnorm = [\"rms\", \"none\"]\n[search]\nmode = \"boundary\"\naxis = \"norm\"\n",
     R"(11:8: search.axis: "norm" cannot be searched, expected an axis of plain numbers without reduce)"},
    {"ALevelBeyondOne",
     kGood + "[axes]\nkappa = [2, 4]\n[search]\nmode = \"boundary\"\naxis = \"kappa\"\nlevel = 1.5\n",
     R"(12:9: search.level: found 1.5, expected a number from 0.001 to 0.999)"},
    {"ASearchAmongZeros",
     kGood + "[axes]\nlearning_rate = [1, 0, 2]\n[search]\nmode = \"boundary\"\naxis = \"learning_rate\"\n",
     R"(8:21: axes.learning_rate: found 0, expected numbers above 0: the boundary is searched on a logarithmic axis)"},
    {"ASearchAmongOneValue", kGood + "[axes]\nkappa = [2]\n[search]\nmode = \"boundary\"\naxis = \"kappa\"\n",
     R"(8:10: axes.kappa: found one value, expected several to search among)"},
    {"AKeyOfAnotherSearch",
     kGood + "[axes]\nkappa = [2, 4]\n[search]\nmode = \"boundary\"\naxis = \"kappa\"\nn = 5\n",
     R"(12:1: search.n: is not read by mode = "boundary", expected a key that is: mode, axis, level, tolerance, probes_per_round, budget, budget_cost, between)"},
    {"ABudgetThatIsNoNumber",
     kGood + "[axes]\nkappa = [2, 4]\n[search]\nmode = \"boundary\"\naxis = \"kappa\"\nbudget = \"much\"\n",
     R"(12:10: search.budget: found the string "much", expected an integer from 0 to 1000000000000000)"},
    {"AnUnknownKeyOfASearch", kGood + "[search]\nmod = \"random\"\n",
     R"(8:1: search.mod: unknown key, did you mean "mode"?)"},
    {"ARandomSearchWithoutANumber", kGood + "[search]\nmode = \"random\"\n",
     R"(7:1: search.n: is missing, expected the number of cells to draw)"},
    {"ADiagnosticThatIsNone", kGood + "[diagnostics]\ndecay = true\n",
     R"(8:1: diagnostics.decay: unknown key, expected no keys here)"},
    {"ABrokenLine", kGood + "N = \n",
     R"(7:5: TOML syntax: Error while parsing key-value pair: expected value, saw '\n')"},
    {"AnOpenList", kGood + "[axes]\nN = [1, 2\n",
     R"(8:11: TOML syntax: Error while parsing array: encountered end-of-file)"},
    {"AnOpenString", kGood + "norm = \"rms\n",
     R"(7:12: TOML syntax: Error while parsing string: unescaped control characters other than TAB (U+0009) are explicitly prohibited)"},
    {"BytesThatAreNoText", kGood + "N = 4 # \xff\n", R"(7:9: TOML syntax: Encountered invalid utf-8 sequence)"},
};

INSTANTIATE_TEST_SUITE_P(Each, BrokenSweep, testing::ValuesIn(kBroken),
                         [](const testing::TestParamInfo<Broken>& info) { return std::string(info.param.name); });

TEST(BrokenSweepFile, ThatCannotBeReadSaysWhy) {
  try {
    Grid::read("/nonexistent/sweep.toml", fake_schema());
    FAIL() << "was read";
  } catch (const SweepError& error) {
    EXPECT_STREQ(
        error.what(),
        "/nonexistent/sweep.toml:1:1: file: cannot be read (No such file or directory), expected a sweep file");
  }
}

}  // namespace
}  // namespace phasegrid::sweeps
