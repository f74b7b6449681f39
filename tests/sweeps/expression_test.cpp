#include "sweeps/expression.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <utility>

namespace phasegrid::sweeps {
namespace {

double value(const std::string& text, double kappa = 8, double d = 3) {
  Expression expression(text);
  for (const auto& name : expression.names()) expression.bind(name, name == "kappa" ? &kappa : &d);
  return expression.value();
}

TEST(Expression, Computes) {
  EXPECT_EQ(value("kappa"), 8);
  EXPECT_EQ(value("2*kappa + d/2"), 17.5);
  EXPECT_EQ(value("ceil(log2(kappa))"), 3);
  EXPECT_EQ(value("ceil(log2(kappa))", 9), 4);
  EXPECT_EQ(value("floor(kappa/d)"), 2);
  EXPECT_EQ(value("round(kappa/d)"), 3);
  EXPECT_EQ(value("min(kappa, d, 5)"), 3);
  EXPECT_EQ(value("max(kappa, d)"), 8);
  EXPECT_EQ(value("sqrt(16) + abs(0-2) + 2^d"), 14);
  EXPECT_EQ(value("kappa > d ? 1 : 2"), 1);
  EXPECT_TRUE(std::isinf(value("1/(d-3)")));
}

TEST(Expression, ForgivesTheLastDigit) {
  for (int n = 1; n <= 20; ++n) EXPECT_EQ(value("ceil(log(kappa)/log(2))", std::ldexp(1.0, n)), n);
  for (int n = 1; n <= 20; ++n) EXPECT_EQ(value("ceil(log2(kappa))", std::ldexp(1.0, n)), n);
}

TEST(Expression, NamesItsVariables) {
  EXPECT_THAT(Expression("kappa*kappa + ceil(nu/2)").names(), testing::UnorderedElementsAre("kappa", "nu"));
  EXPECT_THAT(Expression("1+1").names(), testing::IsEmpty());
}

TEST(Expression, SaysWhatIsWrongAndWhere) {
  const auto wrong = [](const std::string& text) -> std::pair<std::string, int> {
    try {
      const Expression expression(text);
    } catch (const ExpressionError& error) { return {error.what(), error.offset}; }
    return {"nothing", -1};
  };
  EXPECT_EQ(wrong("2*(kappa"), std::pair(std::string("missing parenthesis"), 8));
  EXPECT_EQ(wrong("2*"), std::pair(std::string("the expression ends too early"), 2));
  EXPECT_EQ(wrong(""), std::pair(std::string("the expression is empty"), 0));
  EXPECT_EQ(wrong("kappa kappa"), std::pair(std::string("unexpected variable \"kappa\" found"), 6));
  EXPECT_EQ(wrong("sin(kappa)"), std::pair(std::string("\"sin\" is no function"), 3));
  EXPECT_EQ(wrong("kappa, nu"), std::pair(std::string("the expression has several values, expected one"), 0));
  EXPECT_EQ(wrong("2 $ 3"), std::pair(std::string("\"$\" is neither a setting nor a function"), 2));
  EXPECT_EQ(wrong("ceil(1, 2)"), std::pair(std::string("too many parameters for function \"ceil\""), 9));
  EXPECT_EQ(wrong("kappa = 2"), std::pair(std::string("an expression changes nothing, = is =="), 6));
}

}  // namespace
}  // namespace phasegrid::sweeps
