// Best approximations of a function on a grid, f(0) .. f(T-1), that memories of two kinds can hold (docs/theory.md, 3.6).
//
//   pieces    [0, T) is halved, again and again, always the interval on which f varies most: n pieces, and on each the
//             mean of f. The same as the best combination of 1 and n - 1 Haar wavelets, one for each halving
//   modes     the n terms of f's discrete Fourier series that carry most of its square
//
// A step function with m jumps has at most m pieces of each length that vary: squared errors fall as 2^(-n/m) for
// pieces, as 1/n for modes (E33).
#pragma once
#include <complex>
#include <cstdint>
#include <vector>

namespace phasegrid::worker {

struct Piece {
  int begin, end;
  double mean;
};

// The Haar wavelet of one halving, of unit length for halves of any size: `first` on [begin, middle), `second` on
// [middle, end). coefficient: its inner product with f.
struct Wavelet {
  int begin, middle, end;
  double first, second, coefficient;
};

struct Partition {
  std::vector<Piece> pieces;      // ascending
  std::vector<Wavelet> wavelets;  // one fewer, in the order of the halvings
  double mean;                    // of f: what the wavelets leave
};
// Fewer pieces than asked for where f is constant on each.
Partition best_pieces(const std::vector<double>& f, std::int64_t pieces);

// f(t) = sum over modes of weight Re(amplitude e^{2 pi i frequency t / T}); weight 1 for 0 and T/2, else 2.
struct Mode {
  int frequency;  // 0 .. T/2
  double weight;
  std::complex<double> amplitude;
};
std::vector<Mode> best_modes(const std::vector<double>& f, std::int64_t modes);

}  // namespace phasegrid::worker
