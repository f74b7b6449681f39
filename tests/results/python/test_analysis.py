"""The reader's side of `phasegrid analyze`: transitions, laws, comparisons and figures, on files written by the program."""
import os
import subprocess

import matplotlib.pyplot as plt
import numpy as np
import phasegrid
import pytest
import xarray as xr

SWEEP = """\
[sweep]
name = "steps"
seeds = 3
[task]
name = "mqar"
nu = 8
T = 64
[axes]
variant = ["mamba", "mamba2"]
d = [2, 4, 8, 16, 32]
kappa = [2, 4, 8]
N = ["kappa"]
"""
CELLS = 2 * 5 * 3 * 3


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def analyzed(folder):
    done = subprocess.run([os.environ["PHASEGRID_BINARY"], "analyze", folder], capture_output=True, text=True)
    assert done.returncode == 0 and "stored in /analysis" in done.stdout, done.stdout + done.stderr
    return folder


@pytest.fixture
def folder(runs):
    return analyzed(runs(SWEEP, CELLS, kind="steps"))


@pytest.fixture
def with_decay(folder):
    """/diagnostics as cells with `decay = true` write it: counts over the axes, layer, role and the bins' middles."""
    ds = phasegrid.open(folder)
    middles = (np.arange(64) + 0.5) / 64
    shape = (2, 5, 3, 3, 1, 3, 64)
    counts = np.zeros(shape)
    counts[..., 0, 3] = 30.0   # keys: 3/4 of the states near 0.05, 1/4 near 0.95
    counts[..., 0, 60] = 10.0
    counts[..., 1, 60] = 5.0   # values: all near 0.95
    counts[..., 2, :] = np.nan
    dims = ("variant", "d", "kappa", "seed", "layer", "role", "a")
    stored = xr.Dataset(
        {"decay": (dims, counts), "decay_read": (dims, counts[..., ::-1])},
        {"a": middles, "role": ["key", "value", "filler"], **{name: ds[name].values for name in dims[:4]}},
    )
    stored.to_netcdf(folder / "results.h5", mode="a", group="diagnostics_new", engine="h5netcdf")
    import h5py

    with h5py.File(folder / "results.h5", "a") as file:
        del file["diagnostics"]
        file.move("diagnostics_new", "diagnostics")
    return folder


def test_transitions_come_with_their_intervals(folder):
    found = phasegrid.transition(folder)
    assert found.attrs["axis"] == "d" and found.attrs["level"] == 0.9
    assert found.x.dims == ("variant", "kappa")
    assert ((found.low < found.x) & (found.x < found.high)).all() and (found.censored == "no").all()
    needed = found.kappa + 3
    assert (abs(np.log2(found.x / needed)) < 0.6).all()
    assert np.allclose(found.construction.sel(variant="mamba"), needed) and np.allclose(found.gap, found.x / found.construction)
    assert phasegrid.transition(phasegrid.open(folder), 0.5, variant="mamba").x.equals(phasegrid.transition(folder, 0.5).x.sel(variant="mamba"))
    with pytest.raises(ValueError, match="only 0.5, 0.9, 0.99"):
        phasegrid.transition(folder, 0.8)


def test_laws_and_verdicts_are_read(folder):
    laws = phasegrid.scaling(folder)
    assert laws["group"].values.tolist() == ["variant=mamba", "variant=mamba2"]
    assert {"affine", "product", "power", "exact", "constant"} <= set(laws["law"].values.tolist())
    a = laws.sel(law="affine", parameter="a")
    assert (a.coefficient_low < 1).all() and (a.coefficient_high > 1).all()
    assert any("theory 3.7" in line or "counting bound" in line for line in phasegrid.verdicts(folder))


def test_an_analysis_that_is_missing_or_old_is_said(runs, folder):
    fresh = runs(SWEEP, CELLS, name="fresh", kind="steps")
    with pytest.raises(ValueError, match="run `phasegrid analyze"):
        phasegrid.transition(fresh)
    with pytest.raises(ValueError, match="does not know its file"):
        phasegrid.transition(xr.Dataset())
    import h5py

    with h5py.File(folder / "results.h5", "a") as file:
        file["analysis"].attrs["results"] = np.int64(CELLS - 5)
    with pytest.warns(UserWarning, match=f"of {CELLS - 5} results, the file holds {CELLS}"):
        phasegrid.transition(folder)


def test_rebuilding_the_file_keeps_the_analysis(runs):
    """The second life of the run finds nothing to do and writes the file anew."""
    out = analyzed(runs(SWEEP, CELLS, kind="steps"))
    before = phasegrid.analysis(out)
    runs(SWEEP, CELLS, kind="steps")
    after = phasegrid.analysis(out)
    xr.testing.assert_identical(before, after)
    for engine in ("h5netcdf", "netcdf4"):
        with xr.open_dataset(out / "results.h5", engine=engine, group="analysis") as ds:
            assert ds.transition.dims == ("variant", "kappa", "level")


def test_sweeps_and_variants_are_compared(runs, folder):
    same = phasegrid.compare(folder, axis="variant")
    assert (same.ratio.sel(variant="mamba") == 1).all() and (same.low.sel(variant="mamba2") < same.ratio.sel(variant="mamba2")).all()
    wide = analyzed(runs(SWEEP.replace("nu = 8", "nu = 1024"), CELLS, name="wide", kind="steps"))
    ratio = phasegrid.compare(folder, wide).sel(kappa=2)
    assert (ratio.ratio > 1.5).all() and (ratio.low < ratio.ratio).all() and (ratio.high > ratio.ratio).all()
    with pytest.raises(ValueError, match="no axis of the columns"):
        phasegrid.compare(folder, axis="nu")


def test_contours_show_each_row_as_it_was_fitted(folder):
    ds = phasegrid.open(folder)
    ax = phasegrid.contours(ds, variant="mamba", levels=(0.9, 0.5))
    drawn = {line.get_label(): line for line in ax.lines}
    found = phasegrid.transition(folder, variant="mamba")
    line = drawn["accuracy 0.9 in half of the seeds"]
    assert np.allclose(line.get_xdata(), np.log2(found.x)) and line.get_ydata().tolist() == [1, 2, 3]
    assert "accuracy 0.5 in half of the seeds" in drawn and "theory: exact d" in drawn
    with pytest.raises(ValueError, match="transitions along d"):
        phasegrid.contours(ds, x="kappa", y="d", variant="mamba")


def test_decay_shares_add_up_to_one_for_every_role_that_was_seen(with_decay):
    shares = phasegrid.decay(with_decay)
    assert shares.dims == ("variant", "d", "kappa", "role", "a")
    assert np.allclose(shares.sum("a").sel(role=["key", "value"]), 1) and shares.sel(role="filler").isnull().all()
    assert np.allclose(shares.sel(role="key").isel(a=3), 0.75)
    assert np.allclose(phasegrid.decay(with_decay, weighted=True, variant="mamba").sel(role="value").isel(a=3), 1)
    with pytest.raises(ValueError, match="expected one of a, log10"):
        phasegrid.decay(with_decay, "b")


def test_decay_says_which_setting_records_it(folder):
    with pytest.raises(ValueError, match="decay = true"):
        phasegrid.decay(folder)


def test_figures_are_written_as_vectors_and_as_points(with_decay, tmp_path):
    figures = {
        "figure1": phasegrid.figure1(with_decay, along="kappa", variant="mamba", d=8),
        "figure2": phasegrid.figure2(with_decay, levels=(0.9, 0.5, 0.99)),
        "scaling": phasegrid.figure_scaling(with_decay),
        "region": phasegrid.figure_region(with_decay),
        "dynamics": phasegrid.figure_dynamics(with_decay, variant="mamba"),
    }
    for name, figure in figures.items():
        labels = [ax.get_xlabel() or ax.get_ylabel() for ax in figure.axes]
        assert any(labels), name
        pdf, png = phasegrid.save(figure, tmp_path / name)
        assert pdf.read_bytes()[:5] == b"%PDF-" and png.read_bytes()[1:4] == b"PNG" and png.stat().st_size > 10_000
    panels = [ax for ax in figures["figure2"].axes if ax.get_title()]
    assert [ax.get_title() for ax in panels] == ["mamba", "mamba2"]
    assert "(channels)" in panels[0].get_xlabel()


def test_open_intervals_are_arrows(runs):
    """With widths up to 4 only, nothing solves kappa = 8."""
    out = analyzed(runs(SWEEP.replace("d = [2, 4, 8, 16, 32]", "d = [2, 4]"), 2 * 2 * 3 * 3, kind="steps"))
    found = phasegrid.transition(out, variant="mamba", kappa=8)
    assert found.censored == "above" and np.isinf(found.high) and np.isnan(found.x)
    ax = phasegrid.contours(phasegrid.open(out), variant="mamba")
    assert any(line.get_marker() == ">" for line in ax.lines)
    scaling = phasegrid.figure_scaling(out)
    assert any(line.get_marker() == "^" for line in scaling.axes[0].lines)
    scaling.canvas.draw()  # logarithmic axes without any estimate
