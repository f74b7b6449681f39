"""Reads and draws the results of phasegrid sweeps.

    import phasegrid
    ds = phasegrid.open("out/")                      # a run folder, or its results.h5; also while the sweep runs
    ds.accuracy.sel(variant="mamba2", d=32)          # an xarray.Dataset, labelled by the axes of the sweep
    phasegrid.heatmap(ds, x="d", y="kappa")          # accuracy, with the theorems' lines
    print(phasegrid.table(ds, rows="kappa", columns="d"))

After `phasegrid analyze out/`:

    phasegrid.transition(ds)                         # where success sets in, with intervals
    phasegrid.scaling(ds)                            # laws of kappa, nu, T fitted to it
    phasegrid.save(phasegrid.figure2(ds), "figure2") # figure2.pdf and figure2.png

Needs numpy, xarray, matplotlib, and h5netcdf or netCDF4.
"""
from .analysis import analysis, compare, scaling, transition, verdicts
from .contours import contours
from .decays import decay
from .figures import figure1, figure2, figure_dynamics, figure_region, figure_scaling, save
from .picture import heatmap, picture
from .reading import mean_accuracy, open, theory
from .tables import table

__all__ = [
    "analysis",
    "compare",
    "contours",
    "decay",
    "figure1",
    "figure2",
    "figure_dynamics",
    "figure_region",
    "figure_scaling",
    "heatmap",
    "mean_accuracy",
    "open",
    "picture",
    "save",
    "scaling",
    "table",
    "theory",
    "transition",
    "verdicts",
]
