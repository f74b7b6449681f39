// The tape: operations recorded once for a shape, replayed for every batch, forwards and backwards. No allocation after finish().
//
// Gradients of activations are overwritten by the first operation that writes them on the way back, and added to by the others;
// finish() finds out who is first. A tape without operations (`dry`) records nothing and allocates nothing: it only lets a
// network be described, for its parameters.
#pragma once
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "kernels/arena.hpp"
#include "kernels/memory.hpp"
#include "kernels/mirror.hpp"
#include "kernels/operations.hpp"

namespace phasegrid::worker {

// Seconds by kind of operation.
struct OperationSeconds { double forward = 0, backward = 0; };
using Profile = std::map<std::string_view, OperationSeconds>;

template <class Real>
class Tape {
 public:
  Tape(const kernels::Operations<Real>* operations, int models, bool training, std::unique_ptr<kernels::Memory> memory = nullptr)
      : operations_(operations), models_(models), training_(training), memory_(std::move(memory)) {}

  int models() const { return models_; }
  bool training() const { return training_; }
  bool dry() const { return operations_ == nullptr; }

  kernels::Rows<Real> rows(kernels::Count count, std::int64_t capacity, int columns) {
    kernels::Rows<Real> r;
    r.columns = columns, r.width = kernels::padded(columns), r.count = count, r.stride = capacity * r.width;
    r.values = table(r.stride * models_);
    if (training_) r.grads = table(r.stride * models_);
    return r;
  }
  // A table without a gradient of its own, only when training: what the way back needs to remember.
  kernels::Rows<Real> kept(const kernels::Rows<Real>& like) {
    kernels::Rows<Real> r = like;
    r.grads = nullptr, r.values = training_ ? table(r.stride * models_) : nullptr;
    return r;
  }
  // A parameter that an operation computes from others: its gradient is cleared on the way forward.
  kernels::Parameter<Real> derived(int rows, int columns) {
    kernels::Parameter<Real> p{nullptr, nullptr, static_cast<std::int64_t>(rows) * kernels::padded(columns), rows, columns, kernels::padded(columns)};
    p.values = table(p.stride * models_);
    if (training_) p.grads = table(p.stride * models_);
    return p;
  }
  // What an operation uses while it runs, on a CPU only: devices have a workspace for all operations.
  Real* scratch(std::int64_t n) { return dry() || memory_->mirror() ? nullptr : table(n); }
  // What an operation keeps for its way back, on a device only.
  Real* kept_there(std::int64_t n) { return dry() || !training_ || !memory_->mirror() ? nullptr : table(n); }
  // Column 0 of every row: numbers that never change.
  void fill(const kernels::Rows<Real>& rows, Real value) {
    if (dry()) return;
    std::vector<Real> numbers(static_cast<std::size_t>(rows.stride * models_));
    for (std::size_t i = 0; i < numbers.size(); i += static_cast<std::size_t>(rows.width)) numbers[i] = value;
    memory_->set(rows.values, numbers.data(), numbers.size() * sizeof(Real));
  }

  // On the host, whatever the device.
  std::int32_t* integers(std::int64_t n) { return dry() ? nullptr : integers_.allocate_array<std::int32_t>(static_cast<std::size_t>(n)); }
  // The same number of rows for every model and batch.
  kernels::Count always(std::int32_t n) {
    std::int32_t* counts = integers(models_);
    if (counts) std::fill(counts, counts + models_, n);
    return {counts};
  }

  template <class Operation>
  void record(kernels::Functions<Operation> kernels::Operations<Real>::*functions, Operation operation) {
    operation.models = models_;
    if (checked_ && lacking_.empty() && !(checked_->*functions).forward) lacking_ = kernels::name_of(operation);
    if (dry()) return;
    if (!(operations_->*functions).forward) throw std::runtime_error("the CUDA backend lacks an operation that this variant needs");
    if (kernels::Mirror* mirror = memory_->mirror()) kernels::mirror(operation, *mirror);
    nodes_.push_back(std::make_unique<NodeOf<Operation>>(operations_->*functions, operation));
  }
  // Of a dry tape: looks for operations that this table lacks; the first of them, or "".
  void check(const kernels::Operations<Real>& table) { checked_ = &table; }
  const std::string& lacking() const { return lacking_; }
  void finish() {
    std::unordered_set<const Real*> written;
    for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) (*node)->mark(written);
  }

  void forward() { upload(), compute(), memory_->download(); }
  // The same in parts: what the batches say, to the device; the operations, whose results stay there.
  void upload() { memory_->upload(); }
  void compute() {
    if (profile_) profiled(nodes_, &Node::forward, &OperationSeconds::forward);
    else for (auto& node : nodes_) node->forward();
  }
  void backward() {
    const auto reversed = std::ranges::reverse_view(nodes_);
    if (profile_) return profiled(reversed, &Node::backward, &OperationSeconds::backward);
    for (auto& node : reversed) node->backward();
  }
  // From now on adds up where the time goes; null: no longer.
  void profile(Profile* into) { profile_ = into; }
  // One recorded operation, for measurements of it alone: its name, rows of model 0 that it reads, floating-point operations of its products.
  struct Recorded {
    std::string_view name;
    std::int64_t rows = 0;
    double flops = 0;
    std::function<void()> forward, backward;
  };
  std::vector<Recorded> recorded() {
    std::vector<Recorded> all;
    for (auto& node : nodes_) {
      Recorded& r = all.emplace_back(node->recorded());
      r.name = node->name(), r.forward = [&node] { node->forward(); }, r.backward = [&node] { node->backward(); };
    }
    return all;
  }
  template <class Number>
  const Number* place_of(const Number* results) const { return memory_->place_of(results); }
  kernels::Memory& memory() { return *memory_; }
  void wait() const { memory_->wait(); }   // until what forward() leaves for the host is there
  std::size_t bytes() const { return memory_->bytes() + integers_.bytes(); }

 private:
  struct Node {
    virtual ~Node() = default;
    virtual void forward() = 0;
    virtual void backward() = 0;
    virtual std::string_view name() const = 0;
    virtual void mark(std::unordered_set<const Real*>& written) = 0;
    virtual Recorded recorded() = 0;
  };
  template <class Operation>
  struct NodeOf final : Node {
    NodeOf(kernels::Functions<Operation> functions, Operation operation) : functions(functions), operation(operation) {}
    void forward() override { functions.forward(operation); }
    void backward() override { functions.backward(operation); }
    std::string_view name() const override { return kernels::name_of(operation); }
    void mark(std::unordered_set<const Real*>& written) override {
      operation.each_input([&](kernels::Rows<Real>& input) { input.add = input.grads && !written.insert(input.grads).second; });
    }
    Recorded recorded() override {
      Recorded r;
      operation.each_input([&](kernels::Rows<Real>& input) { r.rows = std::max<std::int64_t>(r.rows, input.count[0]); });
      if constexpr (requires { operation.x.columns, operation.W.stride; }) r.flops = 2.0 * static_cast<double>(r.rows) * operation.W.rows * operation.W.columns;
      return r;
    }
    kernels::Functions<Operation> functions;
    Operation operation;
  };

  Real* table(std::int64_t n) { return dry() ? nullptr : memory_->allocate_array<Real>(static_cast<std::size_t>(n)); }

  template <class Nodes>
  void profiled(const Nodes& nodes, void (Node::*run)(), double OperationSeconds::*part) {
    using Clock = std::chrono::steady_clock;
    for (auto& node : nodes) {
      const auto start = Clock::now();
      ((*node).*run)();
      (*profile_)[node->name()].*part += std::chrono::duration<double>(Clock::now() - start).count();
    }
  }

  const kernels::Operations<Real>* operations_;
  const kernels::Operations<Real>* checked_ = nullptr;
  std::string lacking_;
  int models_;
  bool training_;
  std::unique_ptr<kernels::Memory> memory_;   // null: dry
  kernels::Arena integers_;
  std::vector<std::unique_ptr<Node>> nodes_;
  Profile* profile_ = nullptr;
};

}  // namespace phasegrid::worker
