// The way back through the windows: a row of x receives from every window that holds it, and one filler row may be held by nearly all.
//
// The readers of all rows are one list, ordered by row (kernels/device/access.hpp). A warp sums a piece of it, whatever rows that covers:
//
//   rows     0 0 0 0 0 0|0 0 0 0 0 1|1 2 2 3 3 3|4 4 4
//   pieces   head       |head   tail|head   whole, tail ...
//
// A row whose readers lie in one piece is done. Else the piece in which they begin keeps a `tail`, those where they go on a `head`, and
// a second kernel adds these up in order. So the order of a sum follows from the batch of its model alone.
#pragma once
#include "kernels/conv/conv.hpp"
#include "kernels/device/access.hpp"

namespace phasegrid::kernels::cuda {

constexpr int kPiece = 64;       // readers
constexpr int kAtATime = 8;      // whose numbers are under way together
constexpr int kPieceWarps = 4;   // of a block

struct ReaderPieces {
  float* parts;         // [model][piece][head, tail][width]
  std::int64_t most;    // pieces of a model

  __device__ float* head(int m, std::int64_t piece, std::int64_t width) const { return parts + (m * most + piece) * 2 * width; }
  __device__ float* tail(int m, std::int64_t piece, std::int64_t width) const { return head(m, piece, width) + width; }
};

// What one thread adds up: channel c of the row that its piece is at.
struct RowSum {
  const Conv<float>& op;
  const ReaderPieces& pieces;
  const std::int32_t* starts;
  int m, begin, end, c;  // of the piece
  std::int64_t piece;
  int row = -1;
  float sum = 0;

  __device__ void keep() {
    if (row < 0 || c >= op.x.width) return;
    const std::int64_t width = op.x.width;
    if (starts[row] < begin) pieces.head(m, piece, width)[c] = sum;
    else if (starts[row + 1] > end) pieces.tail(m, piece, width)[c] = sum;
    else put(grad(op.x, m)[row * width + c], sum, op.x.add);
  }
  __device__ void add(int of_row, float number) {
    if (of_row != row) keep(), row = of_row, sum = 0;
    sum += number;
  }
};

}  // namespace phasegrid::kernels::cuda
