// What GPUs a rank may use, told by a process of its own: a rank never touches CUDA.
#pragma once
#include <string>
#include <vector>

#include "kernels/device/survey.hpp"

namespace phasegrid::orchestrator {

// Asks `phasegrid gpus`, which may take seconds where there are GPUs; nothing is asked where phasegrid was built
// without CUDA.
kernels::GpuSurvey ask_for_gpus();

std::vector<std::string> usable_kinds(const kernels::GpuSurvey& survey);  // "sm_80", "sm_90": least capable first
std::string trouble(const kernels::GpuSurvey& survey);  // why there is none of use: one line; "" if there is

// The answer of that verb, one line of JSON, and back. What cannot be read is a survey with a problem.
std::string to_text(const kernels::GpuSurvey& survey);
kernels::GpuSurvey gpu_survey_from(const std::string& text);

}  // namespace phasegrid::orchestrator
