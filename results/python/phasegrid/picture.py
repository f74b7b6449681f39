"""Heat maps of accuracy with the theorems' lines."""
from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .reading import mean_accuracy, selections, theory

COLOURS = "cividis"  # the same to eyes that miss a colour
UNKNOWN = "0.85"
LINE_COLOURS = ["#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#009E73"]
STYLES = {"exact": "-", "lower_bound": ":", "asymptotic": "--"}
LABELS = {
    "d": "width d (channels)",
    "N": "state size N (numbers per channel)",
    "kappa": "keys κ (symbols)",
    "nu": "values ν (symbols)",
    "T": "sequence length T (tokens)",
}


def heatmap(
    ds: xr.Dataset, x: str = "d", y: str = "kappa", ax: Axes | None = None, lines: str = "main",
    colourbar: bool = True, **select: Any
) -> Axes:
    """Test accuracy over x and y, averaged over the seeds, with the theory lines that the file holds for x or y.

    Cells without a result are hatched. Axes whose values are powers of two are logarithmic. `lines` are "main" (exact
    thresholds and lower bounds), "all", or "none". `select` fixes the other axes (variant="mamba").
    """
    accuracy = mean_accuracy(ds, y, x, **select)
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(layout="constrained")[1]
    scales = {x: Scale(accuracy[x].values), y: Scale(accuracy[y].values)}
    ax.set_facecolor(UNKNOWN)
    ax.patch.set(hatch="////", edgecolor="0.6")
    known = np.ma.masked_invalid(accuracy.values)
    mesh = ax.pcolormesh(scales[x].edges, scales[y].edges, known, cmap=COLOURS, vmin=0, vmax=1)
    if colourbar:
        ax.figure.colorbar(mesh, ax=ax, label=accuracy_label(ds))
    for name, axis in ((x, ax.xaxis), (y, ax.yaxis)):
        axis.set_ticks(scales[name].at, labels=scales[name].text)
        axis.set_label_text(LABELS.get(name, name))
    ax.set_title(", ".join(str(value) if name == "variant" else f"{name} = {value}" for name, value in select.items()))

    seen = 0
    for quantity, along in ((x, y), (y, x)):
        for name, line in theory(ds, quantity, **select).items():
            main = name in (f"theory_exact_{quantity}", f"theory_lower_bound_{quantity}")
            if lines == "none" or (lines == "main" and not main):
                continue
            values = along_axis(line, accuracy, along)
            if values is None:
                continue
            across, level = scales[quantity].place(values), scales[along].at
            path = (across, level) if quantity == x else (level, across)
            style = STYLES.get(line.attrs.get("kind", ""), "-.")
            ax.plot(*path, style, color="white", linewidth=4)
            colour = LINE_COLOURS[seen % len(LINE_COLOURS)]
            ax.plot(*path, style, color=colour, linewidth=2, label=_label(name, line))
            seen += 1
    ax.set(xlim=scales[x].edges[[0, -1]], ylim=scales[y].edges[[0, -1]])
    if seen:
        ax.legend(loc="upper left", framealpha=0.9, fontsize="small")
    return ax


def accuracy_label(ds: xr.Dataset) -> str:
    """What a colour means."""
    return ("mean " if ds.sizes.get("seed", 1) > 1 else "") + "test accuracy (fraction)"


def picture(ds: xr.Dataset, x: str = "d", y: str = "kappa", **select: Any) -> Figure:
    """A heat map for each combination of the axes that are neither shown, averaged nor selected, side by side."""
    combinations = selections(ds, (x, y), select)
    columns = min(3, len(combinations))
    rows = -(-len(combinations) // columns)
    figure = Figure(figsize=(5.2 * columns, 4.2 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for ax, fixed in zip(axes, combinations):
        heatmap(ds, x, y, ax=ax, **fixed)
    for ax in list(axes)[len(combinations) :]:
        ax.set_visible(False)
    figure.suptitle(ds.attrs.get("title", ""))
    return figure


def _label(name: str, line: xr.DataArray) -> str:
    """What the legend calls a line: "theory: exact d", or "theory: exact d: s6_mqar_distinct" for a further one."""
    plain = f"theory_{line.attrs['kind']}_{line.attrs['quantity']}"
    further = name.removeprefix(plain).removeprefix("_")
    return f"theory: {line.attrs['kind'].replace('_', ' ')} {line.attrs['quantity']}" + (f": {further}" if further else "")


def along_axis(line: xr.DataArray, accuracy: xr.DataArray, along: str) -> np.ndarray | None:
    """The line's values at each label of one axis, or None when it depends on an axis that the picture does not fix."""
    for dim in [dim for dim in line.dims if dim != along]:
        if dim in accuracy.coords and accuracy.coords[dim].ndim == 0:
            line = line.sel({dim: accuracy.coords[dim].item()})
        else:
            return None
    return np.broadcast_to(line.values, accuracy.sizes[along])


class Scale:
    """Where labels lie on an axis: by their logarithm, by their value, or (words) by their number."""

    def __init__(self, labels: np.ndarray) -> None:
        self.text = [str(label) for label in labels.tolist()]
        numeric = np.issubdtype(labels.dtype, np.number) and np.all(np.diff(labels) > 0)
        self._map: Any = None
        if numeric and np.all(labels > 0) and _powers_of_two(labels):
            self._map = np.log2
        elif numeric and len(labels) > 1:
            self._map = np.asarray
        self.at = np.asarray(range(len(labels)) if self._map is None else self._map(labels), dtype=float)
        gaps = np.diff(self.at) if len(self.at) > 1 else np.ones(1)
        inner = (self.at[1:] + self.at[:-1]) / 2
        self.edges = np.concatenate([[self.at[0] - gaps[0] / 2], inner, [self.at[-1] + gaps[-1] / 2]])

    def place(self, values: np.ndarray) -> np.ndarray:
        """Numbers between the labels; NaN on an axis of words."""
        values = np.asarray(values, dtype=float)
        if self._map is None:
            return np.full(values.shape, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self._map(values), dtype=float)


def _powers_of_two(labels: np.ndarray) -> bool:
    return bool(np.all(np.log2(labels) % 1 == 0))
