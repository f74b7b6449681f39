"""A sweep with [diagnostics], run from the command line: what a notebook finds in /diagnostics of its results file."""
import os
import subprocess

import numpy as np
import pytest
import xarray as xr

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")
SWEEP = """
[sweep]
name = "watched"
seeds = 2
[task]
name = "mqar"
kappa = 3
T = 16
pairs = 2
[axes]
variant = ["mamba", "s4d"]
layers = [1, 2]
[model]
d = 6
N = 4
residual = true
[train]
steps = 30
batch = 8
[eval]
eval_examples = 50
[diagnostics]
decay = true
decay_channels = true
sensitivity = true
gradients = true
eigenvalues = true
state = true
diagnostics_examples = 6
"""
AXES = ("variant", "layers", "seed")


def run(sweep, folder, *options):
    (folder / "sweep.toml").write_text(sweep)
    command = [BINARY, "run", "sweep.toml", "-o", "out", *(options or ("--slots", "1"))]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    done = run(SWEEP, folder)
    assert done.returncode == 0, done.stderr
    return folder / "out" / "results.h5"


@pytest.fixture(params=["h5netcdf", "netcdf4"])
def ds(results, request):
    with xr.open_dataset(results, engine=request.param, group="diagnostics") as ds:
        yield ds.load()


def test_every_array_says_what_it_is(ds):
    for name, array in ds.data_vars.items():
        assert array.dims[: len(AXES)] == AXES and array.attrs["long_name"] and array.attrs["units"], name
        for dim in array.dims:
            assert dim in ds.indexes and ds[dim].attrs["long_name"], f"{dim} of {name} has labels that say what they are"


def test_histograms_of_decay_are_split_by_role(ds):
    decay = ds.decay
    assert decay.dims == (*AXES, "layer", "role", "a")
    assert set(ds.role.values) == {"key", "value", "query", "filler"}
    states = xr.where(ds.variant == "s4d", 2, 4)             # N/2 stored modes, or N states, of 6 channels
    positions = {"key": 2, "value": 2, "query": 2, "filler": 10}
    for name in ("decay", "decay_near_one", "decay_near_zero"):
        for role, count in positions.items():
            total = ds[name].sel(role=role, layer=0).sum(ds[name].dims[-1])
            assert (total == 6 * 6 * count * states).all(), f"6 examples of {count} tokens each, counted in {name}"
        channels = ds[name + "_channel"].sel(layer=0).sum("channel")
        assert np.array_equal(channels.transpose(*ds[name].sel(layer=0).dims), ds[name].sel(layer=0))
        assert (ds[name + "_read"].sel(layer=0).sum("role") >= 0).all()
    assert decay.sel(layer=1, layers=1).isnull().all() and decay.sel(layer=1, layers=2).notnull().all()
    s4d = decay.sel(variant="s4d", layer=0, layers=1).sum("role", skipna=True)
    assert ((s4d > 0).sum("a") <= 12).all(), "one factor for each mode, whatever the token"


def test_sensitivity_lies_over_the_distance(ds):
    assert ds.sensitivity.dims == (*AXES, "layer", "distance") and ds.distance.values.tolist() == list(range(16))
    assert (ds.sensitivity.sel(layer=0) > 0).all()
    assert np.allclose(ds.influence.sel(layer=0).sum("distance"), 1)


def test_eigenvalues_and_token_norms_by_depth(ds):
    one = ds.sel(variant="mamba", layer=0)
    assert (one.eigenvalues.diff("eigenvalue") <= 0).all() and one.eigenvalues.sizes["eigenvalue"] == 4
    assert ((one.eigenvalues > 0).mean("eigenvalue") == one.eigenvalues_positive).all()
    assert np.array_equal(one.convergent == 1, one.eigenvalues_positive == 0)
    assert ds.convergent.sel(variant="s4d").isnull().all(), "S4D has no W_B, W_C"
    norm = ds.token_norm
    assert norm.dims == (*AXES, "depth", "position") and (norm.sel(layers=2) > 0).all()
    assert norm.sel(layers=1, depth=2).isnull().all()


def test_columns_of_the_state_are_labelled_by_key(ds):
    one = ds.sel(variant="mamba", layers=1, layer=0, seed=0)
    assert one.state_matrix.dims == ("example", "channel", "state") and one.state_matrix.shape == (4, 6, 4)
    for example in range(4):
        keys = one.query_token.sel(example=example).values
        assert set(keys) <= {1, 2, 3} and len(set(keys)) == 2
        assert set(one.query_label.sel(example=example).values) <= {4, 5, 6}
        assert set(one.state_token.sel(example=example).values) <= set(keys)
        most = one.query_read.sel(example=example).argmax("query")
        assert np.array_equal(one.state_token.sel(example=example), keys[most.values])


def test_gradients_are_those_of_the_step_size(ds):
    assert (ds.gradient_ratio_w.sel(variant="mamba", layer=0) > 0).all()
    assert ds.gradient_ratio_w.sel(variant="s4d").isnull().all()
    values = ds.output_singular_values.sel(layer=0)
    assert (values.sel(rank=0) == 1).all() and (values.diff("rank") <= 0).all()


def test_attention_has_norms_but_no_state(tmp_path):
    done = run(SWEEP.replace('"mamba", "s4d"', '"attention"').replace("N = 4\n", ""), tmp_path)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(tmp_path / "out" / "results.h5", engine="h5netcdf", group="diagnostics") as ds:
        assert set(ds.data_vars) == {"token_norm"}


def test_an_unknown_diagnostic_is_an_error_with_its_place(tmp_path):
    done = run(SWEEP.replace("decay = true", "decays = true"), tmp_path)
    line = SWEEP.splitlines().index("decay = true") + 1
    assert done.returncode == 2
    assert f"sweep.toml:{line}:1: diagnostics.decays: unknown key" in done.stderr and "decay" in done.stderr


def test_other_workers_and_the_journal_alone_give_the_same_file(results, tmp_path):
    done = run(SWEEP, tmp_path, "--slots", "2", "--pack", "3")
    assert done.returncode == 0, done.stderr
    other = tmp_path / "out" / "results.h5"
    with xr.open_dataset(results, engine="h5netcdf", group="diagnostics") as a:
        with xr.open_dataset(other, engine="h5netcdf", group="diagnostics") as b:
            assert a.identical(b)
        other.unlink()
        assert run(SWEEP, tmp_path).returncode == 0
        with xr.open_dataset(other, engine="h5netcdf", group="diagnostics") as b:
            assert a.identical(b), "made again from the journal and its bulk"
