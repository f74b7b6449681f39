#include "sweeps/expression.hpp"

#include <muParser.h>

#include <algorithm>
#include <cmath>

namespace phasegrid::sweeps {
namespace {

constexpr double kForgiven = 1e-9;

double up(double x) { return std::ceil(x - kForgiven); }
double down(double x) { return std::floor(x + kForgiven); }
double nearest(double x) { return std::round(x); }
double binary_log(double x) { return std::log2(x); }
double natural_log(double x) { return std::log(x); }
double power_of_e(double x) { return std::exp(x); }
double root(double x) { return std::sqrt(x); }
double magnitude(double x) { return std::fabs(x); }
double least(const double* x, int n) { return *std::min_element(x, x + n); }
double most(const double* x, int n) { return *std::max_element(x, x + n); }

void define_functions(mu::Parser& parser) {
  parser.ClearFun();
  parser.ClearConst();
  parser.DefineFun("ceil", up);
  parser.DefineFun("floor", down);
  parser.DefineFun("round", nearest);
  parser.DefineFun("log2", binary_log);
  parser.DefineFun("log", natural_log);
  parser.DefineFun("exp", power_of_e);
  parser.DefineFun("sqrt", root);
  parser.DefineFun("abs", magnitude);
  parser.DefineFun("min", least);
  parser.DefineFun("max", most);
}

// muParser's own sentence without its "... at position 3." and its capital.
std::string sentence(const mu::Parser::exception_type& error) {
  switch (error.GetCode()) {
    case mu::ecUNEXPECTED_EOF: return "the expression ends too early";
    case mu::ecUNASSIGNABLE_TOKEN: return "\"" + error.GetToken() + "\" is neither a setting nor a function";
    default: break;
  }
  std::string text = error.GetMsg();
  if (const auto at = text.find(" at position"); at != std::string::npos) text.resize(at);
  while (!text.empty() && text.back() == '.') text.pop_back();
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(text[0]));
  return text;
}

}  // namespace

struct Expression::Parser {
  mu::Parser mu;
};

Expression::Expression(const std::string& text) : parser_(std::make_unique<Parser>()) {
  mu::Parser& mu = parser_->mu;
  try {
    define_functions(mu);
    if (text.find_first_not_of(" \t") == std::string::npos) throw ExpressionError("the expression is empty", 0);
    mu.SetExpr(text);
    for (const auto& [name, place] : mu.GetUsedVar()) names_.push_back(name);
    double probe = 1;                                  // compile once with every name bound: finds all syntax errors
    for (const auto& name : names_) mu.DefineVar(name, &probe);
    mu.Eval();
    if (mu.GetNumResults() != 1) throw ExpressionError("the expression has several values, expected one", 0);
    mu.ClearVar();
  } catch (const mu::Parser::exception_type& error) {
    throw ExpressionError(sentence(error), std::max(0, static_cast<int>(error.GetPos())));
  }
}

Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

void Expression::bind(const std::string& name, double* place) { parser_->mu.DefineVar(name, place); }

double Expression::value() const { return parser_->mu.Eval(); }

}  // namespace phasegrid::sweeps
