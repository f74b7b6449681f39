"""results.h5 opened by xarray with both engines, without options, against what was written."""
import numpy as np
import pytest
import xarray as xr
from conftest import CELLS, SWEEP

ENGINES = ["h5netcdf", "netcdf4"]
AXES = ("variant", "d", "gate", "kappa", "seed")
REDUCED = SWEEP.replace("[eval]\nT = [32, 64]\n", 'learning_rate = { values = [0.001, 0.01, 0.1], reduce = "max" }\n')
SMALL = '[sweep]\nname = "x"\nseeds = 2\n[task]\nname = "mqar"\nnu = 8\n[axes]\n'


@pytest.fixture(params=ENGINES)
def reopen(request):
    return lambda folder, **options: xr.open_dataset(folder / "results.h5", engine=request.param, **options)


def cells(ds):
    """The index of each cell, with the shape of the cube."""
    return np.arange(ds.accuracy.size).reshape(ds.accuracy.shape)


def test_axes_are_labelled_dimensions_in_the_order_of_the_grid(runs, reopen):
    ds = reopen(runs())
    assert ds.accuracy.dims == AXES
    assert ds.variant.values.tolist() == ["mamba", "s4d"]
    assert ds.d.values.tolist() == [4, 8] and ds.d.dtype == np.int64
    assert ds.gate.values.tolist() == [True, False] and ds.gate.dtype == bool
    assert ds.seed.values.tolist() == [0, 1, 2]
    for name in AXES:
        assert name in ds.indexes and ds[name].attrs["long_name"]


def test_every_value_comes_back_to_the_bit(runs, reopen):
    ds = reopen(runs())
    cell = cells(ds).astype(float)
    trained = cell != 1
    expected = {
        "accuracy": cell / 97,
        "loss": 1 / (cell + 3),
        "accuracy_final": cell / 101,
        "accuracy_validation": cell / 103,
        "examples": 64 * cell,
        "steps": 100 + cell,
        "best_step": 50 + cell,
        "seconds": 0.25 * cell,
        "parameters": 1000 + cell,
    }
    for name, values in expected.items():
        assert ds[name].dims == AXES and ds[name].dtype == np.float64
        assert np.array_equal(ds[name].values[trained], values[trained]), name
        assert ds[name].attrs["long_name"] and ds[name].attrs["units"]
        assert np.isnan(ds[name].encoding["_FillValue"])
    assert np.isnan(ds.accuracy.values[~trained]).all(), "a cell that diverged has no accuracy"
    assert ds.accuracy.sel(variant="s4d", d=8, gate=False, kappa=4, seed=2) == (CELLS - 1) / 97


def test_status_and_attempts_tell_what_became_of_each_cell(runs, reopen):
    known = 40
    ds = reopen(runs(cells=known))
    meanings = ds.status.attrs["flag_meanings"].split()
    assert ds.status.dtype == np.int8 and ds.status.attrs["flag_values"].tolist() == list(range(8))
    assert meanings == ["pending", "done", "diverged", "out_of_memory", "failed", "timeout", "infeasible", "inferred"]
    status = np.array(meanings)[ds.status.values]
    assert status.flat[1] == "diverged" and status.flat[2] == "done"
    unknown = cells(ds) >= known
    impossible = ((ds.variant == "s4d") & (ds.N % 2 == 1)).broadcast_like(ds.status).transpose(*AXES).values
    assert (unknown & impossible).any() and (unknown & ~impossible).any()
    assert (status[unknown & impossible] == "infeasible").all()
    assert (status[unknown & ~impossible] == "pending").all()
    assert np.isnan(ds.accuracy.values[unknown]).all() and np.isnan(ds.examples.values[unknown]).all()
    assert ds.attempts.values.flat[5] == 2 and ds.attempts.values.flat[4] == 1 and ds.attempts.values.flat[known] == 0


def test_other_settings_are_coordinates_over_the_axes_they_depend_on(runs, reopen):
    ds = reopen(runs())
    assert ds.N.dims == ("kappa",) and ds.N.values.tolist() == [2, 3, 4] and ds.N.attrs["expression"] == "kappa"
    assert ds.vocab.dims == ("kappa",) and ds.vocab.values.tolist() == [11, 12, 13]
    fixed = {"task": "mqar", "nu": 8, "T": 32, "delta_rank": "auto", "s4d_mode": "complex", "learning_rate": 0.001}
    for name, value in fixed.items():
        assert name in ds.coords and ds[name].dims == () and ds[name].item() == value
    assert ds.train_steps == 100, "the setting; ds.steps is how many were done"
    assert ds.accuracy.sel(kappa=3).N == 3


def test_zipped_lists_and_several_expressions_make_one_dimension_each(runs, reopen):
    axes = 'zip = [["d", "T"]]\nd = [4, 8]\nT = [16, 32]\nkappa = [2, 4]\nN = ["kappa", "2*kappa"]\n'
    ds = reopen(runs(SMALL + axes, cells=4))
    assert ds.d_T.values.tolist() == ["d=4 T=16", "d=8 T=32"]
    assert ds.d.dims == ds["T"].dims == ("d_T",) and ds["T"].values.tolist() == [16, 32]
    assert ds.swap_dims(d_T="d").accuracy.sel(d=8).sizes == {"N": 2, "kappa": 2, "seed": 2}
    assert ds.N.values.tolist() == ["kappa", "2*kappa"]
    assert set(ds.N_value.dims) == {"N", "kappa"} and ds.N_value.sel(N="2*kappa", kappa=4) == 8


def test_a_setting_named_like_a_measurement_carries_its_section(runs, reopen):
    ds = reopen(runs(SMALL + "steps = [10, 20]\n", cells=4))
    assert ds.train_steps.values.tolist() == [10, 20] and ds.steps.dims == ("train_steps", "seed")
    assert ds.steps.sel(train_steps=20).values.tolist() == [102, 103]


def test_accuracy_at_other_lengths_has_its_dimension(runs, reopen):
    ds = reopen(runs())
    cell = cells(ds)
    assert ds.accuracy_T.dims == (*AXES, "T_eval") and ds.T_eval.values.tolist() == [32, 64]
    assert np.array_equal(ds.accuracy_T.sel(T_eval=32).values[cell != 1], cell[cell != 1] / 7)
    assert np.isnan(ds.accuracy_T.sel(T_eval=64)).all()
    assert np.array_equal(ds.loss_T.sel(T_eval=64).values[cell != 1], cell[cell != 1] / 13)


def test_the_best_rate_is_chosen_by_validation_over_all_seeds(runs, reopen):
    rates, seeds = 3, 3
    ds = reopen(runs(REDUCED, cells=CELLS * rates - 4))
    assert ds.accuracy.dims == ("variant", "d", "gate", "kappa", "learning_rate", "seed")
    assert ds.accuracy_best.dims == AXES and ds.learning_rate_best.dims == AXES[:-1]
    # Validation accuracy grows with the cell's index: the last rate wins wherever all its seeds are known.
    columns = ds.learning_rate_best.size
    complete = np.arange(columns).reshape(ds.learning_rate_best.shape) < columns - 1
    assert (ds.learning_rate_best.values[complete] == 0.1).all()
    assert ds.learning_rate_best.values[~complete] == [0.001], "values with a pending seed are no candidates"
    chosen = ds.accuracy.sel(learning_rate=0.1).values[complete]
    assert np.array_equal(ds.accuracy_best.values[complete], chosen)
    assert np.array_equal(ds.accuracy_best.values[~complete], ds.accuracy.sel(learning_rate=0.001).values[~complete])
    assert "validation" in ds.accuracy_best.attrs["comment"] and chosen.shape[-1] == seeds


def test_a_rate_whose_seeds_diverge_loses(runs, reopen):
    rates = 'learning_rate = { values = [0.001, 0.01], reduce = "max" }\n'
    ds = reopen(runs(SMALL + rates, cells=4))  # cell 1, the second seed of the first rate, diverges
    assert ds.learning_rate_best.item() == 0.01 and ds.learning_rate_best.dims == ()
    assert ds.accuracy_best.values.tolist() == [2 / 97, 3 / 97]


def test_theory_lies_over_the_axes_it_depends_on(runs, reopen):
    ds = reopen(runs(SWEEP.replace('"s4d"', '"mamba2"')))
    # kappa + log2 nu for both variants; with distinct values there is another way, log2 kappa + nu.
    assert set(ds.theory_exact_d.dims) <= {"variant", "kappa"}
    assert np.array_equal(ds.theory_exact_d.broadcast_like(ds.accuracy), (ds.kappa + 3).broadcast_like(ds.accuracy))
    assert ds.theory_exact_d.attrs["names"] == "mamba2_mqar_exact s6_mqar_exact"
    distinct = ds.theory_exact_d_s6_mqar_distinct
    assert distinct.sel(variant="mamba").values.tolist() == [9, 10, 10]
    assert distinct.sel(variant="mamba2").isnull().all()
    theory = {name: ds[name] for name in ds.data_vars if name.startswith("theory_")}
    assert theory, "MQAR has thresholds"
    for name, line in theory.items():
        assert name.startswith(f"theory_{line.attrs['kind']}_{line.attrs['quantity']}")
        assert {"condition", "references", "names", "long_name"} <= set(line.attrs)
        assert "seed" not in line.dims and line.notnull().any()


def test_groups_hold_trials_and_curves(runs, reopen):
    folder = runs(cells=20)
    trials = reopen(folder, group="trials")
    assert trials.sizes == {"trial": 20} and trials.trial.values.tolist() == list(range(20))
    assert trials.variant.values[0] == "mamba" and trials.d.values[19] == 8 and "kappa" in trials.coords
    assert trials.loss.values[7] == 1 / 10

    curves = reopen(folder, group="curves")
    assert curves.accuracy.dims == (*AXES, "step") and curves.step.values.tolist() == [10, 20, 30]
    flat = curves.accuracy.values.reshape(-1, 3)
    assert np.array_equal(flat[2], [1 / 9, 2 / 9, np.nan], equal_nan=True)
    assert np.array_equal(flat[7], [1 / 9, 2 / 9, 3 / 9]) and np.isnan(flat[8]).all() and np.isnan(flat[20:]).all()
    assert curves.train_loss.values.reshape(-1, 3)[7].tolist() == [6, 5, 4]


def test_diagnostics_are_labelled_arrays_by_cell(runs, reopen):
    ds = reopen(runs(cells=20), group="diagnostics")
    # "bin" has two and three entries, d is an axis of the sweep: these dimensions are named after their arrays.
    assert ds.decay.dims == (*AXES, "decay_bin") and ds.decay.values.reshape(-1, 2)[5].tolist() == [5, -5]
    wide = ds.decay_by_role_bin
    assert wide.dims == (*AXES, "role", "decay_by_role_bin_bin")
    flat = wide.values.reshape(-1, 2, 3)
    assert np.array_equal(flat[4], [[4, 5, 6], [-4, -5, np.nan]], equal_nan=True) and np.isnan(flat[3]).all()
    assert ds.d_states.dims == (*AXES, "d_states_d", "d_states_bin")
    assert ds.d_states.values.reshape(-1, 2)[9].tolist() == [9, 10]


def test_diagnostics_with_labels_are_placed_by_label(runs, reopen):
    ds = reopen(runs(cells=20), group="diagnostics")
    near = ds.near
    assert near.dims == (*AXES, "role_name", "edge") and near.attrs["long_name"] == "nearness" and near.attrs["units"] == "m"
    assert ds.role_name.values.tolist() == ["key", "value", "query"], "words in the order of their first cell"
    assert ds.edge.values.tolist() == [0.25, 0.5, 1.5] and ds.edge.attrs["units"] == "s", "numbers ascending"
    assert ds.role_name.attrs["long_name"] == "role of the token"
    cell = near.stack(cell=AXES)
    early, late = cell.isel(cell=5), cell.isel(cell=15)
    assert early.sel(role_name="key", edge=0.5) == 5 and early.sel(role_name="key", edge=1.5) == 6
    assert early.sel(role_name="value", edge=1.5) == -6 and np.isnan(early.sel(role_name="query", edge=0.5))
    assert late.sel(role_name="query", edge=0.5) == 15 and late.sel(role_name="query", edge=0.25) == 16
    assert late.sel(role_name="value", edge=0.25) == -16 and np.isnan(late.sel(edge=1.5)).all()


def test_a_sweep_without_any_result_opens(runs, reopen):
    folder = runs(cells=0)
    ds = reopen(folder)
    assert ds.accuracy.isnull().all() and ds.accuracy.dims == AXES
    for group in ("trials", "curves", "diagnostics"):
        reopen(folder, group=group)
    assert reopen(folder, group="trials").sizes == {"trial": 0}


def test_the_file_says_where_it_comes_from(runs, reopen):
    ds = reopen(runs())
    assert ds.attrs["sweep"] == SWEEP and ds.attrs["title"] == "sample" and ds.attrs["Conventions"] == "CF-1.10"
    assert ds.attrs["numerics_version"] == 7 and ds.attrs["git_hash"] == "abc123"
    assert ds.attrs["device_kind"] == "cpu-avx2" and ds.attrs["host"] == "host-a"
    assert ds.attrs["started_utc"] == "2025-03-01T12:00:00Z" and "Philox" in ds.attrs["rng"]
    assert len(ds.attrs["sweep_hash"]) == 16 and ds.attrs["schema_version"] == 1


def test_large_cubes_are_deflated_and_curves_written_piece_by_piece(runs, reopen):
    kappas = ", ".join(str(k) for k in range(2, 402))
    axes = f'variant = ["mamba", "mamba2"]\nd = [4, 8, 16]\nkappa = [{kappas}]\n'
    folder = runs(SMALL.replace("seeds = 2", "seeds = 5") + axes, cells=12000)
    ds, curves = reopen(folder), reopen(folder, group="curves")
    assert ds.accuracy.size == 12000 and np.array_equal(ds.loss.values.ravel()[2:], 1 / (np.arange(2, 12000) + 3.0))
    assert ds.accuracy.encoding.get("zlib") or ds.accuracy.encoding.get("compression") == "gzip"
    loss = curves.loss.values.reshape(12000, 3)
    assert np.array_equal(loss[3::4], np.arange(3, 12000, 4)[:, None] + np.array([1.0, 2.0, 3.0]))


def test_above_twenty_million_cells_only_trials_are_written(runs, reopen):
    numbers = ", ".join(str(k) for k in range(1, 501))
    axes = f"d = [{numbers}]\nkappa = [{numbers}]\n"
    folder = runs(SMALL.replace("seeds = 2", "seeds = 100") + axes, cells=6)
    assert not reopen(folder).data_vars and reopen(folder).attrs["title"] == "x"
    assert reopen(folder, group="trials").accuracy.values[4] == 4 / 97
