// Rank 0's side of a run: turns messages into the coordinator's events, its actions into messages, and keeps the run folder.
//
// A result is appended to the journal when it arrives, made durable at most 50 ms later together with its neighbours (one
// fdatasync), and counted only then. results.h5 is rebuilt now and then and at the end.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "orchestrator/canary.hpp"
#include "orchestrator/console.hpp"
#include "orchestrator/coordinator.hpp"
#include "orchestrator/jobs.hpp"
#include "orchestrator/messages.hpp"
#include "orchestrator/run.hpp"
#include "orchestrator/search_run.hpp"
#include "orchestrator/tally.hpp"
#include "orchestrator/team.hpp"
#include "orchestrator/transport.hpp"
#include "orchestrator/utilisation.hpp"
#include "results/run_folder.hpp"
#include "sweeps/cost_model.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

class Director {
 public:
  Director(Transport& transport, const sweeps::Grid& grid, const RunOptions& options, double now);

  void handle(const Parcel& parcel, double now);   // from an agent
  bool poll(double now);                           // true if anything happened
  double due(double now) const;                    // seconds until poll() has something to do
  void stop(const std::string& why, double now);   // a signal: end soon with everything safe
  void hint(double now);                           // SIGUSR1: the wall-time limit is near
  void stood_still(double seconds, double now);    // this process was stopped so long, by `now` no time has passed
  void stop_at_once();                             // a second signal: makes safe what has arrived
  void fail(const std::string& why);               // the run folder cannot be written any more: end with what is safe
  bool began() const { return coordinator_.has_value(); }

  bool done() const { return exit_code_.has_value(); }
  int exit_code() const { return *exit_code_; }
  bool anyone_lost() const { return team_.anyone_lost(); }
  bool everyone_left() const { return team_.everyone_else_left(); }

 private:
  void begin(double now);                          // all ranks have reported
  std::string choose_kind(const std::string& before), choose_plain_kind(const std::string& before);
  void send_setup(const std::string& device_kind, const std::vector<int>& slots, const Binding& binding);
  JobList find_jobs(const sweeps::Rates& rates, const results::Origin& origin, const PackSize& pack_size);   // cells without a result
  void start_coordinator(JobList list, bool gangs_across_ranks);
  void free(SlotId slot, double now);
  Doing idle_cause(SlotId slot) const;
  void apply(const Actions& actions);
  void act(const HandOut& action);
  void act(const GiveUp& action);
  void act(const TimeUp& action);
  void act(const Quarantine& action);
  void act(const Refuse& action);
  void start_gang(const HandOut& action);
  void pass_on(int rank, const GangKey& key);      // of a gang, from its leader to the others
  void finished(int rank, const Finished& message);
  void checkpoint(int rank, const Checkpoint& message);
  void resume_jobs(std::vector<Job>& jobs, const results::Origin& origin);   // those that have a checkpoint go on from it
  std::vector<std::string> checkpoints_of(const std::vector<std::uint64_t>& cells);
  void set_scratch(Setup& setup);
  int node_of(const std::string& host) const;      // -1: no rank of ours is there
  double grace() const;                            // seconds before the deadline for executors to save what they have
  void said(int rank, const Said& message);
  void crashed(int rank, const Crashed& message, double now);
  void beat(int rank, const Beat& beat);
  void check_sweep(int rank, const Ready& ready) const;
  void lose(int rank, const std::string& reason, double now);
  void record(const sweeps::CellResult& result, const std::string& where);
  void search_on(const sweeps::CellResult& result);   // director_search.cpp
  void dirty() { if (dirty_since_ == 0) dirty_since_ = now_; }
  bool flush_if_due(bool at_once);                 // false: nothing was due, or the disk is full
  void flush();
  void wait_for_space(const results::DiskFull& error);
  void watch_canary();
  void rebuild();
  void show_progress();
  void watch_deadline();
  void end_if_over();
  void end(int code, const std::string& how);
  void dismiss(int code);                          // everybody goes home
  Now snapshot() const;
  template <class Message>
  void tell(int rank, const Message& message) { transport_.send(rank, encode(message)); }

  Transport& transport_;
  const sweeps::Grid& grid_;
  RunOptions options_;
  Console console_;
  LogFile words_;                                  // of executors
  Team team_;
  Tally tally_;
  std::optional<results::RunFolder> folder_;
  std::optional<SearchRun> search_;                // [search] mode = "boundary": from begin() on
  std::optional<Coordinator> coordinator_;         // from begin() on
  std::unordered_map<std::uint64_t, int> attempts_;
  std::uint64_t gangs_ = 0;                        // formed so far
  std::vector<sweeps::CellResult> unflushed_;      // recorded, not yet durable; without curves
  Canary canary_;
  Utilisation utilisation_;
  std::string stop_reason_, slot_trouble_, deadline_source_;
  int stop_code_ = 75;
  double now_, started_, stop_by_ = 0;
  double dirty_since_ = 0;                         // 0: the journal is durable
  double full_since_ = 0, next_try_ = 0;           // 0: there is room on the disk
  double next_look_ = 0;                           // for lost ranks
  double next_limits_ = 0;                         // for cells that take too long
  double time_in_all_ = 0;                         // from the start to the deadline; 0: there is none
  double deadline_ = 0;                            // by the clock that runs while the machine sleeps; 0: none
  std::optional<double> hinted_at_;
  double next_rebuild_ = 0, rebuild_took_ = 0, next_line_ = 0, next_live_ = 0;
  bool changed_ = false;                           // since results.h5 was written
  std::optional<int> exit_code_;
};

}  // namespace phasegrid::orchestrator
