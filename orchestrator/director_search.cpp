// The director of a boundary search: each result may call for further cells.
#include "orchestrator/director.hpp"

namespace phasegrid::orchestrator {

void Director::search_on(const sweeps::CellResult& result) {
  const std::vector<Job> jobs = search_->told(result);
  for (const std::string& text : search_->news()) {
    console_.say("found: " + text);
    folder_->note("boundary", text);
  }
  apply(coordinator_->add(jobs, now_));
}

}  // namespace phasegrid::orchestrator
