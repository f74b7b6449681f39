#include "orchestrator/canary.hpp"

#include <algorithm>
#include <cctype>

#include "orchestrator/tally.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr std::size_t kTold = 160;  // characters that tell one way of failing from another

// Steps, addresses and process numbers differ from cell to cell.
std::string without_numbers(const std::string& reason) {
  std::string text = reason.substr(0, kTold);
  std::erase_if(text, [](unsigned char c) { return std::isdigit(c); });
  return text;
}

}  // namespace

void Canary::result(const sweeps::CellResult& result) {
  if (wanted_ == 0 || dead()) return;
  if (!counts_as_failed(result.status)) return saw_success();
  const std::string kind = sweeps::to_text(result.status) + without_numbers(result.reason);
  if (failed_ == 0) kind_ = kind, reason_ = result.reason;
  if (kind != kind_) return saw_success();  // not all in one way: no verdict on the sweep
  ++failed_;
}

}  // namespace phasegrid::orchestrator
