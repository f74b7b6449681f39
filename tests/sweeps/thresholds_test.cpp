#include "sweeps/thresholds.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "sweeps/bounds.hpp"
#include "tests/sweeps/fake_schema.hpp"

namespace phasegrid::sweeps {
namespace {

// "s6_mqar_exact" -> d, D, N of the construction.
struct Sizes {
  double d = 0, D = 0, N = 0, state = 0;
  bool operator==(const Sizes&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Sizes& s) {
  return out << "d " << s.d << " D " << s.D << " N " << s.N << " state " << s.state;
}

std::map<std::string, Sizes> by_name(const TheoryCase& theory) {
  std::map<std::string, Sizes> sizes;
  for (const Threshold& t : thresholds(theory)) {
    Sizes& s = sizes[t.name];
    (t.quantity == "d" ? s.d : t.quantity == "D" ? s.D : t.quantity == "N" ? s.N : s.state) = t.value;
    EXPECT_FALSE(t.condition.empty());
    EXPECT_FALSE(t.reference.empty());
  }
  return sizes;
}

TheoryCase mqar(const std::string& variant, std::int64_t kappa, std::int64_t nu) {
  TheoryCase c;
  c.variant = variant, c.task = "mqar";
  c.kappa = c.pairs = kappa, c.nu = nu, c.vocab = 1 + kappa + nu, c.T = 4 * kappa + 2, c.N = kappa;
  return c;
}

TEST(Thresholds, OfMambaOnRecall) {
  const auto s6 = by_name(mqar("mamba", 16, 32));
  EXPECT_EQ(s6.at("s6_mqar_exact"), (Sizes{21, 21, 16}));
  EXPECT_EQ(s6.at("s6_mqar_precision_limited"), (Sizes{17, 17, 16}));
  EXPECT_EQ(s6.at("s6_mqar_distinct"), (Sizes{36, 36, 4}));
  EXPECT_EQ(s6.at("s6_mqar_jl"), (Sizes{61, 61, 29}));
  EXPECT_EQ(s6.at("mqar_counting").state, 7);
}

TEST(Thresholds, OfMamba2OnRecall) {
  TheoryCase c = mqar("mamba2", 16, 32);
  c.N = 5;
  const auto ssd = by_name(c);
  EXPECT_EQ(ssd.at("mamba2_mqar_exact"), (Sizes{21, 5, 16}));
  EXPECT_EQ(ssd.at("mamba2_mqar_hybrid"), (Sizes{21, 20, 5}));
  EXPECT_EQ(ssd.at("mamba2_mqar_distinct"), (Sizes{36, 32, 4}));
  EXPECT_EQ(ssd.at("mamba2_mqar_jl"), (Sizes{61, 32, 29}));
}

TEST(Thresholds, OfS4dWithAGateOnRecall) {
  EXPECT_EQ(by_name(mqar("mamba_s4d", 16, 32)).at("s4d_gate_mqar_exact"), (Sizes{80, 80, 1}));
  TheoryCase wide = mqar("mamba_s4d", 16, 32);
  wide.expand = 2;
  EXPECT_EQ(by_name(wide).at("s4d_gate_mqar_exact"), (Sizes{40, 80, 1}));
  TheoryCase no_gate = mqar("mamba_s4d", 16, 32);
  no_gate.gate = false;
  EXPECT_FALSE(by_name(no_gate).contains("s4d_gate_mqar_exact"));
}

TEST(Thresholds, NeedNoMoreColumnsThanKeys) {
  TheoryCase c = mqar("mamba2", 16, 32);
  c.N = 40;
  EXPECT_EQ(by_name(c).at("mamba2_mqar_hybrid"), (Sizes{21, 5, 16}));
}

TEST(Thresholds, AreOthersUnderRandomFiller) {
  TheoryCase c = mqar("mamba", 16, 32);
  c.random_filler = true;
  EXPECT_FALSE(by_name(c).contains("s6_mqar_exact"));
  EXPECT_FALSE(by_name(c).contains("s6_mqar_random_filler")) << "it needs the position";
  c.positional = "scalar";
  EXPECT_EQ(by_name(c).at("s6_mqar_random_filler"), (Sizes{23, 23, 16}));
  for (const char* variant : {"mamba2", "mamba_s4d"}) {
    c.variant = variant;
    for (const Threshold& t : thresholds(c)) EXPECT_NE(t.kind, Bound::exact) << t.name;
  }
}

TEST(Thresholds, OfSlotsFollowTheInnerWidthWhereItIsGivenByItself) {
  TheoryCase c = mqar("mamba_s4d", 16, 32);
  c.own_width = true;
  EXPECT_EQ(by_name(c).at("s4d_gate_mqar_exact"), (Sizes{21, 80, 1}));
}

TEST(Thresholds, NameTheirConstruction) {
  for (const Threshold& t : thresholds(mqar("mamba", 16, 32)))
    EXPECT_EQ(construction_named(t), t.name == "s6_mqar_exact" ? "C1" : t.name == "s6_mqar_precision_limited" ? "C1'" : t.name == "s6_mqar_distinct" ? "C2a" : "") << t.name;
}

TEST(Thresholds, OfTheOtherTasks) {
  TheoryCase keep;
  keep.task = "keep_nth", keep.variant = "mamba", keep.vocab = 32, keep.T = 50, keep.positional = "scalar";
  EXPECT_EQ(by_name(keep).at("s6_keep_nth_exact"), (Sizes{7, 7, 1}));
  keep.positional = "none";
  EXPECT_TRUE(by_name(keep).empty());
  keep.variant = "s4d", keep.gate = false;
  EXPECT_EQ(by_name(keep).at("s4d_keep_nth_exact"), (Sizes{5, 5, 52}));  // 26 pairs are 52 real scalars
  keep.gate = true;
  EXPECT_EQ(by_name(keep).at("s4d_keep_nth_exact"), (Sizes{6, 6, 52}));  // and a constant that holds the gate open

  TheoryCase induction;
  induction.task = "induction_heads", induction.variant = "mamba_delta_t", induction.vocab = 16;
  induction.T = 64;
  EXPECT_EQ(by_name(induction).at("delta_t_induction_exact"), (Sizes{32, 32, 16}));
  EXPECT_EQ(by_name(induction).at("induction_counting").state, 4);

  TheoryCase pointer;
  pointer.task = "pointer_value_retrieval", pointer.variant = "mamba", pointer.positional = "onehot";
  pointer.vocab = 10, pointer.T = 12;
  EXPECT_EQ(by_name(pointer).at("s6_pvr_exact"), (Sizes{15, 15, 11}));
  EXPECT_EQ(by_name(pointer).at("pvr_counting").state, 5);
}

TEST(Thresholds, RepeatedValuesNeedMoreStateThanDistinctOnes) {
  TheoryCase c = mqar("mamba", 8, 8);
  EXPECT_EQ(by_name(c).at("mqar_counting").state, 3);
  c.distinct_values = false;
  EXPECT_EQ(by_name(c).at("mqar_counting").state, 4);
  EXPECT_FALSE(by_name(c).contains("s6_mqar_distinct"));
}

TEST(Thresholds, TheCountingBoundHoldsForOneLayerWithoutANormAfterIt) {
  TheoryCase c = mqar("mamba", 8, 8);
  c.layers = 2;
  EXPECT_FALSE(by_name(c).contains("mqar_counting"));
  c.layers = 1, c.normed = true;
  EXPECT_FALSE(by_name(c).contains("mqar_counting"));
  c.normed = false, c.variant = "attention";
  EXPECT_FALSE(by_name(c).contains("mqar_counting"));
}

TEST(Thresholds, CountOnlyWhatTheConvolutionCannotShow) {
  TheoryCase c = mqar("mamba", 32, 4);
  c.distinct_values = false, c.conv = 4;
  c.T = 4 * 32 + 4;
  EXPECT_EQ(by_name(c).at("mqar_counting").state, lower_bound_state(32, 4)) << "questions may keep clear of the pairs";
  c.T = 4 * 32;
  EXPECT_EQ(by_name(c).at("mqar_counting").state, lower_bound_state(30, 4)) << "the first ones see two values";
  c.conv = 1;
  EXPECT_EQ(by_name(c).at("mqar_counting").state, lower_bound_state(32, 4));
}

TEST(Thresholds, NoConvolutionNoConstruction) {
  TheoryCase c = mqar("mamba", 8, 8);
  c.conv = 1;
  EXPECT_FALSE(by_name(c).contains("s6_mqar_exact"));
}

TEST(Thresholds, OfSettingsSkipKeysThatTheSchemaLacks) {
  EXPECT_TRUE(thresholds(recall("d = [4]", "").cell(0).settings).empty());  // a task without theory
}

}  // namespace
}  // namespace phasegrid::sweeps
