"""Plain text tables of accuracy."""
from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from .reading import mean_accuracy, selections


def table(ds: xr.Dataset, rows: str = "kappa", columns: str = "d", **select: Any) -> str:
    """Mean test accuracy over the seeds, `rows` by `columns`; "-" where nothing is known yet.

    `select` fixes other axes (variant="mamba"); without it there is one table for each of their values.
    """
    for name in (rows, columns):
        if name not in ds.dims:
            raise ValueError(f"{name}: not an axis of this sweep, which has {', '.join(map(str, ds.dims))}")
    parts = []
    for fixed in selections(ds, (rows, columns), select):
        accuracy = mean_accuracy(ds, rows, columns, **fixed)
        title = ", ".join(f"{name} = {value}" for name, value in fixed.items())
        parts.append((title + "\n" if title else "") + _grid(accuracy, rows, columns))
    return "\n\n".join(parts)


def _grid(accuracy: xr.DataArray, rows: str, columns: str) -> str:
    head = [f"{rows} \\ {columns}", *map(str, accuracy[columns].values)]
    lines = [head]
    for value, line in zip(accuracy[rows].values, accuracy.values):
        lines.append([str(value), *("-" if np.isnan(x) else f"{x:.3f}" for x in line)])
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(text.rjust(width) for text, width in zip(line, widths)) for line in lines)
