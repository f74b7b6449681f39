"""Figures as a paper prints them: labelled axes with units, colours that colour-blind eyes tell apart, intervals shown.

    phasegrid.save(phasegrid.figure2("out/"), "figure2")       # figure2.pdf and figure2.png
"""
from __future__ import annotations

import os
import pathlib
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from . import reading
from .analysis import Source, scaling, transition
from .contours import contours
from .decays import decay
from .picture import COLOURS, LABELS, STYLES, accuracy_label

# Okabe and Ito's colours without yellow, which is too light for lines; markers differ as well.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
DECAY_LABELS = {
    "a": r"decay factor $e^{\Delta A}$",
    "log10_one_minus_a": r"$\log_{10}(1 - e^{\Delta A})$",
    "log10_a": r"$\log_{10} e^{\Delta A}$",
}


def save(figure: Figure, name: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Writes name.pdf (vectors, text as text) and name.png (300 dots per inch)."""
    base = pathlib.Path(name)
    base.parent.mkdir(parents=True, exist_ok=True)
    import matplotlib

    with matplotlib.rc_context({"pdf.fonttype": 42}):
        paths = [base.with_name(base.name + suffix) for suffix in (".pdf", ".png")]
        for path in paths:
            figure.savefig(path, dpi=300)
    return paths


def _opened(source: Source) -> xr.Dataset:
    return source if isinstance(source, xr.Dataset) else reading.open(source)


def figure2(source: Source, x: str = "d", y: str = "kappa", levels: tuple[float, ...] = (0.9,), **select: Any) -> Figure:
    """Accuracy over x and y for each variant (and any further axis), with transitions and the theorems' lines."""
    ds = _opened(source)
    panels = reading.selections(ds, (x, y), select)
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    width, foot = max(4.8, 3.4 * columns + 0.9), 0.65
    figure = Figure(figsize=(width, 3.1 * rows + foot), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3.1 * rows, foot])
    axes = above.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for ax, fixed in zip(axes.flat, panels):
        contours(ds, x, y, ax=ax, levels=levels, colourbar=False, **fixed)
        ax.label_outer()
    seen: dict[str, Any] = {}
    for ax in axes.flat:
        if ax.get_legend():
            seen.update((text, handle) for handle, text in zip(*ax.get_legend_handles_labels()))
            ax.get_legend().remove()
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    mappable = ScalarMappable(Normalize(0, 1), COLOURS)
    above.colorbar(mappable, ax=axes, label=accuracy_label(ds), shrink=0.9)
    below.legend(list(seen.values()), list(seen), loc="center", ncol=max(1, int(width / 2.2)), fontsize="small", frameon=False)
    return figure


def _groups(found: xr.Dataset, along: str) -> list[tuple[str, xr.Dataset]]:
    """One dataset over `along` for each choice of the other dimensions, with its name."""
    others = [dim for dim in found.x.dims if dim != along]
    if not others:
        return [("", found)]
    stacked = found.stack(choice=others)
    groups = []
    for i in range(stacked.sizes["choice"]):
        one = stacked.isel(choice=i)
        label = ", ".join(str(one[dim].item()) if dim == "variant" else f"{dim} = {one[dim].item()}" for dim in others)
        groups.append((label, one))
    return groups


def figure_scaling(source: Source, along: str = "kappa", level: float | None = None, **select: Any) -> Figure:
    """Transitions against kappa with their intervals, the construction's line, the fitted law, and the gap between."""
    found = transition(source, level, **select)
    name = found.attrs["axis"]
    groups = _groups(found, along)
    foot = 0.3 + 0.2 * len(groups)
    figure = Figure(figsize=(7.2, 3.1 + foot), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[3.1, foot])
    left, right = above.subplots(1, 2)
    spread = 1 + 0.02 * (np.arange(len(groups)) - (len(groups) - 1) / 2)
    for number, (label, one) in enumerate(groups):
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        at = one[along].values * spread[number]
        _points(left, at, one.x.values, one.low.values, one.high.values, colour, marker, label or f"trained, accuracy {found.attrs['level']:g}")
        if one.construction.notnull().any():
            left.plot(one[along], one.construction, STYLES["exact"], color=colour, linewidth=1,
                      label=f"{label}: construction" if label else "construction")
            _points(right, at, one.gap.values, one.gap_low.values, one.gap_high.values, colour, marker, label)
    _fitted(left, source, found, along, [label for label, _ in groups])
    right.plot([found[along].values.min() / 2, found[along].values.max() * 2], [1, 1], color="0.4", linewidth=1)
    right.annotate("construction", (0.98, 1), xycoords=("axes fraction", "data"), ha="right", va="bottom", fontsize="small", color="0.3")
    for ax, text in ((left, f"transition {name}*" + (" (channels)" if name == "d" else "")), (right, f"{name}* / construction's {name}")):
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)
        ax.set(xlabel=LABELS.get(along, along), ylabel=text)
        at = found[along].values
        ax.set_xlim(at.min() / 1.25, at.max() * 1.25)  # also where nothing is known
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
    below.legend(*left.get_legend_handles_labels(), loc="center", ncol=3, fontsize="small", frameon=False)
    return figure


def _points(ax: Any, at: np.ndarray, middle: np.ndarray, low: np.ndarray, high: np.ndarray, colour: str, marker: str, label: str) -> None:
    """Estimates with intervals; an arrow where one is open, no point where there is no estimate."""
    known = np.isfinite(middle)
    ax.plot(at[known], middle[known], marker, color=colour, markersize=5, label=label or None)
    for x, m, a, b in zip(at, middle, low, high):
        if (a <= 0 or np.isnan(a)) and not np.isfinite(b):
            continue
        if a > 0 and np.isfinite(b):
            ax.plot([x, x], [a, b], color=colour, linewidth=1.2)
            continue
        start, factor = (a, 2**0.6) if np.isinf(b) else (b, 2**-0.6)
        end = start * factor
        if np.isfinite(m):
            end = max(end, m * 2**0.3) if np.isinf(b) else min(end, m * 2**-0.3)
        ax.plot([x, x], [start, end], color=colour, linewidth=1.2, marker="^" if np.isinf(b) else "v", markevery=[1], markersize=5)


def _fitted(ax: Any, source: Source, found: xr.Dataset, along: str, labels: list[str]) -> None:
    """The law with the least AIC of those that kappa (and one nu) determines, for each group that is one line."""
    laws = scaling(source)
    if "law" not in laws.sizes or along != "kappa" or laws.sizes["group"] != len(labels):
        return
    nu = _opened(source).coords.get("nu")
    kappa = np.geomspace(found[along].values.min(), found[along].values.max(), 50)
    for number in range(laws.sizes["group"]):
        one = laws.isel(group=number)
        curves = {}
        for law in one["law"].values:
            fit = {str(name): float(value) for name, value in zip(one["parameter"].values, one.coefficient.sel(law=law))}
            curves[law] = _law(str(law), fit, kappa, float(nu) if nu is not None and nu.ndim == 0 else np.nan)
        known = [law for law, curve in curves.items() if curve is not None]
        if not known:
            continue
        best = min(known, key=lambda law: float(one.aic.sel(law=law)))
        text = str(one.formula.sel(law=best).item()).replace("kappa", "κ").replace("nu", "ν")
        ax.plot(kappa, curves[best], "--", color=PALETTE[number % len(PALETTE)], linewidth=1,
                label=(f"{labels[number]}: " if labels[number] else "fit: ") + text)


def _law(law: str, fit: dict[str, float], kappa: np.ndarray, nu: float) -> np.ndarray | None:
    """A law's curve over kappa, or None where it needs more than kappa and nu."""
    a, b, c, p = (fit.get(name, np.nan) for name in "abcp")
    curve = {"affine": a * kappa + (0 if np.isnan(b) else b * np.log2(nu)) + c, "product": a * kappa * np.log2(nu),
             "power": a * kappa**p}.get(law)
    return curve if curve is not None and np.isfinite(curve).all() else None


def figure_region(source: Source) -> Figure:
    """The joint 95 % region of two coefficients of the affine law that trade off, for each group."""
    laws = scaling(source)
    if "region_x" not in laws:
        raise ValueError("no joint region: the affine law was not fitted, or the data do not bound it")
    figure = Figure(figsize=(3.6, 3.3), layout="constrained")
    ax = figure.subplots()
    for number in range(laws.sizes["group"]):
        one = laws.isel(group=number)
        if not np.isfinite(one.region_x).any():
            continue
        first, second = str(one.region_of.item()).split()
        colour = PALETTE[number % len(PALETTE)]
        ax.plot(one.region_x, one.region_y, color=colour, linewidth=1.5, label=str(one.group.item()) or "95 % region")
        estimate = one.coefficient.sel(law="affine")
        ax.plot(estimate.sel(parameter=first), estimate.sel(parameter=second), MARKERS[number % len(MARKERS)], color=colour)
        meaning = {"a": "a (per key)", "b": "b (per bit of a value)", "c": "c (channels)"}
        ax.set(xlabel=meaning[first], ylabel=meaning[second])
    ax.set_title(str(laws.formula.sel(law="affine").values[0]), fontsize="medium")
    ax.legend(fontsize="small")
    return figure


def figure1(source: Source, along: str = "T", scale: str = "a", weighted: bool = True, **select: Any) -> Figure:
    """How strongly states decay in one step, by what the position is: a panel for each role, a line for each T."""
    shares = decay(source, scale, weighted, **select).squeeze()
    roles = [str(role) for role in shares["role"].values] if "role" in shares.dims else [""]
    others = [dim for dim in shares.dims if dim not in ("role", scale, along)]
    if others:
        raise ValueError(f"{', '.join(map(str, others))}: several values; fix one of each, as in {others[0]}={shares[others[0]].values[0]!r}")
    roles = [role for role in roles if not role or shares.sel(role=role).notnull().any()]
    figure = Figure(figsize=(2.9 * len(roles) + 0.4, 2.9), layout="constrained")
    axes = list(figure.subplots(1, len(roles), squeeze=False, sharey=True).flat)
    for ax, role in zip(axes, roles):
        panel = shares.sel(role=role) if role else shares
        values = panel[along].values if along in panel.dims else [None]
        for number, value in enumerate(values):
            line = panel if value is None else panel.sel({along: value})
            ax.step(line[scale], line, where="mid", color=PALETTE[number % len(PALETTE)], linewidth=1.3,
                    label=None if value is None else f"{along} = {value}")
        ax.set(title=role, xlabel=DECAY_LABELS[scale])
        ax.set_yscale("log")
        ax.set_ylim(1e-4, 1.5)
    axes[0].set_ylabel("share, weighted by read-out" if weighted else "share of states and steps")
    if along in shares.dims:
        axes[0].legend(fontsize="small")
    return figure


def figure_dynamics(source: Source, row: str = "kappa", line: str = "d", **select: Any) -> Figure:
    """Validation accuracy while training: a panel for each kappa, a colour for each d, a thin line for each seed."""
    curves = reading.open(reading.path_of(source), group="curves").accuracy.sel(select).squeeze()
    others = [dim for dim in curves.dims if dim not in (row, line, "seed", "step")]
    if others:
        raise ValueError(f"{', '.join(map(str, others))}: several values; fix one of each, as in {others[0]}={curves[others[0]].values[0]!r}")
    rows = curves[row].values if row in curves.dims else [None]
    lines = curves[line].values if line in curves.dims else [None]
    figure = Figure(figsize=(2.9 * len(rows) + 1.2, 2.9), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[2.9 * len(rows), 1.2])
    from matplotlib import colormaps

    shades = colormaps[COLOURS](np.linspace(0, 0.92, len(lines)))
    for ax, at in zip(left.subplots(1, len(rows), squeeze=False, sharey=True).flat, rows):
        panel = curves if at is None else curves.sel({row: at})
        for shade, value in zip(shades, lines):
            one = panel if value is None else panel.sel({line: value})
            for number, seed in enumerate(one["seed"].values if "seed" in one.dims else [None]):
                curve = (one if seed is None else one.sel(seed=seed)).dropna("step")
                ax.plot(curve["step"], curve, color=shade, linewidth=0.9, label=f"{line} = {value}" if number == 0 else None)
        ax.set(xlabel="training step", title="" if at is None else f"{row} = {at}", ylim=(-0.02, 1.02))
    left.axes[0].set_ylabel("validation accuracy (fraction)")
    right.legend(*left.axes[0].get_legend_handles_labels(), loc="center", fontsize="small", frameon=False)
    return figure
