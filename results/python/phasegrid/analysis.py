"""What `phasegrid analyze` has stored in a results file: transitions, scaling laws, verdicts."""
from __future__ import annotations

import os
import warnings
from typing import Any, Union

import numpy as np
import xarray as xr

from . import reading

Source = Union[str, "os.PathLike[str]", xr.Dataset]


def analysis(source: Source) -> xr.Dataset:
    """The group /analysis: of a run folder, a results file, or a dataset that phasegrid.open gave.

    Warns where results came in after it was made.
    """
    path = reading.path_of(source)
    try:
        stored = reading.open(path, group="analysis")
    except (KeyError, OSError) as error:
        raise ValueError(f"{path}: holds no analysis; run `phasegrid analyze {path}` first") from error
    ended = reading.open(path, group="trials").sizes["trial"]
    if ended != stored.attrs["results"]:
        warnings.warn(
            f"{path}: the analysis is of {stored.attrs['results']} results, the file holds {ended}; "
            f"run `phasegrid analyze` again",
            stacklevel=3,
        )
    return stored


def transition(source: Source, level: float | None = None, **select: Any) -> xr.Dataset:
    """Where success sets in along the searched axis (`attrs["axis"]`), for each column of the sweep.

    `x` is the estimate, NaN where it lies beyond the tested values; `low` and `high` are its interval, 0 and infinity
    where the tested values do not bound it; `slope` is the width of the step in octaves; `censored` is "no", "below",
    "above", "unknown" or "no_data". `level` defaults to the one the analysis was made for; `select` fixes columns.
    """
    stored = analysis(source)
    level = stored.attrs["level"] if level is None else level
    levels = stored["level"].values
    if not np.any(np.isclose(levels, level)):
        known = ", ".join(f"{value:g}" for value in levels)
        raise ValueError(f"level {level}: not analyzed, only {known}; run `phasegrid analyze --level {level}`")
    words = np.array(stored["censored"].attrs["flag_meanings"].split(), dtype=object)
    names = {"transition": "x", "transition_low": "low", "transition_high": "high", "slope": "slope"}
    found = stored[list(names)].rename(names)
    found["censored"] = stored["censored"].copy(data=words[stored["censored"].values])
    for name in ("bootstrap_low", "bootstrap_high", "construction", "gap", "gap_low", "gap_high"):
        found[name] = stored[name]
    found = found.sel(level=level, method="nearest").sel(select)
    found.attrs = {**stored.attrs, "level": level}
    return found


LAWS = ["formula", "aic", "log_likelihood", "law_slope", "best_law", "coefficient", "coefficient_low", "coefficient_high"]


def scaling(source: Source) -> xr.Dataset:
    """The scaling laws fitted to each group of columns.

    `coefficient`, `coefficient_low`, `coefficient_high` over (group, law, parameter), `aic` and `formula` over
    (group, law), `best_law` over group; `p_value` over (group, law, test); `region_x`, `region_y`: the outline of the
    joint 95 % region of the two coefficients that `region_of` names. Empty where no law could be fitted.
    """
    stored = analysis(source)
    if "law" not in stored.sizes:
        return xr.Dataset(attrs=stored.attrs)
    tests = ["likelihood_ratio", "freedom", "p_value"]
    regions = ["region_of", "region_x", "region_y", "region_correlation"]
    return stored[LAWS + [name for name in tests + regions if name in stored]]


def verdicts(source: Source) -> list[str]:
    """The sentences of the analysis, each with what it is about."""
    stored = analysis(source)
    lines = []
    for i in range(stored.sizes.get("verdict", 0)):
        group, theorem, sentence = (str(stored[f"verdict_{part}"].values[i]) for part in ("group", "theorem", "sentence"))
        lines.append(f"{group + ', ' if group else ''}{theorem}: {sentence}")
    return lines


def compare(first: Source, second: Source | None = None, axis: str = "variant", level: float | None = None) -> xr.Dataset:
    """Ratios of transitions: of two sweeps on the columns that both have, or along an axis of one, to its first label.

    `ratio` is second over first (or each label over the first label) with `low` and `high`; the two intervals are
    combined as independent errors of log2 x. NaN where one of the two is not known, 0 and infinity at open ends.
    """
    one = transition(first, level)
    if second is not None:
        a, b = xr.align(one[["x", "low", "high"]], transition(second, level)[["x", "low", "high"]], join="inner")
    else:
        if axis not in one.dims:
            raise ValueError(f"{axis}: no axis of the columns, which have {', '.join(map(str, one.dims))}")
        a = one[["x", "low", "high"]].isel({axis: 0}, drop=True)
        b = one[["x", "low", "high"]]
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.log2(b.x / a.x)
        down = np.hypot(np.log2(b.x / b.low), np.log2(a.high / a.x))
        up = np.hypot(np.log2(b.high / b.x), np.log2(a.x / a.low))
        found = xr.Dataset({"ratio": 2**middle, "low": 2 ** (middle - down), "high": 2 ** (middle + up)})
    if second is None:
        found = found.where(found[axis] != one[axis][0], 1.0)  # the first label against itself
    found.attrs = {**one.attrs, "level": one.attrs["level"]}
    return found
