"""Regressions and one's own data, from the sweep file to xarray, through the program as users run it."""
import os
import pathlib
import subprocess

import h5py
import numpy as np
import pytest
import xarray as xr

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")
LIBRARY = pathlib.Path(__file__).parents[2] / "sweeps"
OWN = """\
[sweep]
name = "own"
seeds = 2
[task]
name = "file"
path = "own.h5"
held_out = 0.25
[axes]
learning_rate = [1e-3, 1e-2]
[model]
variant = "mamba_s4d"
d = 8
[train]
steps = 60
batch = 16
"""


def phasegrid(*words, ok=True, **options):
    done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, **options)
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout + done.stderr


def results(folder, **options):
    with xr.open_dataset(folder / "results.h5", engine="h5netcdf", **options) as ds:
        return ds.load()


def own_tokens(path, rows=80):
    rng = np.random.default_rng(1)
    tokens = rng.integers(0, 6, (rows, 9)).astype("int32")
    targets = np.full_like(tokens, -100)
    targets[:, -1] = tokens[:, 2]
    with h5py.File(path, "w") as file:
        file["tokens"], file["targets"] = tokens, targets


def own_numbers(path, rows=80):
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((rows, 7, 3)).astype("float32")
    with h5py.File(path, "w") as file:
        file["inputs"], file["values"] = inputs, inputs.sum((1, 2))[:, None] * [1, -2]


def test_a_regression_is_trained_and_opened_in_xarray(tmp_path):
    phasegrid("run", LIBRARY / "regression.toml", "-o", tmp_path / "out", "--slots", 1)
    for engine in ("h5netcdf", "netcdf4"):
        with xr.open_dataset(tmp_path / "out" / "results.h5", engine=engine) as ds:
            assert ds.r2.dims == ("variant", "N", "task", "seed") and (ds.status == 1).all()
            assert ds.r2.equals(ds.accuracy) and ds.loss.attrs["units"] == "1" and "R2" in ds.accuracy.attrs["comment"]
            r2 = ds.r2.sel(task="linear_functional", variant="s4d").mean("seed")
            assert r2.sel(N=16) > 0.8 > r2.sel(N=4), "as many modes as a filter of 16 taps needs, and too few"
            variance = ds.loss / (1 - ds.r2)
            assert variance.std("N").max() < 1e-6, "of the targets: the same test set for every model"
    curves = results(tmp_path / "out", group="curves")
    assert curves.accuracy.isel(step=-1).max() > 0.8 and curves.loss.attrs["units"] == "1"


def test_packs_and_processes_change_no_bit(tmp_path):
    own_numbers(tmp_path / "own.h5")
    (tmp_path / "own.toml").write_text(OWN)
    for name, sweep in (("own", tmp_path / "own.toml"), ("regression", LIBRARY / "regression.toml")):
        phasegrid("run", sweep, "-o", tmp_path / name, "--slots", 1)
        phasegrid("run", sweep, "-o", tmp_path / (name + "_packed"), "--slots", 2, "--pack", 4)
        alone, packed = results(tmp_path / name), results(tmp_path / (name + "_packed"))
        assert alone.loss.notnull().all()
        for variable in ("loss", "r2", "accuracy_final", "best_step"):
            assert alone[variable].identical(packed[variable]), variable


@pytest.mark.parametrize("write", [own_tokens, own_numbers])
def test_own_data_are_seen_from_the_sweeps_folder_and_kept_by_content(write, tmp_path):
    home, away = tmp_path / "home", tmp_path / "away"
    for folder in (home, away):
        folder.mkdir()
        (folder / "own.toml").write_text(OWN)
        write(folder / "own.h5")
    phasegrid("run", "home/own.toml", "-o", tmp_path / "out", cwd=tmp_path)
    first = results(tmp_path / "out")
    assert (first.status == 1).all() and ("r2" in first) == (write is own_numbers)
    assert "[data]" in first.sweep and first.path == "own.h5"
    assert " 0 missing" in phasegrid("status", tmp_path / "out")
    text = phasegrid("run", away / "own.toml", "-o", tmp_path / "out")
    assert "0 cells to do, 4 kept" in text, "the same data elsewhere are the same sweep"
    with h5py.File(home / "own.h5", "r+") as file:
        array = file["tokens" if write is own_tokens else "inputs"]
        array[3, 1] = 5 - array[3, 1]
    error = phasegrid("run", home / "own.toml", "-o", tmp_path / "out", ok=False)
    assert "holds the results of another sweep" in error and "path = content" in error
    os.remove(home / "own.h5")
    assert " 0 missing" in phasegrid("status", tmp_path / "out"), "what is known needs no data"
    error = phasegrid("run", home / "own.toml", "-o", tmp_path / "out", ok=False)
    assert "own.toml:6:8: task.path: " in error and "does not exist" in error


def test_a_recorded_sweep_insists_on_the_data_it_was_made_with(tmp_path):
    own_tokens(tmp_path / "own.h5")
    (tmp_path / "own.toml").write_text(OWN)
    phasegrid("run", tmp_path / "own.toml", "-o", tmp_path / "out")
    again = tmp_path / "again.toml"
    again.write_text(results(tmp_path / "out").sweep)
    assert "0 cells to do, 4 kept" in phasegrid("run", again, "-o", tmp_path / "out")
    own_tokens(tmp_path / "own.h5", rows=81)
    assert "no longer holds what [data] says" in phasegrid("plan", again, ok=False)


def test_what_is_wrong_with_own_data_is_said_by_plan(tmp_path):
    def refusal(sweep=OWN, **datasets):
        (tmp_path / "own.toml").write_text(sweep)
        with h5py.File(tmp_path / "own.h5", "w") as file:
            for name, value in datasets.items():
                file[name] = value
        return phasegrid("plan", tmp_path / "own.toml", ok=False)

    tokens = np.arange(40, dtype="int32").reshape(8, 5)
    place = "own.toml:6:8: task.path: "
    assert place + f"{tmp_path}/own.h5: targets: is missing" in refusal(tokens=tokens)
    assert "tokens: row 5, position 1: found -26" in refusal(tokens=np.where(tokens == 26, -tokens, tokens), targets=tokens)
    assert "tokens: holds real numbers of shape [8, 5], expected integers" in refusal(tokens=tokens * 0.5, targets=tokens)
    assert "targets: has the shape [8, 4], expected that of tokens, [8, 5]" in refusal(tokens=tokens, targets=tokens[:, 1:])
    assert "targets: asks for nothing" in refusal(tokens=tokens, targets=np.full((8, 5), -100, "int32"))
    small = OWN.replace("held_out", "vocab = 30\nheld_out")
    assert "tokens of row 7: found 39, expected numbers below the vocabulary's size, but vocab = 30" in refusal(small, tokens=tokens, targets=tokens % 30)
    assert "targets of row 7: found 39" in refusal(small, tokens=tokens % 30, targets=tokens)
    assert "held_out: " in refusal(OWN.replace("0.25", "0.01"), tokens=tokens, targets=tokens)


def test_a_large_file_is_not_kept_in_memory(tmp_path):
    """A file of 400 MB trains in a process that may not have 250 MB of data."""
    with h5py.File(tmp_path / "own.h5", "w") as file:
        tokens = file.create_dataset("tokens", (100_000, 500), "int32", chunks=(50, 500), fillvalue=1)
        targets = file.create_dataset("targets", (100_000, 500), "int32", chunks=(50, 500), fillvalue=-100)
        tokens[:100], targets[:, -1] = 2, 1
    (tmp_path / "own.toml").write_text(OWN.replace("steps = 60", "steps = 2"))
    done = subprocess.run(["/bin/sh", "-c", 'ulimit -d 250000; exec "$@"', "sh", BINARY, "cell", str(tmp_path / "own.toml"), "0"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
