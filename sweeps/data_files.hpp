// Files that a sweep names: keys of Kind::file, such as the batch file of the task `file`.
//
// Whoever reads the sweep from disk looks into its files once and records what it found in a section [data] behind the text. That text is
// what travels to other processes and into the journal: nobody else needs the files to know the sweep, and what a file
// held counts as part of the sweep, wherever it lies.
//
//   [data]                     # what the files held when the sweep was read
//   "corpus.h5" = { file = "/data/corpus.h5", content = "8c5a9d31d7a05d61", sequences = 1000, T = 64 }
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace phasegrid::sweeps {

struct Schema;

struct DataFile {
  std::string file;     // where it lies, absolute
  std::string content;  // a hash of what it holds
  std::map<std::string, std::int64_t> numbers;
  bool operator==(const DataFile&) const = default;
};
using DataFiles = std::map<std::string, DataFile>;  // by the path that the sweep says

// The paths in a sweep's text, each with "file:line:column: task.path" for messages, and what the text has recorded already.
struct NamedFiles {
  std::vector<std::pair<std::string, std::string>> paths;
  DataFiles recorded;
};
NamedFiles named_files(const std::string& text, const std::string& file, std::shared_ptr<const Schema> schema);  // throws SweepError

std::string with_data(const std::string& text, const DataFiles& data);  // the text and its section [data]

}  // namespace phasegrid::sweeps
