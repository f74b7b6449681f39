"""Decay factors of trained models, from the histograms in /diagnostics ([diagnostics] decay = true)."""
from __future__ import annotations

from typing import Any

import xarray as xr

from . import reading
from .analysis import Source

SCALES = {"a": "decay", "log10_one_minus_a": "decay_near_one", "log10_a": "decay_near_zero"}


def decay(source: Source, scale: str = "a", weighted: bool = False, layer: int = 0, **select: Any) -> xr.DataArray:
    """The share of decay factors a = exp(delta A) in each bin, over the sweep's axes, `role` and the bins.

    `scale` is what the bins divide evenly: "a", "log10_one_minus_a" (what is kept), "log10_a" (what is forgotten).
    `weighted` counts each state by how much of it is read, so that unused channels do not hide the others. Every
    training counts alike: shares are averaged over the seeds; NaN where no training was looked into.
    """
    if scale not in SCALES:
        raise ValueError(f"scale {scale!r}: expected one of {', '.join(SCALES)}")
    path = reading.path_of(source)
    stored = reading.open(path, group="diagnostics")
    name = SCALES[scale] + ("_read" if weighted else "")
    if name not in stored or scale not in stored[name].dims:
        raise ValueError(f"{path}: holds no {name}; put `decay = true` into the sweep's [diagnostics] section")
    counts = stored[name].sel(select)
    if "layer" in counts.dims:
        counts = counts.isel(layer=layer)
    total = counts.sum(scale, min_count=1)
    shares = counts / total.where(total > 0)
    if "seed" in shares.dims:
        shares = shares.mean("seed")
    shares.attrs = {"long_name": "share of decay factors", "units": "1", "scale": scale}
    return shares
