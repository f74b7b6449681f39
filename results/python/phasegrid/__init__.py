"""Reads and draws the results of phasegrid sweeps.

    import phasegrid
    ds = phasegrid.open("out/")                      # a run folder, or its results.h5; also while the sweep runs
    ds.accuracy.sel(variant="mamba2", d=32)          # an xarray.Dataset, labelled by the axes of the sweep
    phasegrid.heatmap(ds, x="d", y="kappa")          # accuracy, with the theorems' lines
    print(phasegrid.table(ds, rows="kappa", columns="d"))

Needs numpy, xarray, matplotlib, and h5netcdf or netCDF4.
"""
from .picture import heatmap, picture
from .reading import mean_accuracy, open, theory
from .tables import table

__all__ = ["heatmap", "mean_accuracy", "open", "picture", "table", "theory"]
