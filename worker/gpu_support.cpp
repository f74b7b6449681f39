#include "worker/gpu_support.hpp"

#include "kernels/device/backend.hpp"
#include "worker/models/network.hpp"
#include "worker/schema.hpp"
#include "worker/training.hpp"

namespace phasegrid::worker {

std::string lacking_on_gpu(const sweeps::Settings& settings) {
  const kernels::Operations<float>* table = kernels::cuda_table();
  if (!table) return "";
  const TaskFacts facts = task_facts(settings);
  ModelSettings model = model_settings(settings, facts.vocab, facts.T);
  model.channels = facts.channels, model.outputs = facts.outputs, model.noisy = facts.noisy;
  return lacking_operation(model, *table);
}

}  // namespace phasegrid::worker
