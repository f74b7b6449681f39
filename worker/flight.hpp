// Cells in training: one pack, or on a GPU two packs of half the cells each that step in turn. A step only gives work
// to the device, so what the host does for one pack (drawing, looking at records, an evaluation's end) overlaps with
// what the device does for the other, and the last blocks of one pack's kernels with the next kernels of the other.
//
// Which packs there are is a matter of speed alone: a cell's bits do not depend on its pack.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "worker/pack.hpp"

namespace phasegrid::worker {

// What is to be trained: cells, where each of them stands in the run, and checkpoints of one step (none: they begin).
struct Cells {
  std::vector<sweeps::CellSpec> specs;
  std::vector<std::size_t> places;
  std::vector<std::string> states;

  std::size_t size() const { return specs.size(); }
  Cells part(std::size_t begin, std::size_t end) const;
};

class Flight {
 public:
  // `cells` outlive it. A member of a gang has one cell. Throws std::bad_alloc.
  Flight(const Cells& cells, const Device& device, Gang gang);
  bool fits() const { return !packs_.empty(); }  // false: some member of the gang has no memory

  bool running() const { return training() > 0; }
  void step();
  // At most half of the cells still train, for long enough that a smaller pack is worth the move.
  bool thin() const;

  std::int64_t steps_done() const;
  std::int64_t steps_planned() const;
  double last_loss() const;                            // of the first pack that still trains
  std::size_t packs() const { return packs_.size(); }
  bool draws_there() const { return packs_.front()->draws_there(); }
  bool trains(std::size_t i) const { return of(i).trains(at(i)); }
  std::string save(std::size_t i, double seconds) { return of(i).save(at(i), seconds); }

  // f(pack, number of its first cell)
  template <class F>
  void each_pack(F&& f) {
    for (std::size_t p = 0; p < packs_.size(); ++p) f(*packs_[p], first_[p]);
  }

 private:
  int training() const;
  std::size_t pack_of(std::size_t i) const { return packs_.size() > 1 && i >= first_[1] ? 1 : 0; }
  Pack& of(std::size_t i) const { return *packs_[pack_of(i)]; }
  int at(std::size_t i) const { return static_cast<int>(i - first_[pack_of(i)]); }

  std::size_t cells_;
  std::vector<std::size_t> first_;
  std::vector<std::unique_ptr<Pack>> packs_;
};

}  // namespace phasegrid::worker
