#include "orchestrator/sample.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

#include "orchestrator/data_files.hpp"
#include "sweeps/error.hpp"
#include "sweeps/suggestion.hpp"
#include "tasks/task.hpp"

namespace phasegrid::orchestrator {
namespace {

using sweeps::SweepError;
using tasks::OptionKey;

constexpr std::size_t kColumns = 110;  // wider examples are broken into several pairs of lines

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

const tasks::TaskEntry& entry_of(const std::string& name) {
  if (const tasks::TaskEntry* entry = tasks::find_task(name)) return *entry;
  std::vector<std::string> names;
  for (const tasks::TaskEntry& entry : tasks::all_tasks()) names.push_back(entry.name);
  throw SweepError("sample: unknown task " + name + sweeps::suggestion(name, names));
}

std::string number_text(double number) {  // the shortest text that reads back
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

double read_number(const OptionKey& key, const std::string& text) {
  if (key.kind == OptionKey::boolean) {
    if (text != "true" && text != "false")
      throw SweepError("--set: " + key.name + ": expected true or false, found " + text);
    return text == "true";
  }
  const bool integer = key.kind == OptionKey::integer;
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || (integer && number != std::floor(number))) {
    throw SweepError("--set: " + key.name + ": expected " + (integer ? "an integer" : "a number") + ", found " + text);
  }
  if (!(number >= key.least && number <= key.most)) {
    throw SweepError("--set: " + key.name + ": expected a number from " + number_text(key.least) + " to " +
                     number_text(key.most) + ", found " + text);
  }
  return number;
}

void read_option(const tasks::TaskEntry& entry, const std::string& setting, tasks::Options& options) {
  const std::size_t equals = setting.find('=');
  if (equals == std::string::npos) throw SweepError("--set: expected key=value, found " + setting);
  const std::string name = setting.substr(0, equals), text = setting.substr(equals + 1);
  const auto key =
      std::find_if(entry.options.begin(), entry.options.end(), [&](const auto& k) { return k.name == name; });
  if (key == entry.options.end()) {
    std::vector<std::string> names;
    for (const OptionKey& option : entry.options) names.push_back(option.name);
    throw SweepError("--set: " + name + ": unknown key of task " + entry.name + sweeps::suggestion(name, names));
  }
  if (options.has(name)) throw SweepError("--set: " + name + ": given twice");
  if (key->kind == OptionKey::word) {
    if (std::find(key->words.begin(), key->words.end(), text) == key->words.end()) {
      throw SweepError("--set: " + name + ": unknown word " + text + sweeps::suggestion(text, key->words));
    }
    options.words[name] = text;
  } else if (key->kind == OptionKey::file) {
    options.words[name] = text;
    if (text != key->fallback) options.sources[name] = look_into(text, "");
  } else {
    options.numbers[name] = read_number(*key, text);
  }
  options.given[name] = true;
}

// "mqar  kappa = 2, T = 8": every option, in the order of the table.
std::string title(const tasks::TaskEntry& entry, const tasks::Options& options) {
  std::vector<std::string> settings;
  for (const OptionKey& key : entry.options) {
    std::string value;
    if (key.kind == OptionKey::word || key.kind == OptionKey::file) value = options.word(key.name);
    else if (key.kind == OptionKey::boolean) value = options.boolean(key.name) ? "true" : "false";
    else if (key.kind == OptionKey::integer) value = std::to_string(options.integer(key.name));
    else value = number_text(options.real(key.name));
    settings.push_back(key.name + " = " + value);
  }
  return entry.name + "  " + join(settings);
}

using Line = std::pair<std::string, std::vector<std::string>>;   // a name, and a symbol for every position

// The lines above each other, broken where the screen ends.
void print_lines(const std::vector<Line>& lines, std::ostream& out) {
  std::size_t width = 0, positions = lines.front().second.size();
  for (const auto& [name, symbols] : lines)
    for (const std::string& symbol : symbols) width = std::max(width, symbol.size());
  const std::size_t per_line = std::max<std::size_t>(1, (kColumns - 7) / (width + 1));
  for (std::size_t begin = 0; begin < positions; begin += per_line) {
    for (const auto& [name, symbols] : lines) {
      std::string line = name + std::string(7 - name.size(), ' ');
      for (std::size_t t = begin; t < std::min(begin + per_line, positions); ++t)
        line += std::string(1 + width - symbols[t].size(), ' ') + symbols[t];
      line.resize(line.find_last_not_of(' ') + 1);
      out << line << '\n';
    }
  }
}

std::string decimal(float number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", static_cast<double>(number));
  return text;
}

// The lines of one real-valued sequence: one for each channel, one for each output.
std::vector<Line> real_lines(const tasks::Batch& batch) {
  std::vector<Line> lines;
  for (int c = 0; c < batch.channels; ++c) {
    Line& line = lines.emplace_back(c == 0 ? "inputs" : "", std::vector<std::string>());
    for (int t = 0; t < batch.T; ++t) line.second.push_back(decimal(batch.inputs[static_cast<std::size_t>(t) * batch.channels + c]));
  }
  for (int o = 0; o < batch.outputs; ++o) {
    Line& line = lines.emplace_back(o == 0 ? "targets" : "", std::vector<std::string>(batch.T, o == 0 ? "." : ""));
    for (std::size_t s = 0; s < batch.position.size(); ++s) line.second[batch.position[s]] = decimal(batch.values[s * batch.outputs + o]);
  }
  return lines;
}

std::vector<Line> token_lines(const tasks::Task& task, const tasks::Batch& batch) {
  std::vector<Line> lines{{"tokens", {}}, {"targets", std::vector<std::string>(batch.T, ".")}};
  for (const auto token : batch.tokens) lines[0].second.push_back(task.symbol(token));
  for (std::size_t s = 0; s < batch.position.size(); ++s) lines[1].second[batch.position[s]] = task.symbol(batch.label[s]);
  return lines;
}

nlohmann::ordered_json to_json(const tasks::Batch& batch) {
  const std::size_t T = batch.T, channels = batch.channels, outputs = batch.outputs;
  if (channels == 0) {
    std::vector<std::int32_t> targets(T, tasks::kUnscored);
    for (std::size_t s = 0; s < batch.position.size(); ++s) targets[batch.position[s]] = batch.label[s];
    return {{"tokens", batch.tokens}, {"targets", targets}};
  }
  nlohmann::ordered_json inputs, values = std::vector<nullptr_t>(T);
  for (std::size_t t = 0; t < T; ++t) inputs.push_back(std::vector(batch.inputs.begin() + t * channels, batch.inputs.begin() + (t + 1) * channels));
  for (std::size_t s = 0; s < batch.position.size(); ++s)
    values[batch.position[s]] = std::vector(batch.values.begin() + s * outputs, batch.values.begin() + (s + 1) * outputs);
  return {{"inputs", inputs}, {"values", values}};
}

}  // namespace

int sample(const std::string& task_name, const std::vector<std::string>& set, int count, std::uint64_t seed, bool json,
           std::ostream& out) {
  const tasks::TaskEntry& entry = entry_of(task_name);
  if (count < 1) throw SweepError("--count: expected at least 1, found " + std::to_string(count));
  tasks::Options options;
  for (const std::string& setting : set) read_option(entry, setting, options);
  options = tasks::complete_options(entry, options);
  if (const std::string reason = entry.fits(options); !reason.empty())
    throw SweepError("sample " + entry.name + ": " + reason);

  const auto task = entry.make(options);
  std::vector<std::string> said = set;  // without defaults and in a fixed order: a new option changes no sample
  std::sort(said.begin(), said.end());
  const std::uint64_t key = kernels::hash_text(entry.name + "\n" + join(said), seed);
  tasks::Batch batch;
  if (!json) out << title(entry, options) << '\n';
  for (int i = 0; i < count; ++i) {
    draw_batch(*task, key, tasks::Stream::sample, i, 1, batch);
    if (json) {
      out << to_json(batch).dump() << '\n';
    } else {
      out << '\n';
      print_lines(task->channels() > 0 ? real_lines(batch) : token_lines(*task, batch), out);
    }
  }
  return 0;
}

}  // namespace phasegrid::orchestrator
