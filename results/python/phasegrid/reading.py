"""Opens results files, and takes from them what pictures and tables show."""
from __future__ import annotations

import importlib.util
import os
import pathlib
from typing import Any

import numpy as np
import xarray as xr


def open(path: str | os.PathLike[str], group: str | None = None) -> xr.Dataset:
    """The results of a run folder, or of a results file, in memory.

    `status` comes as words ("done", "pending", ...); settings that the sweep does not vary are scalar coordinates.
    `group` is None for the cube over the axes, or one of "trials", "curves", "diagnostics", "analysis".
    """
    file = pathlib.Path(path)
    if file.is_dir():
        if not (file / "results.h5").exists():
            raise FileNotFoundError(f"{file}: holds no results.h5; is it a run folder, and has the sweep begun?")
        file = file / "results.h5"
    if not file.exists():
        raise FileNotFoundError(f"{file}: does not exist")
    engine = "h5netcdf" if importlib.util.find_spec("h5netcdf") else "netcdf4"
    ds = xr.load_dataset(file, engine=engine, group=group)
    if "status" in ds:
        words = np.array(ds.status.attrs["flag_meanings"].split(), dtype=object)
        ds["status"] = ds.status.copy(data=words[ds.status.values])
    ds.encoding["source"] = str(file)
    return ds


def path_of(source: str | os.PathLike[str] | xr.Dataset) -> pathlib.Path:
    """The file or folder of a path, or of a dataset that `open` gave."""
    if not isinstance(source, xr.Dataset):
        return pathlib.Path(source)
    if "source" not in source.encoding:
        raise ValueError("this dataset does not know its file; give the path of the run folder or of the results file")
    return pathlib.Path(source.encoding["source"])


def mean_accuracy(ds: xr.Dataset, *dims: str, **select: Any) -> xr.DataArray:
    """Test accuracy over the given dimensions, averaged over the seeds that have one; NaN where none has.

    Where the sweep keeps the best of several values (reduce = "max"), it is the accuracy at the best one. `select`
    fixes other dimensions (variant="mamba"); one with a single value needs no fixing.
    """
    accuracy = ds["accuracy_best"] if "accuracy_best" in ds else ds["accuracy"]
    accuracy = accuracy.sel(select)
    for dim in dims:
        if dim not in accuracy.dims:
            raise ValueError(f"{dim}: not an axis of this sweep, which has {', '.join(map(str, accuracy.dims))}")
    if "seed" in accuracy.dims and "seed" not in dims:
        accuracy = accuracy.mean("seed", keep_attrs=True)
    for dim in [dim for dim in accuracy.dims if dim not in dims]:
        if accuracy.sizes[dim] > 1:
            values = ", ".join(map(str, ds[dim].values)) if dim in ds.coords else str(ds.sizes[dim])
            raise ValueError(f"{dim}: has several values ({values}); choose one, as in {dim}={ds[dim].values[0]!r}")
        accuracy = accuracy.isel({dim: 0})
    return accuracy.transpose(*dims)


def selections(ds: xr.Dataset, shown: tuple[str, ...], select: dict[str, Any]) -> list[dict[str, Any]]:
    """`select`, completed by every combination of the axes with several values that are neither shown nor averaged."""
    accuracy = ds["accuracy_best"] if "accuracy_best" in ds else ds["accuracy"]
    found = [dict(select)]
    for dim in accuracy.dims:
        if dim not in (*shown, "seed", *select) and accuracy.sizes[dim] > 1:
            found = [{**fixed, str(dim): value} for fixed in found for value in ds[dim].values.tolist()]
    return found


def theory(ds: xr.Dataset, quantity: str, **select: Any) -> dict[str, xr.DataArray]:
    """The thresholds for a quantity ("d", "N") that hold at some selected cell, by variable name."""
    lines = {}
    for name, line in ds.data_vars.items():
        if not str(name).startswith("theory_") or line.attrs.get("quantity") != quantity:
            continue
        line = line.sel({dim: value for dim, value in select.items() if dim in line.dims})
        if line.notnull().any():
            lines[str(name)] = line
    return lines
