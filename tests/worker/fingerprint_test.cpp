// A few steps of every variant give the very bits that were recorded: whoever changes them raises kNumericsVersion and puts
// the lines that this test prints into fingerprints.txt. Another compiler may round otherwise; then there is nothing to compare.
#include <bit>
#include <fstream>
#include <sstream>

#include "tests/worker/support.hpp"

namespace phasegrid::worker {
namespace {

using test::mqar_cell;

#if defined(NDEBUG) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr const char* kBuild = "release";
#else
constexpr const char* kBuild = "checking build";
#endif
std::string compiler() { return std::string("compiler ") + __VERSION__ + ", " + kBuild; }

// Losses and accuracies of the last evaluation, as 16 hexadecimal digits.
std::string digest(const sweeps::CellResult& result) {
  std::uint64_t hash = 14695981039346656037u;
  for (const double number : {result.loss, result.accuracy, result.curve.back().loss, result.curve.back().train_loss})
    for (int shift = 0; shift < 64; shift += 8) hash = (hash ^ (std::bit_cast<std::uint64_t>(number) >> shift & 255)) * 1099511628211u;
  std::ostringstream digits;
  digits << std::hex << hash;
  return digits.str();
}

std::string line_of(const std::string& variant, const std::string& kind) {
  const std::string task = "name = \"mqar\"\nkappa = 6\nnu = 8\nT = 40\nfiller = \"random\"\n";
  const sweeps::CellSpec cell = mqar_cell(variant, "d = 24\nN = 8\nlayers = 2\nresidual = true\nnorm = \"rms\"",
                                          "steps = 12\n[eval]\nevery = 12\neval_examples = 70", 3, task);
  return "version " + std::to_string(kNumericsVersion) + " " + kind + " " + variant + " " + digest(run_pack(std::span(&cell, 1), {kind}).front());
}

TEST(Fingerprints, AreThoseOfThisNumericsVersion) {
  std::ifstream file(PHASEGRID_SOURCE_DIR "/tests/worker/fingerprints.txt");
  std::string recorded_compiler, line, expected, seen;
  ASSERT_TRUE(std::getline(file, recorded_compiler));
  while (std::getline(file, line)) expected += line + "\n";
  for (const std::string& kind : cpu_kinds())
    for (const VariantEntry& variant : all_variants()) {
      const std::string found = line_of(variant.name, kind) + "\n";
      seen += found;
      if (recorded_compiler == compiler()) EXPECT_NE(expected.find(found), std::string::npos) << found << "differs from tests/worker/fingerprints.txt";
    }
  if (recorded_compiler != compiler()) GTEST_SKIP() << "recorded by " << recorded_compiler << ", this is\n" << compiler() << "\n" << seen;
  if (HasFailure()) std::cout << compiler() << "\n" << seen;
}

}  // namespace
}  // namespace phasegrid::worker
