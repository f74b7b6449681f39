// Accuracy as heat maps: the width (or state size) upwards, another axis to the right, one map for each point of the
// remaining axes; the mean over seeds, and the best along axes with reduce = "max" as its mean over seeds.
//
// Where theory gives a threshold for the vertical quantity, a line crosses the column at that height. Rows are equally
// high whatever their values, so heights are interpolated in log(value) between the middles of rows.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>

#include "orchestrator/report/report.hpp"
#include "orchestrator/tally.hpp"
#include "sweeps/thresholds.hpp"

namespace phasegrid::orchestrator {
namespace {

using sweeps::Axis;
using sweeps::Grid;

constexpr int kCell = 34, kRow = 24, kLeft = 58, kTop = 8, kBottom = 46;  // pixels
constexpr std::size_t kMostMaps = 60;

struct Place {
  double accuracy = sweeps::kNaN;
  std::uint64_t trained = 0, failed = 0, missing = 0, infeasible = 0, inferred = 0;
  std::uint64_t cell = 0;  // the first of its seeds
};

// Which axis goes where; -1: there is none.
struct Layout {
  int vertical = -1, horizontal = -1;
  std::vector<std::size_t> facets, inner;  // one map for each point; reduced to one number: seeds and reduce = "max"
};

std::optional<double> number_of(const sweeps::Value& value) {
  if (const auto* i = std::get_if<std::int64_t>(&value)) return static_cast<double>(*i);
  if (const auto* x = std::get_if<double>(&value)) return *x;
  return std::nullopt;
}

int axis_named(const Grid& grid, std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (std::size_t a = 0; a < grid.axes().size(); ++a) {
      const Axis& axis = grid.axes()[a];
      if (axis.name == name && axis.size() > 1 && !axis.reduce && number_of(axis.values[0][0]))
        return static_cast<int>(a);
    }
  return -1;
}

Layout layout_of(const Grid& grid) {
  Layout layout;
  layout.vertical = axis_named(grid, {"d", "N", "D", "expand", "layers"});
  std::size_t longest = 1;
  for (std::size_t a = 0; a + 1 < grid.axes().size(); ++a) {
    const Axis& axis = grid.axes()[a];
    if (static_cast<int>(a) == layout.vertical || axis.reduce) continue;
    const bool better = axis.name == "kappa" || (axis.size() > longest && axis.name != "variant");
    if (axis.size() > 1 && better &&
        (layout.horizontal < 0 || grid.axes()[static_cast<std::size_t>(layout.horizontal)].name != "kappa"))
      layout.horizontal = static_cast<int>(a), longest = axis.size();
  }
  for (std::size_t a = 0; a < grid.axes().size(); ++a) {
    if (static_cast<int>(a) == layout.vertical || static_cast<int>(a) == layout.horizontal) continue;
    const bool inner = a + 1 == grid.axes().size() || grid.axes()[a].reduce;
    (inner ? layout.inner : layout.facets).push_back(a);
  }
  return layout;
}

std::string point_text(const Axis& axis, std::size_t point) {
  std::string text;
  for (const auto& value : axis.values[point]) text += (text.empty() ? "" : "/") + shown(value);
  return text;
}

// Moves through the points of some axes; false behind the last.
bool next(const Grid& grid, const std::vector<std::size_t>& axes, std::vector<std::size_t>& at) {
  for (auto a = axes.rbegin(); a != axes.rend(); ++a) {
    if (++at[*a] < grid.axes()[*a].size()) return true;
    at[*a] = 0;
  }
  return false;
}

// All cells behind one square: the mean over seeds for each point of the reduced axes, then the best of these.
Place look(const ReportData& data, const Layout& layout, std::vector<std::size_t> at) {
  Place place;
  place.cell = data.grid.index(at);
  const std::size_t seed = data.grid.axes().size() - 1;
  std::map<std::vector<std::size_t>, std::pair<double, double>> sums;
  do {
    const std::uint64_t cell = data.grid.index(at);
    const auto found = data.state.results.find(cell);
    if (found == data.state.results.end()) {
      ++place.missing;
      continue;
    }
    const auto& result = found->second;
    if (result.status == sweeps::Status::inferred) ++place.inferred;
    else if (counts_as_failed(result.status)) ++place.failed;
    else ++place.trained;
    if (std::isnan(result.accuracy)) continue;
    auto point = at;
    point[seed] = 0;
    auto& [sum, n] = sums[point];
    sum += result.accuracy, n += 1;
  } while (next(data.grid, layout.inner, at));
  for (const auto& [point, sum] : sums)
    if (!(sum.first / sum.second <= place.accuracy)) place.accuracy = sum.first / sum.second;
  if (place.trained + place.failed == 0 && data.grid.infeasible(place.cell)) place.infeasible = 1;
  return place;
}

// From dark blue (0) over green to yellow (1), evenly in lightness.
std::string colour(double accuracy) {
  constexpr std::array<std::array<int, 3>, 6> kStops{
      {{48, 18, 59}, {62, 73, 137}, {38, 130, 142}, {53, 183, 121}, {160, 218, 57}, {253, 231, 37}}};
  const double x = std::clamp(accuracy, 0.0, 1.0) * (kStops.size() - 1);
  const auto i = std::min(static_cast<std::size_t>(x), kStops.size() - 2);
  const double w = x - static_cast<double>(i);
  std::array<int, 3> rgb{};
  for (std::size_t c = 0; c < 3; ++c)
    rgb[c] = static_cast<int>(std::lround((1 - w) * kStops[i][c] + w * kStops[i + 1][c]));
  return fmt::format("rgb({},{},{})", rgb[0], rgb[1], rgb[2]);
}

std::string square(const ReportData& data, const Place& place, int x, int y) {
  const bool known = !std::isnan(place.accuracy);
  const std::string fill = known               ? colour(place.accuracy)
                           : place.infeasible  ? "url(#cannot)"
                           : place.failed > 0  ? "#c0392b"
                           : place.trained > 0 ? "#8e44ad"
                                               : "#e4e6ea";
  std::string title = data.grid.label(place.cell) + "\n";
  if (known) title += fmt::format("accuracy {:.4f}\n", place.accuracy);
  title += place.infeasible
               ? "cannot exist"
               : fmt::format("{} trained, {} failed, {} missing", place.trained, place.failed, place.missing);
  if (place.inferred > 0) title += fmt::format(", {} inferred by the search", place.inferred);
  std::string out = fmt::format("<rect x='{}' y='{}' width='{}' height='{}' fill='{}'><title>{}</title></rect>", x, y,
                                kCell, kRow, fill, escaped(title));
  if (known)
    out += fmt::format("<text class='v' x='{}' y='{}' style='fill:{}'>{}</text>", x + kCell / 2, y + kRow / 2 + 4,
                       place.accuracy > 0.55 ? "#111" : "#eee",
                       place.accuracy >= 0.9995 ? "1" : fmt::format("{:.2f}", std::min(place.accuracy, 0.99)).substr(1));
  return out;
}

// The height of a value among rows whose middles are their values, in log scale; clamped to the map's edges.
double height_of(double value, const std::vector<double>& rows) {
  const auto middle = [&](std::size_t row) { return kTop + kRow * (static_cast<double>(rows.size() - 1 - row) + 0.5); };
  if (value <= rows.front() || rows.size() == 1)
    return value < rows.front() ? kTop + kRow * static_cast<double>(rows.size()) : middle(0);
  if (value > rows.back()) return kTop;
  std::size_t above = 1;
  while (rows[above] < value) ++above;
  const double share = std::log(value / rows[above - 1]) / std::log(rows[above] / rows[above - 1]);
  return middle(above - 1) - kRow * share;
}

const char* style_of(sweeps::Bound kind) {
  switch (kind) {
    case sweeps::Bound::exact:
      return "stroke='#e8590c' stroke-width='3'";
    case sweeps::Bound::lower_bound:
      return "stroke='#d6336c' stroke-width='3' stroke-dasharray='6 3'";
    default:
      return "stroke='#1c7ed6' stroke-width='2' stroke-dasharray='2 3'";
  }
}

using Legend = std::map<std::string, sweeps::Threshold>;

std::string theory_lines(const ReportData& data, const Layout& layout, std::vector<std::size_t> at, std::size_t columns,
                         Legend& legend) {
  if (layout.vertical < 0) return "";
  const Axis& vertical = data.grid.axes()[static_cast<std::size_t>(layout.vertical)];
  std::vector<double> rows;
  for (const auto& point : vertical.values) rows.push_back(number_of(point[0]).value_or(0));
  if (!std::ranges::is_sorted(rows) || rows.front() <= 0) return "";
  std::string out;
  for (std::size_t column = 0; column < columns; ++column) {
    if (layout.horizontal >= 0) at[static_cast<std::size_t>(layout.horizontal)] = column;
    for (const auto& threshold : sweeps::thresholds(data.grid.cell(data.grid.index(at)).settings)) {
      if (threshold.quantity != vertical.name) continue;
      legend.try_emplace(threshold.name, threshold);
      const double y = height_of(threshold.value, rows);
      const double x = kLeft + kCell * static_cast<double>(column);
      out += fmt::format("<line x1='{}' x2='{}' y1='{:.1f}' y2='{:.1f}' {}><title>{}: {} = {:.4g}</title></line>", x,
                         x + kCell, y, y, style_of(threshold.kind), escaped(threshold.name), threshold.quantity,
                         threshold.value);
    }
  }
  return out;
}

std::string map_html(const ReportData& data, const Layout& layout, std::vector<std::size_t> at, Legend& legend) {
  const Grid& grid = data.grid;
  const auto axis = [&](int a) { return a < 0 ? nullptr : &grid.axes()[static_cast<std::size_t>(a)]; };
  const Axis *vertical = axis(layout.vertical), *horizontal = axis(layout.horizontal);
  const std::size_t rows = vertical ? vertical->size() : 1, columns = horizontal ? horizontal->size() : 1;
  const int width = kLeft + kCell * static_cast<int>(columns) + 12,
            height = kTop + kRow * static_cast<int>(rows) + kBottom;
  std::string svg;
  for (std::size_t row = 0; row < rows; ++row) {
    const int y = kTop + kRow * static_cast<int>(rows - 1 - row);
    if (vertical) {
      at[static_cast<std::size_t>(layout.vertical)] = row;
      svg += fmt::format("<text class='l' x='{}' y='{}'>{}</text>", kLeft - 6, y + kRow / 2 + 4,
                         escaped(point_text(*vertical, row)));
    }
    for (std::size_t column = 0; column < columns; ++column) {
      if (horizontal) at[static_cast<std::size_t>(layout.horizontal)] = column;
      svg += square(data, look(data, layout, at), kLeft + kCell * static_cast<int>(column), y);
    }
  }
  svg += theory_lines(data, layout, at, columns, legend);
  const int base = kTop + kRow * static_cast<int>(rows);
  for (std::size_t column = 0; horizontal && column < columns; ++column)
    svg += fmt::format("<text class='x' x='{}' y='{}'>{}</text>", kLeft + kCell * static_cast<int>(column) + kCell / 2,
                       base + 15, escaped(point_text(*horizontal, column)));
  if (horizontal)
    svg += fmt::format("<text class='x' x='{}' y='{}'>{}</text>", kLeft + kCell * static_cast<int>(columns) / 2,
                       base + 34, escaped(horizontal->name));
  if (vertical)
    svg += fmt::format("<text class='x' transform='translate(14 {}) rotate(-90)'>{}</text>",
                       kTop + kRow * static_cast<int>(rows) / 2, escaped(vertical->name));
  std::string caption;
  for (const std::size_t a : layout.facets)
    if (grid.axes()[a].size() > 1)
      caption += (caption.empty() ? "" : ", ") + grid.axes()[a].name + " = " + point_text(grid.axes()[a], at[a]);
  return fmt::format(
      "<figure><figcaption>{}</figcaption><svg width='{}' height='{}' viewBox='0 0 {} {}'>{}</svg></figure>\n",
      escaped(caption.empty() ? "all cells" : caption), width, height, width, height, svg);
}

std::string legend_html(const Legend& legend) {
  std::string out = "<p class='legend'>accuracy <svg width='180' height='14'>";
  for (int i = 0; i < 60; ++i)
    out += fmt::format("<rect x='{}' y='0' width='3' height='14' fill='{}'/>", 3 * i, colour(i / 59.0));
  out +=
      "</svg> 0 to 1 &nbsp; <b style='background:#e4e6ea'></b> missing &nbsp; <b style='background:#c0392b'></b> "
      "failed &nbsp; "
      "<b style='background:#8e44ad'></b> diverged &nbsp; <svg width='14' height='14'><rect width='14' height='14' "
      "fill='url(#cannot)'/></svg> cannot exist</p>\n";
  if (legend.empty()) return out;
  out += "<ul class='theory'>";
  for (const auto& [name, t] : legend)
    out += fmt::format(
        "<li><svg width='36' height='10'><line x1='0' x2='36' y1='5' y2='5' {}/></svg> <b class='n'>{}</b> ({}{}): "
        "{}</li>",
        style_of(t.kind), escaped(name), to_text(t.kind), t.condition.empty() ? "" : "; " + escaped(t.condition),
        escaped(t.reference));
  return out + "</ul>\n";
}

}  // namespace

std::string heat_maps_html(const ReportData& data) {
  const Layout layout = layout_of(data.grid);
  std::vector<std::size_t> at(data.grid.axes().size(), 0);
  Legend legend;
  std::string maps;
  std::size_t shown_maps = 0, left_out = 0;
  do {
    if (shown_maps < kMostMaps) maps += map_html(data, layout, at, legend), ++shown_maps;
    else ++left_out;
  } while (next(data.grid, layout.facets, at));
  std::string how = "Mean over seeds";
  for (const std::size_t a : layout.inner)
    if (data.grid.axes()[a].reduce) how += ", the best along " + escaped(data.grid.axes()[a].name);
  std::string out = "<section><h2>Accuracy</h2>\n<p>" + how + ". Point at a square for its cells.</p>\n" +
                    legend_html(legend) + "<div class='maps'>\n" + maps + "</div>\n";
  if (left_out > 0) out += fmt::format("<p>and {} more maps: see results.h5</p>\n", left_out);
  return out + "</section>\n";
}

}  // namespace phasegrid::orchestrator
