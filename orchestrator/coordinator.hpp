// Who does what next: the decisions of a run, without messages, clocks or files.
//
// Events go in (a slot is free, a result came, an executor crashed, a rank is lost, stop), actions come out (hand these cells to
// that slot, give up what that slot runs, record this cell as failed). Time is an argument, in seconds from any origin. The same
// code runs a sweep, a test and a simulation. Every event costs O(log cells).
//
// Order: the cell with the longest predicted time first, so that no long cell is left alone at the end. A prediction is
//   seconds = cost * rate[family],
// cost counted from the cell's settings, rate (seconds per unit of cost) refined from finished cells of the same family (a model
// variant). Predictions order work; they never influence a result.
//
// With checkpoints a cell may be run in parts. Before a deadline cells that end in time still come first, but a cell that is longer
// than the whole time of the run, or one that is left when nothing else fits, is started where a part of it is worth while.
#pragma once
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "orchestrator/gangs.hpp"
#include "orchestrator/time_limits.hpp"

namespace phasegrid::orchestrator {

struct Job {
  std::uint64_t cell = 0;
  double cost = 1;              // any unit, > 0
  std::uint32_t family = 0;     // cells whose cost has the same rate
  std::uint32_t shape = 0;      // cells of one family and shape may share a pack
  int replicas = 1;             // slots that it needs at once; the same for all cells of a family
  int most = 0;                 // of this shape in one pack; 0: the policy says it
  double done = 0;              // the part of it that its checkpoint holds, 0 .. 1
  std::int64_t step = 0;        // of the checkpoint: cells of one pack start at one step
  int node = -1;                // the checkpoint is there, and it goes on there only; -1: anywhere
  float steps = 0;              // to the last one; 0: unknown
  double left() const { return cost * (1 - done); }
};

// The part of a cell that was trained when it ended after so many steps, 0 .. 1; 1 where nobody knows.
inline double trained_part(std::int64_t steps_done, const Job& job) {
  return steps_done > 0 && job.steps > 0 ? static_cast<double>(steps_done) / static_cast<double>(job.steps) : 1;
}

struct Policy {
  int attempts = 2;             // a cell that crashes this often is recorded as failed
  int pack = 1;                 // most cells in one pack
  double rate = 1;              // seconds per unit of cost, before anything has finished
  double whole = std::numeric_limits<double>::infinity();   // seconds that the run has in all
  double part = std::numeric_limits<double>::infinity();    // least seconds for which it is worth while to run a part of a cell
  double safety = 1.1;          // a cell is started if safety times its prediction fits before the deadline
  bool gangs_across_ranks = false;   // may the slots of a gang be those of several ranks?
  double limit_factor = TimeLimits::kNone;   // of what cells like it took, after which one is stopped (time_limits.hpp)
  double least_limit = 600;     // seconds that it may take in any case
};

struct HandOut {
  SlotId slot;
  std::vector<std::uint64_t> cells;
  std::vector<SlotId> gang;     // that trains the one cell, in the order of replicas, `slot` first; empty: the slot alone
};
struct Refuse {                 // this cell can never run here
  std::uint64_t cell = 0;
  std::string reason;
};
struct GiveUp {                 // stop what this slot runs; its cells stay unfinished
  SlotId slot;
};
struct TimeUp {                 // stop what this slot runs: it takes absurdly long. Its end counts as a crash
  SlotId slot;
  double seconds = 0, limit = 0;
};
struct Quarantine {             // this cell crashed too often: record it as failed, with the last reason
  std::uint64_t cell = 0;
  int attempts = 0;
  bool out_of_memory = false, timeout = false;
  std::string reason;
};
using Action = std::variant<HandOut, GiveUp, TimeUp, Quarantine, Refuse>;
using Actions = std::vector<Action>;

struct Eta {
  double seconds = 0, error = 0;   // one standard deviation
};

class Coordinator {
 public:
  Coordinator(std::vector<Job> jobs, Policy policy);

  void expect(SlotId slot, int node = -1) { slots_[slot].node = node, gangs_.joined(slot); }   // it is being set up and will ask, or be lost
  Actions refuse_too_wide();                        // cells that need more slots at once than there are
  Actions slot_ready(SlotId slot, double now);
  Actions add(const std::vector<Job>& jobs, double now);   // that the results so far have called for
  // True if this slot was running the cell: the result is to be recorded. False for a late word about a cell given to another.
  // `steps`: that it was trained, 0 if nobody knows.
  bool result(SlotId slot, std::uint64_t cell, double seconds, std::int64_t steps = 0);
  Actions crashed(SlotId slot, const std::string& reason, bool out_of_memory, double now);
  // What this slot runs of the cell is safe up to this step. False for a late word about a cell given to another.
  bool checkpointed(SlotId slot, std::uint64_t cell, std::int64_t step, std::int64_t steps, bool on_its_node);
  Actions abandoned(SlotId slot, double now);       // given up on request: no attempt is counted
  Actions slot_lost(SlotId slot, double now);       // its cells go to others
  Actions rank_lost(int rank, double now);
  void progress(SlotId slot, double fraction);      // of the running pack, 0 .. 1

  void pause() { paused_ = true; }                  // what runs goes on, nothing is started
  Actions resume(double now);
  Actions stop(double now, double grace);           // nothing new; what will not end within `grace` seconds is given up
  void set_deadline(double at) { deadline_ = at; }  // nothing is started that is predicted to end later
  Actions tick(double now);                         // gives up what runs at the deadline
  Actions over_time(double now);                    // stops, once each, what is beyond its time limit
  bool timed_out(SlotId slot) const;                // what it runs was stopped so

  bool finished() const { return pending_ == 0 && running_ == 0; }   // every cell has a result
  bool quiet() const { return running_ == 0; }
  // Cells are left, nothing runs, and nothing will be started: stopping, deadline too near, or no slot left.
  bool stuck(double now) const;
  bool stopping() const { return stopping_; }

  std::uint64_t pending() const { return pending_; }
  std::uint64_t running() const { return running_; }
  std::size_t slots() const { return slots_.size(); }
  std::vector<std::uint64_t> cells(SlotId slot) const;   // running there, or in the gang that it is in
  std::vector<SlotId> gang_beside(SlotId slot) const { return gangs_.others(slot); }
  int slots_busy_with(SlotId slot) const;                // what this slot runs: itself alone, or with its gang
  bool gathers(SlotId slot) const { return gangs_.gathers(slot); }
  std::uint64_t too_wide() const;                   // waiting cells that need more slots than are left
  double predicted(const Job& job) const { return job.left() * rates_[job.family].value(); }
  double seconds_left(double now) const { return eta(now).seconds; }

  // A cell that was finished before this run began: the rates begin with what is known.
  void learn(std::uint32_t family, double cost, double seconds);
  void learn(std::uint32_t family, const LogRates& rates) { limits_.learn(family, rates); }

  // Until all is done. With r the spread of log(actual/predicted) over n finished cells (begun with one guess of 0.5), the
  // error of the total is r sqrt(sum p^2) (each cell its own luck) and r/sqrt(n+1) of it (the rate itself), in quadrature.
  Eta eta(double now) const;

 private:
  struct Order {                                    // longest first; ties in grid order
    bool operator()(const Job& a, const Job& b) const {
      return a.left() != b.left() ? a.left() > b.left() : a.cell < b.cell;
    }
  };
  struct Bucket {                                   // waiting cells that may share a pack
    std::uint32_t family = 0;
    int node = -1, replicas = 1;
    std::set<Job, Order> jobs;
    double head = 0;                                // predicted seconds of its longest cell when last ranked
  };
  struct Rate {                                     // the first guess counts as one cell
    double seconds = 0, cost = 0, ranked = 0;       // `ranked`: the rate by which the buckets are ordered
    double value() const { return seconds / cost; }
  };
  struct Slot {
    std::vector<Job> jobs;                          // running
    double started = 0, fraction = 0;
    double begun_at = 0;                            // the fraction at its start: that of the checkpoint
    int node = -1;
    bool over_time = false;                         // and told to stop
  };

  std::size_t bucket_of(const Job& job);
  void put(const Job& job);
  void take(Bucket& bucket, std::set<Job, Order>::iterator job);
  void rank(std::size_t bucket);                    // moves the bucket to its place in the order
  Actions hand_out(SlotId id, double now);
  void give_waiting(Actions& actions, double now);  // free slots get what has come back
  Actions take_back(SlotId id, double now);
  double remaining(const Slot& slot, double now) const;
  double time_limit(const Slot& slot) const;
  std::vector<Job> choose(SlotId id, double now);
  void free_node(int node);                         // nobody is left there: its cells begin again elsewhere
  void break_up(SlotId id, Actions& actions);       // the gang of this slot: the others are to give up
  Rate& rate_of(std::uint32_t family);

  Policy policy_;
  std::vector<Bucket> buckets_;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::int64_t, int>, std::size_t> bucket_index_;   // family, shape, step, node
  std::set<std::pair<double, std::size_t>> order_;                   // (-head, bucket), non-empty buckets only
  std::vector<Rate> rates_;
  std::vector<double> pending_cost_, pending_squares_;               // per family: sums of cost and of cost^2
  double deviations_ = 0.25, predictions_ = 1;                       // sum of log(actual/predicted)^2, and their number
  std::map<SlotId, Slot> slots_;
  std::set<SlotId> waiting_;                                         // slots without work
  Gangs gangs_;
  TimeLimits limits_;
  bool gangs_used_ = false;                                          // some cell needs several slots
  struct Crashes {
    int count = 0;
    bool out_of_memory = false;
  };
  std::unordered_map<std::uint64_t, Crashes> crashes_;
  std::uint64_t pending_ = 0, running_ = 0;
  double deadline_ = std::numeric_limits<double>::infinity();
  bool stopping_ = false, paused_ = false, bound_ = false;   // bound_: some cell goes on at one node only
};

}  // namespace phasegrid::orchestrator
