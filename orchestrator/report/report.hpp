// The verb `report`: a run as one HTML page that needs nothing else, neither network nor scripts.
#pragma once
#include <string>

#include "orchestrator/overview.hpp"
#include "results/run_folder.hpp"
#include "sweeps/grid.hpp"

namespace phasegrid::orchestrator {

struct ReportData {
  const sweeps::Grid& grid;
  const results::RunState& state;
  const Overview& view;
};

std::string report_html(const ReportData& data);

// The parts, one file each; HTML text.
std::string heat_maps_html(const ReportData& data);  // accuracy over two axes, with theory's lines
std::string progress_html(const ReportData& data);   // results and busy slots over time

std::string escaped(const std::string& text);   // for HTML
std::string shown(const sweeps::Value& value);  // without quotes

}  // namespace phasegrid::orchestrator
