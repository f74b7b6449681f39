// Two results that must be the same in everything but their time.
#pragma once
#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "worker/checkpoint.hpp"

namespace phasegrid::worker::test {

inline void expect_same_bits(double a, double b, const std::string& what) {
  EXPECT_EQ(std::bit_cast<std::uint64_t>(a), std::bit_cast<std::uint64_t>(b)) << what << ": " << a << " and " << b;
}

inline void expect_same_bits(const sweeps::CellResult& a, const sweeps::CellResult& b) {
  EXPECT_EQ(a.index, b.index);
  EXPECT_EQ(to_text(a.status), std::string(to_text(b.status)));
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.examples, b.examples);
  EXPECT_EQ(a.best_step, b.best_step);
  EXPECT_EQ(a.parameters, b.parameters);
  expect_same_bits(a.accuracy, b.accuracy, "accuracy");
  expect_same_bits(a.loss, b.loss, "loss");
  expect_same_bits(a.accuracy_final, b.accuracy_final, "accuracy of the final weights");
  expect_same_bits(a.accuracy_validation, b.accuracy_validation, "accuracy of the best validation");
  ASSERT_EQ(a.accuracy_T.size(), b.accuracy_T.size());
  for (std::size_t i = 0; i < a.accuracy_T.size(); ++i) {
    expect_same_bits(a.accuracy_T[i], b.accuracy_T[i], "accuracy at another length");
    expect_same_bits(a.loss_T[i], b.loss_T[i], "loss at another length");
  }
  ASSERT_EQ(a.curve.size(), b.curve.size());
  for (std::size_t i = 0; i < a.curve.size(); ++i) {
    const std::string at = " at step " + std::to_string(a.curve[i].step);
    EXPECT_EQ(a.curve[i].step, b.curve[i].step);
    expect_same_bits(a.curve[i].accuracy, b.curve[i].accuracy, "validation accuracy" + at);
    expect_same_bits(a.curve[i].loss, b.curve[i].loss, "validation loss" + at);
    expect_same_bits(a.curve[i].train_loss, b.curve[i].train_loss, "training loss up" + at);
  }
}

}  // namespace phasegrid::worker::test
