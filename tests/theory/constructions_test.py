"""The theorems' weights through files, and through a sweep: `cell --weights`, `apply`, `run`, `analyze`.

How each construction is built, and that it is exact with every switch, is tested in tests/worker/constructions_test.cpp.
"""
import json
import os
import pathlib
import subprocess

import h5py
import numpy as np
import pytest
import xarray

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")
SWEEP = pathlib.Path(__file__).parents[2] / "sweeps" / "constructed.toml"

C1 = 'variant = "mamba"\nd = 12\nN = 8\n'
C4 = 'variant = "mamba2"\nd = 12\nD = 12\nN = 3\n'
C5 = 'variant = "mamba"\npositional = "learned"\nd = 7\nN = 1\n'
CELLS = {
    "C1": ("mqar", {"kappa": 8, "nu": 16, "T": 64, "distinct_values": "false"}, C1),
    "C1 long": ("mqar", {"kappa": 8, "nu": 16, "T": 300}, C1),
    "C4": ("mqar", {"kappa": 8, "nu": 16, "T": 64}, C4),
    "C5": ("keep_nth", {"vocab": 32, "n": 5, "T": 50}, C5),
    "C5 first": ("keep_nth", {"vocab": 32, "n": 1, "T": 100}, C5),
    "C5 last": ("keep_nth", {"vocab": 32, "n": 300, "T": 300}, C5),
}


def phasegrid(*arguments, code=0):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def weights_of(folder, task, options, model):
    lines = "".join(f"{key} = {value}\n" for key, value in options.items())
    sweep = folder / "cell.toml"
    sweep.write_text(f'[sweep]\nname = "one"\n[task]\nname = "{task}"\n{lines}[model]\ninit = "construction"\n{model}[eval]\neval_examples = 50\n')
    report = json.loads(phasegrid("cell", sweep, 0, "--weights", folder / "weights.h5", "--json"))
    assert report["accuracy"] == 1 and report["steps"] == 0
    return folder / "weights.h5"


def batch_of(folder, task, options, count):
    pairs = [f"{key}={value}" for key, value in options.items()]
    lines = [json.loads(line) for line in phasegrid("sample", task, "--count", count, "--seed", 3, "--json", "--set", *pairs).splitlines()]
    with h5py.File(folder / "batch.h5", "w") as f:
        f["tokens"] = np.array([line["tokens"] for line in lines], np.int32)
        f["targets"] = np.array([line["targets"] for line in lines], np.int32)
    return folder / "batch.h5"


def applied(weights, batch, precision):
    out = weights.parent / "out.h5"
    phasegrid("apply", weights, batch, "-o", out, "--precision", precision)
    with h5py.File(out) as f, h5py.File(batch) as given:
        targets = given["targets"][...]
        scored = targets >= 0
        mean = (f["logits"][...].argmax(-1)[scored] == targets[scored]).mean()
        assert f["accuracy"][()] == pytest.approx(mean, abs=1e-12)
        return float(f["accuracy"][()])


@pytest.mark.parametrize("name", CELLS)
def test_a_construction_survives_its_weights_file(tmp_path, name):
    task, options, model = CELLS[name]
    weights, batch = weights_of(tmp_path, task, options, model), batch_of(tmp_path, task, options, 200)
    assert applied(weights, batch, "float32") == 1
    assert applied(weights, batch, "float64") == 1


def test_the_weights_are_those_of_the_theorem(tmp_path):
    """C1, read back by name: one-hot keys, taps (1, alpha), B and C that pick the key channels, no decay."""
    with h5py.File(weights_of(tmp_path, *CELLS["C1"])) as f:
        assert "construction" not in f.attrs["model"], "weights say what they are, not how they began"
        mixer = f["layers.0.mixer"] if "layers.0.mixer" in f else {key[len("layers.0.mixer."):]: f[key] for key in f}
        np.testing.assert_array_equal(f["embedding.weight"][1:9, :8], np.eye(8))
        np.testing.assert_array_equal(mixer["conv1d.weight"][:8, 0, :], np.tile(np.float32([0.1, 1]), (8, 1)))
        np.testing.assert_array_equal(mixer["conv1d.weight"][8:, 0, :], np.tile([0, 1], (4, 1)))
        np.testing.assert_array_equal(mixer["x_proj.weight"][-16:, :8], np.vstack([np.eye(8), np.eye(8)]))
        assert (mixer["A_log"][...] == -40).all()


def test_a_construction_with_a_row_less_in_its_file_fails(tmp_path):
    weights, batch = weights_of(tmp_path, *CELLS["C1"]), batch_of(tmp_path, *CELLS["C1"][:2], 200)
    with h5py.File(weights, "r+") as f:
        key = next(key for key in ("layers.0.mixer.x_proj.weight", "layers.0.mixer/x_proj.weight") if key in f)
        f[key][-1, :] = 0      # the last key is no longer read
    assert 0.7 < applied(weights, batch, "float64") < 1


@pytest.fixture(scope="module")
def constructed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("constructed") / "run"
    phasegrid("run", SWEEP, "-o", folder)
    return folder


def test_every_cell_is_exact_where_the_stored_theory_says_so_and_nowhere_else(constructed):
    results = xarray.open_dataset(constructed / "results.h5", engine="h5netcdf")
    cells = results.accuracy.dims
    full = {dim: results.sizes[dim] for dim in cells}

    def needed(quantity):   # of the construction that the cell is: one line of theory each, whatever it is called
        lines = [results[name].broadcast_like(results.accuracy).transpose(*cells).values for name in results if name.startswith(f"theory_exact_{quantity}")
                 and name.removeprefix(f"theory_exact_{quantity}")[:1] in ("", "_")]
        return np.fmax.reduce(lines)

    d = np.broadcast_to(results.d.values.reshape([-1 if dim == "d" else 1 for dim in cells]), list(full.values()))
    N = np.broadcast_to(results.N.values.reshape([-1 if dim == "N" else 1 for dim in cells]), list(full.values()))
    done = results.status.values == 1
    assert np.isfinite(needed("d")[done]).all() and np.isfinite(needed("N")[done]).all()
    enough = (d >= needed("d")) & (d >= needed("D")) & (N >= needed("N"))   # D = d in this sweep
    accuracy = results.accuracy.values
    assert (accuracy[done & enough] == 1).all()
    assert (accuracy[done & ~enough] < 1).all()
    names = results.construction.values.astype(str)
    axis = cells.index(results.construction.dims[0])
    for i, name in enumerate(names):   # both sides are there for every construction
        row = np.take(done & enough, i, axis), np.take(done & ~enough, i, axis)
        assert row[0].any() and row[1].any(), name
    assert len(set(names)) == 12


def test_the_analysis_finds_every_construction_exact_and_no_lower_bound_violated(constructed):
    report = json.loads(phasegrid("analyze", constructed, "--json"))
    assert report["bounds"]["violations"] == [] and report["bounds"]["cells"] > 400 and report["bounds"]["tested"] > 0
    assert report["constructions"]["inexact"] == [] and report["constructions"]["cells"] > 200


def test_verify_is_green_and_says_so_in_json():
    lines = json.loads(phasegrid("verify", "--examples", 40, "--seed", 4, "--json"))
    for line in lines:
        assert {"construction", "variant", "task", "d", "D", "N", "accuracy", "below", "accuracy_below"} <= line.keys()
        assert line["holds"] and line["accuracy"] >= line["least"] > line["accuracy_below"]
    assert {"C1", "C1'", "C1b", "C2a", "C2b", "C2c", "C3", "C4", "C5", "C6", "C7", "C7b", "C8", "H1", "H2", "H3"} == {line["construction"] for line in lines}


@pytest.mark.parametrize("arguments,complaint", [(["--task", "nothing"], "--task: unknown nothing"), (["--variant", "nothing"], "--variant: unknown nothing"),
                                                 (["--task", "k_hop"], "no theorem"), (["--kappa", "-1"], "--kappa"), (["--kappa", "1"], "--kappa")])
def test_verify_refuses_what_no_theorem_speaks_of(arguments, complaint):
    done = subprocess.run([BINARY, "verify", *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and complaint in done.stderr + done.stdout
