"""Accuracy over two axes with the transitions that were fitted to each column, and the theorems' lines."""
from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from .analysis import transition
from .picture import Scale, heatmap

LEVEL_STYLES = {0.5: ":", 0.9: "-", 0.99: "--"}
CASING, INK = "white", "black"


def contours(
    ds: xr.Dataset,
    x: str = "d",
    y: str = "kappa",
    ax: Axes | None = None,
    levels: tuple[float, ...] = (0.9,),
    lines: str = "main",
    colourbar: bool = True,
    **select: Any,
) -> Axes:
    """Heat map of test accuracy, and for each y the x at which half of the seeds reach the level, with its interval.

    Each row is fitted by itself, none is smoothed with its neighbours: the line joins estimates. An arrow leaves the
    picture where the tested values do not bound the transition. The first level shows intervals, the others lines only.
    """
    ax = heatmap(ds, x, y, ax=ax, lines=lines, colourbar=colourbar, **select)
    scales = {name: Scale(ds[name].values) for name in (x, y)}
    for number, level in enumerate(levels):
        found = transition(ds, level)
        if found.attrs["axis"] != x:
            raise ValueError(f"{x}: the analysis is of transitions along {found.attrs['axis']}")
        found = found.sel({name: value for name, value in select.items() if name in found.dims}).squeeze()
        if found.x.dims != (y,):
            raise ValueError(f"transitions lie over {', '.join(map(str, found.x.dims))}; fix all of these but {y}")
        draw_transitions(ax, scales[x], scales[y].at, found, level, intervals=number == 0)
    ax.legend(loc="upper left", framealpha=0.9, fontsize="small")
    return ax


def draw_transitions(ax: Axes, scale: Scale, at: np.ndarray, found: xr.Dataset, level: float, intervals: bool) -> None:
    """Transitions along the horizontal axis at the heights `at`."""
    middle, low, high = (scale.place(found[name].values) for name in ("x", "low", "high"))
    least, most = scale.edges[0], scale.edges[-1]
    style = LEVEL_STYLES.get(level, "-.")
    ax.plot(middle, at, color=CASING, linewidth=3, zorder=4)
    label = f"accuracy {level:g} in half of the seeds"
    ax.plot(middle, at, style, color=INK, linewidth=1.5, zorder=5, label=label, marker="o" if intervals else None, markersize=4)
    if not intervals:
        return
    for i, height in enumerate(at):
        if found["censored"].values[i] in ("unknown", "no_data"):
            continue
        left, right = max(low[i], least), min(high[i], most)
        for colour, width in ((CASING, 3.5), (INK, 1.5)):
            ax.plot([left, right], [height, height], color=colour, linewidth=width, zorder=4 if colour == CASING else 5)
        for end, is_open, marker in ((least, not np.isfinite(low[i]), "<"), (most, not np.isfinite(high[i]), ">")):
            if is_open:
                ax.plot(end, height, marker, color=INK, markeredgecolor=CASING, markersize=7, zorder=6, clip_on=False)
