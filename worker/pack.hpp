// A pack in training: M models of one shape, their weights and optimiser state in flat buffers (M, size), stepping together.
//
// A model that has finished, or has diverged, rests: its batch is empty and its weights stay, while the others go on. What a model computes
// does not depend on its neighbours. Weights, gradients, moments and the best weights live in the device's memory; between two looks
// (evaluations, and now and then for a model that has diverged) the host only sends batches and learning rates.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/memory.hpp"
#include "worker/gang.hpp"
#include "worker/models/network.hpp"
#include "worker/run_pack.hpp"
#include "worker/score.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {

class Pack {
 public:
  // A member of a gang has one cell. Throws std::bad_alloc.
  Pack(std::span<const sweeps::CellSpec> cells, const Device& device, Gang gang = Gang());
  ~Pack();

  void begin();                                        // once, unless all models are restored: judges weights that are built

  bool running() const { return training() > 0; }      // some model still trains
  int training() const;                                // models that do
  bool trains(int m) const { return cells_[static_cast<std::size_t>(m)].training; }
  void step();                                         // one step of every model that trains, evaluations included
  std::int64_t steps_done() const { return step_; }
  std::int64_t steps_planned() const;
  std::int64_t steps_left() const;                     // of the longest model that still trains
  double last_loss() const { return last_loss_; }      // when the host last looked
  bool draws_there() const { return network_ && network_->batches(); }   // the device makes its batches
  void finish();                                       // tests of the models that are done: final weights, best weights, other lengths
  std::vector<sweeps::CellResult> take_results() { return std::move(results_); }
  void rehearse();                                     // all that allocates: a step, an evaluation, tests (pack_size.cpp)
  std::string save(int m, double seconds);             // a checkpoint of model m between two steps; seconds that it has trained here
  void restore(int m, const std::string& bytes);       // before the first step; all models to one step (checkpoint.cpp)

  const ModelSettings& model() const { return model_; }
  const ParameterSet& parameters() const { return parameters_; }
  const float* weights(int m);                         // on the host, until the next call

 private:
  struct Cell {
    TrainSettings settings;
    std::optional<TrainingData> data;
    bool training = true;
    double best_loss = 0;
    std::int64_t evaluations_since_best = 0;
    std::vector<std::int64_t> drawn;                   // sequences of each step since the last look
  };

  void start(int m);                                   // the weights that model m begins with
  void train_step();
  void choose_batches(DeviceBatches& batches);         // that train from here on
  void prepare_updates();                              // of the steps from here to `prepared_`
  std::unique_ptr<Network<float>> make_network(std::span<const tasks::Task* const> tasks, int sequences, float* grads);
  void meet();
  void look();                                         // at the records: who has diverged, and when
  void validate(const std::vector<int>& due);
  void judge(int m, const Score& score);
  void rest(int m, sweeps::Status status, std::string reason = {});
  // Score of the current weights of the given models on the first sequences of a stream, at length T (0: their own).
  std::vector<Score> evaluate(const std::vector<int>& models, tasks::Stream stream, int T);

  std::span<const sweeps::CellSpec> specs_;
  Device device_;
  Gang gang_;
  ModelSettings model_;
  ParameterSet parameters_;
  std::vector<kernels::Segment> segments_;
  std::int64_t stride_ = 0, step_ = 0;
  std::unique_ptr<kernels::WorkQueue> queue_;                // its own: another pack may be in flight on the same device
  std::unique_ptr<kernels::Memory> memory_;
  float *weights_, *grads_, *first_, *second_, *best_;   // there, (M, stride)
  kernels::LossRecord* records_;                       // there; since each model's last evaluation
  kernels::Tally* tallies_;
  double* gang_loss_;                                  // there, of the whole batch
  std::vector<kernels::LossRecord> seen_;              // the records at the last look
  std::vector<float> weights_here_;
  std::vector<Cell> cells_;
  std::vector<sweeps::CellResult> results_;
  std::unique_ptr<Network<float>> network_, evaluator_;
  std::unique_ptr<kernels::Recorded> training_, evaluation_;
  std::vector<int> all_models_;                        // 0 .. M - 1
  bool draw_together_ = true;                          // batches of several models at a time, by threads of the pool
  std::int64_t prepared_ = 0;                          // steps whose settings the device has
  bool changed_ = true;                                // since then: who trains, or at which step
  double last_loss_ = 0;
};

}  // namespace phasegrid::worker
