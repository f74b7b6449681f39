// Results and busy slots over wall time, from the attempts in the journals. Their times are whole seconds, so busy slots
// are averages over stretches of several seconds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "orchestrator/report/report.hpp"
#include "orchestrator/tally.hpp"

namespace phasegrid::orchestrator {
namespace {

constexpr int kWidth = 860, kHeight = 190, kLeft = 60, kBottom = 28, kTop = 10;
constexpr std::size_t kMostPoints = 800;

struct Series {
  std::vector<std::pair<double, double>> points;  // seconds since the start, value; a staircase
  double most = 0;
};

double x_of(double seconds, double span) { return kLeft + (kWidth - kLeft - 10) * seconds / span; }
double y_of(double value, double most) { return kHeight - kBottom - (kHeight - kBottom - kTop) * value / most; }

// At most kMostPoints of a staircase, the highest step of each stretch.
std::string path_of(const Series& series, double span) {
  std::string path;
  double before = 0;
  const std::size_t stride = 1 + series.points.size() / kMostPoints;
  for (std::size_t i = 0; i < series.points.size(); i += stride) {
    double value = 0;
    for (std::size_t k = i; k < std::min(i + stride, series.points.size()); ++k)
      value = std::max(value, series.points[k].second);
    if (i + stride >= series.points.size()) value = series.points.back().second;
    const double x = x_of(series.points[i].first, span);
    path += fmt::format("{}{:.1f} {:.1f}L{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y_of(before, series.most), x,
                        y_of(value, series.most));
    before = value;
  }
  return path + fmt::format("L{:.1f} {:.1f}", x_of(span, span), y_of(before, series.most));
}

std::string chart(const std::string& title, Series series, double span, const std::string& start, bool area) {
  if (series.points.empty() || series.most <= 0) return "";
  if (series.most > 4) series.most = 4 * std::ceil(series.most / 4);   // whole numbers at the four lines
  const std::string path = path_of(series, span);
  std::string svg;
  for (int i = 0; i <= 4; ++i) {
    const double value = series.most * i / 4, y = y_of(value, series.most), x = x_of(span * i / 4, span);
    svg += fmt::format(
        "<line class='g' x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}'/><text class='l' x='{}' y='{:.1f}'>{:.4g}</text>",
        kLeft, kWidth - 10, y, y, kLeft - 6, y + 4, value);
    svg += fmt::format("<text class='{}' x='{:.1f}' y='{}'>{}</text>", i == 4 ? "l" : "x", x, kHeight - 10,
                       i == 0 ? "0" : duration(span * i / 4));
  }
  if (area)
    svg += fmt::format("<path class='area' d='{}L{:.1f} {:.1f}L{:.1f} {:.1f}Z'/>", path, x_of(span, span), y_of(0, 1),
                       x_of(series.points[0].first, span), y_of(0, 1));
  svg += fmt::format("<path class='line' d='{}'/>", path);
  return fmt::format(
      "<figure><figcaption>{} (since {})</figcaption><svg width='{}' height='{}' viewBox='0 0 {} "
      "{}'>{}</svg></figure>\n",
      escaped(title), escaped(start), kWidth, kHeight, kWidth, kHeight, svg);
}

// The sum of steps at their times.
Series staircase(const std::map<double, int>& steps, double start) {
  Series series;
  double value = 0;
  for (const auto& [time, step] : steps) {
    value += step;
    series.points.emplace_back(time - start, value);
    series.most = std::max(series.most, value);
  }
  return series;
}

// Time spent on cells, added up by stretches of wall time.
class Busy {
 public:
  Busy(double start, double span)
      : start_(start),
        bins_(static_cast<std::size_t>(std::clamp(span / kStretch, 1.0, kMostBins))),
        width_(span / static_cast<double>(bins_.size())) {}

  void add(double from, double to) {
    const double last = static_cast<double>(bins_.size()) - 1;
    const auto bin = [&](double time) {
      return static_cast<std::size_t>(std::clamp((time - start_) / width_, 0.0, last));
    };
    for (std::size_t i = bin(from); i <= bin(to); ++i) {
      const double begin = start_ + width_ * static_cast<double>(i);
      bins_[i] += std::max(0.0, std::min(to, begin + width_) - std::max(from, begin));
    }
  }

  Series series() const {
    Series series;
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      series.points.emplace_back(width_ * static_cast<double>(i), bins_[i] / width_);
      series.most = std::max(series.most, bins_[i] / width_);
    }
    return series;
  }

 private:
  static constexpr double kStretch = 5, kMostBins = 300;
  double start_;
  std::vector<double> bins_;
  double width_;
};

}  // namespace

std::string progress_html(const ReportData& data) {
  std::map<double, int> results;
  std::vector<std::pair<double, double>> work;
  std::string first = "9";
  double end = 0;
  for (const auto& attempt : data.state.attempts) {
    const double from = seconds_of_utc(attempt.started_utc), to = seconds_of_utc(attempt.ended_utc);
    if (!std::isnan(from)) first = std::min(first, attempt.started_utc), end = std::max(end, from);
    if (std::isnan(to)) continue;  // interrupted: nobody saw its end
    end = std::max(end, to);
    const bool crashed = ended_without_result(attempt);
    const auto result = data.state.results.find(attempt.cell);
    if (!crashed) ++results[to];
    if (!crashed && result != data.state.results.end() && result->second.seconds > 0)
      work.emplace_back(to - result->second.seconds, to);
    else if (!std::isnan(from)) work.emplace_back(from, to);
  }
  if (end == 0) return "<section><h2>Progress</h2><p>Nothing has run yet.</p></section>\n";
  const double start = seconds_of_utc(first), span = std::max(1.0, end - start);
  Busy busy(start, span);
  for (const auto& [from, to] : work) busy.add(from, to);
  std::string out =
      "<section><h2>Progress</h2>\n" + chart("cells with a result", staircase(results, start), span, first, false) +
      "</section>\n<section><h2>Utilisation</h2>\n" + chart("busy slots", busy.series(), span, first, true) + "<ul>";
  for (const auto& note : data.state.notes)
    if (note.kind == "utilisation") out += "<li>" + escaped(note.utc + ": " + note.text) + "</li>";
  return out + "</ul></section>\n";
}

}  // namespace phasegrid::orchestrator
