#include "sweeps/expression.hpp"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <cctype>
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

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// muParser's own sentence without its "... at position 3." and its capital; clearer words where it misses the point.
std::string sentence(const mu::Parser::exception_type& error, const std::string& text) {
  const std::string token = error.GetToken().substr(0, error.GetToken().find(' '));
  std::size_t at = std::min(static_cast<std::size_t>(std::max(0, static_cast<int>(error.GetPos()))), text.size());
  switch (error.GetCode()) {
    case mu::ecUNEXPECTED_EOF:
      return "the expression ends too early";
    case mu::ecUNASSIGNABLE_TOKEN:
      return fmt::format("\"{}\" is neither a setting nor a function", token);
    case mu::ecUNEXPECTED_PARENS: {
      const std::size_t end = at;
      while (at > 0 && is_letter(text[at - 1])) --at;
      if (at < end) return fmt::format("\"{}\" is no function", text.substr(at, end - at));
      break;
    }
    default:
      break;
  }
  std::string own = error.GetMsg();
  for (const char* tail : {" at position", " at expression position"})
    if (const auto cut = own.find(tail); cut != std::string::npos) own.resize(cut);
  while (!own.empty() && own.back() == '.') own.pop_back();
  if (!own.empty()) own[0] = static_cast<char>(std::tolower(own[0]));
  return own;
}

// muParser would let an expression change a setting: "kappa = 2".
void refuse_assignment(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool compares = (i > 0 && std::string("=<>!").find(text[i - 1]) != std::string::npos) ||
                          (i + 1 < text.size() && text[i + 1] == '=');
    if (text[i] == '=' && !compares)
      throw ExpressionError("an expression changes nothing, = is ==", static_cast<int>(i));
  }
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
    refuse_assignment(text);
    mu.SetExpr(text);
    for (const auto& [name, place] : mu.GetUsedVar()) names_.push_back(name);
    double probe = 1;  // compile once with every name bound: finds all syntax errors
    for (const auto& name : names_) mu.DefineVar(name, &probe);
    mu.Eval();
    if (mu.GetNumResults() != 1) throw ExpressionError("the expression has several values, expected one", 0);
    mu.ClearVar();
  } catch (const mu::Parser::exception_type& error) {
    const int offset = std::clamp(static_cast<int>(error.GetPos()), 0, static_cast<int>(text.size()));
    throw ExpressionError(sentence(error, text), offset);
  }
}

Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

void Expression::bind(const std::string& name, double* place) { parser_->mu.DefineVar(name, place); }

double Expression::value() const { return parser_->mu.Eval(); }

}  // namespace phasegrid::sweeps
