// Arithmetic over settings, as sweep files write it: "kappa", "2*vocab", "ceil(log2(kappa))".
//
// Numbers, + - * / ^ ( ), comparisons, c ? a : b, and the functions ceil floor round log2 log exp sqrt abs min max.
// ceil and floor forgive 1e-9, so that "ceil(log(8)/log(2))" is 3.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace phasegrid::sweeps {

struct ExpressionError : std::runtime_error {
  ExpressionError(const std::string& what, int offset) : std::runtime_error(what), offset(offset) {}
  int offset;   // of the character where it was noticed, from 0
};

// Not for use by two threads at once: evaluating changes the parser's own memory.
class Expression {
 public:
  explicit Expression(const std::string& text);       // throws ExpressionError
  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;

  const std::vector<std::string>& names() const { return names_; }   // the variables, each once
  void bind(const std::string& name, double* place);                 // every name must be bound before value()
  double value() const;                                              // may be infinite or NaN ("1/0")

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::vector<std::string> names_;
};

}  // namespace phasegrid::sweeps
