// One block lays out the batch of one model, layer by layer: the steps of worker/layout.cpp, each for all positions at once.
//
// Where the host counts in order, integers are joined in ways that forget the order of threads (least position, number of
// occurrences), or positions are numbered by sums over those before them. Working memory is a model's own (Room).
#include "worker/device/layout.hpp"

#include "worker/device/windows.hpp"

namespace phasegrid::worker {
namespace {

constexpr int kMostThreads = 1024;

// What is read, and the rows of the gate: distinct input rows in the order in which outputs ask for them.
__device__ void find_outputs(const Model& x, const LayerPlaces& to, int rows, bool last, int& outputs, int& gates) {
  const Map row(to.output_row, x.m), input(to.output_input, x.m), window(to.output_window, x.m), gate_input(to.gate_input, x.m),
      gate(to.output_gate, x.m), label(last ? x.job.label : nullptr, x.m);
  for (int r = threadIdx.x; r < rows; r += blockDim.x) x.room.first[r] = kNever;
  x.all.each([&](int, int, int p, bool exists) {
    if (exists) x.room.mark[p] = -1;
  });
  __syncthreads();
  outputs = deal_numbers(
      x.all, x.room.starts, [&](int, int, int p, bool exists) { return exists && (!last || x.scored(p)) ? 1 : 0; },
      [&](int, int t, int p, int q, int) {
        row.put(q, x.room.window_at[p]), input.put(q, x.room.row_at[p]), label.put(q, x.targets[p]);
        for (int j = 0; j < x.job.taps; ++j) window.put(q * x.job.taps + j, t >= j ? x.room.row_at[p - j] : -1);
        x.room.mark[p] = q;
        atomicMin(x.room.first + x.room.row_at[p], q);
      });
  x.copy_starts(to.walks, &kernels::Walk::first_output, 0);
  __syncthreads();
  if (!to.gates) return;
  gates = deal_numbers(
      x.all, x.room.starts,
      [&](int, int, int p, bool exists) {
        return exists && x.room.mark[p] >= 0 && x.room.first[x.room.row_at[p]] == x.room.mark[p] ? 1 : 0;
      },
      [&](int, int, int p, int rank, int) {
        x.room.rank_of[x.room.row_at[p]] = rank;
        gate_input.put(rank, x.room.row_at[p]);
      });
  __syncthreads();
  x.all.each([&](int, int, int p, bool exists) {
    if (exists && x.room.mark[p] >= 0) gate.put(x.room.mark[p], x.room.rank_of[x.room.row_at[p]]);
  });
}

// A run of a shared window that nobody reads: does position p belong to one, and is it the same as at position q?
__device__ bool skipped(const Model& x, int p, int shared) { return x.room.window_at[p] < shared && x.room.mark[p] < 0; }
__device__ bool joined(const Model& x, int p, int q) { return x.room.window_at[p] == x.room.window_at[q] && x.room.mark[q] < 0; }

// Every position is a step; a run is one step for each power of two in its length, at its end.
__device__ void find_steps(const Model& x, const LayerPlaces& to, int shared) {
  if (!to.walks) return;
  kernels::ScanStep* steps = const_cast<kernels::ScanStep*>(to.walks[x.m].steps);
  constexpr int kMost = kernels::kPowers - 1;
  int begin = 0, run = 0;  // of the run that a position is in; its length if it ends here, else 0
  deal_numbers(
      x.all, x.room.starts,
      [&](int s, int t, int p, bool exists) {
        const bool member = exists && skipped(x, p, shared);
        run = 0;
        if (shared == 0) return exists ? 1 : 0;
        const unsigned begins = __ballot_sync(kAllLanes, member && !(t > 0 && joined(x, p, p - 1)));
        const unsigned mine = begins & (~0u >> (kLanes - 1 - x.all.lane()));
        const int t0 = t - x.all.lane(), before = begin;
        begin = begins ? t0 + kLanes - 1 - __clz(static_cast<int>(begins)) : before;
        if (!member) return exists ? 1 : 0;
        if (t + 1 < x.all.length[s] && joined(x, p, p + 1)) return 0;
        run = t + 1 - (mine ? t0 + kLanes - 1 - __clz(static_cast<int>(mine)) : before);
        return (run >> kMost) + __popc(static_cast<unsigned>(run) & ((1u << kMost) - 1));
      },
      [&](int, int, int p, int i, int) {
        const std::int32_t window = x.room.window_at[p];
        if (run == 0) {
          steps[i] = {window, x.room.mark[p], 0};
          return;
        }
        for (int n = run >> kMost; n > 0; --n) steps[i++] = {window, -1, kMost};
        for (int power = kMost - 1; power >= 0; --power)
          if (run >> power & 1) steps[i++] = {window, -1, power};
      });
  x.copy_starts(to.walks, &kernels::Walk::first_step, 0);
}

__device__ void every_position(const Model& x, const LayerPlaces& to, int windows) {
  if (!x.job.reordered) return;
  const Map row(to.every_row, x.m);
  for (int i = threadIdx.x; i < windows; i += blockDim.x) {
    row.put(i, i);
    if (to.every_walks) const_cast<kernels::ScanStep*>(to.every_walks[x.m].steps)[i] = {i, i, 0};
  }
}

__device__ void put_count(std::int32_t* counts, int m, int n) {
  if (counts) counts[m] = n;
}

}  // namespace

__global__ void __launch_bounds__(kMostThreads) lay_out_models(LayoutJob job, Rooms rooms) {
  __shared__ Shared shared;
  const int m = blockIdx.x, sequences = job.draws[m].sequences();
  const Room room = room_of(rooms, m);
  const std::int64_t place = m * rooms.positions;
  const Model model{job, rooms, room, m, job.drawn.tokens + place, job.drawn.targets + place, {sequences, job.drawn.T, room.length}};
  model.find_lengths();
  int outputs = 0, gates = 0;
  for (int layer = 0; layer < job.layer_count; ++layer) {
    const LayerPlaces& to = job.layers[layer];
    const int rows = layer == 0 ? model.first_layer_rows() : model.later_rows();
    const int windows = find_windows(model, to, layer == 0, shared);
    find_outputs(model, to, rows, layer + 1 == job.layer_count, outputs, gates);
    __syncthreads();
    find_steps(model, to, shared.count);
    every_position(model, to, windows);
    if (threadIdx.x == 0) {
      put_count(to.rows, m, rows), put_count(to.windows, m, windows), put_count(to.outputs, m, outputs), put_count(to.gates, m, gates);
      if (to.walks) to.walks[m].sequences = sequences, to.walks[m].shared = shared.count;
      if (to.every_walks) to.every_walks[m].sequences = sequences, to.every_walks[m].shared = 0;
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) job.draws[m].begin += job.draws[m].batch, job.draws[m].scored += outputs;
}

void lay_out_on_device(const LayoutJob& job) {
  const std::int64_t M = job.drawn.models, S = job.drawn.sequences, T = job.drawn.T, P = S * T;
  Rooms rooms{{}, S, P, std::max<std::int64_t>(P, job.vocab * (job.first_rows == FirstRows::pairs ? T : 1)), 1, T};
  while (rooms.slots < 2 * P + 2) rooms.slots *= 2;
  kernels::cuda::Workspace workspace;
  for (int i = 0; i < 2; ++i) workspace.want<std::int32_t>(M * (S + 1)).want<std::int32_t>(M * rooms.keys).want<std::int32_t>(M * T);
  for (int i = 0; i < 3; ++i) workspace.want<std::int32_t>(M * P);
  workspace.want<unsigned long long>(M * rooms.slots).want<std::int32_t>(M * rooms.slots).take();
  const auto get = [&](std::int64_t n) { return workspace.get<std::int32_t>(M * n); };
  Room& r = rooms.first;
  r.length = get(S + 1), r.starts = get(S + 1), r.row_at = get(P), r.window_at = get(P), r.mark = get(P);
  r.first = get(rooms.keys), r.rank_of = get(rooms.keys), r.crowded = get(T), r.crossing = get(T);
  r.hash_key = workspace.get<unsigned long long>(M * rooms.slots), r.hash_count = get(rooms.slots);
  const unsigned threads = static_cast<unsigned>(std::min<std::int64_t>(kMostThreads, kLanes * std::max<std::int64_t>(1, S)));
  kernels::cuda::launch<lay_out_models>(static_cast<unsigned>(M), threads, job, rooms);
}

}  // namespace phasegrid::worker
