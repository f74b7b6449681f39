// What a message about an unknown word should add.
#pragma once
#include <string>
#include <vector>

namespace phasegrid::sweeps {

// The known word that was probably meant, as `, did you mean "d"?`, or what there is: `, expected one of ...`.
std::string suggestion(const std::string& word, const std::vector<std::string>& known);
const std::string* nearest(const std::string& word, const std::vector<std::string>& known);  // null: nothing is near

}  // namespace phasegrid::sweeps
