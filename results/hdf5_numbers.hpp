// Reading datasets of numbers from files that others have written: weights and batches.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "results/hdf5_file.hpp"

namespace phasegrid::results {

// Throws sweeps::SweepError: "PATH: NAME: WHAT".
[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& name, const std::string& what);

Handle open_file(const std::filesystem::path& path);    // to read; throws sweeps::SweepError
std::vector<std::string> names_of(const Handle& file);  // in its root

// A dataset of numbers: its shape, then its values as doubles, floats or 64-bit integers; all, or rows of the first dimension.
class Numbers {
 public:
  Numbers(const std::filesystem::path& path, const Handle& file, const std::string& name);

  const std::vector<std::size_t>& shape() const { return shape_; }
  bool integers() const { return integers_; }
  std::vector<double> reals() const;
  std::vector<std::int64_t> wide(std::size_t row, std::size_t rows) const;
  std::vector<float> narrow(std::size_t row, std::size_t rows) const;

 private:
  std::string name_;
  Handle dataset_;
  std::vector<std::size_t> shape_;
  std::size_t size_ = 1;
  bool integers_ = false;
};

}  // namespace phasegrid::results
