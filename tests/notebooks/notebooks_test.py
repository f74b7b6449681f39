"""The notebooks run from top to bottom on results that this test trains: one while cells are missing, the others after the sweep.

PHASEGRID_KEEP=FOLDER keeps the executed notebooks, their figures and the run there, for looking at them.
"""
import json
import os
import pathlib
import signal
import subprocess
import time

import h5py
import pytest

PROGRAM = os.environ["PHASEGRID_BINARY"]
NOTEBOOKS = sorted((pathlib.Path(os.environ["PHASEGRID_SOURCE"]) / "results/notebooks").glob("*.ipynb"))
PATIENCE = 400  # seconds for anything here to happen
RUNNING = "e_still_running"
FIGURES = {
    "a_contours": ["figure2"],
    "b_scaling_law": ["scaling"],
    "c_decay": ["figure1", "figure1_near_one"],
    "d_learning": ["dynamics", "outcomes"],
    RUNNING: ["so_far"],
}

SWEEP = """\
# Two variants on a small task: large enough for transitions, small enough for a minute of training.
[sweep]
name = "notebooks"
seeds = 3
[task]
name = "mqar"
nu = 8
T = 32
[axes]
variant = ["mamba", "mamba2"]
d = [2, 4, 8, 16, 32]
kappa = [2, 4, 8]
[model]
N = "kappa"
[train]
steps = 1200
learning_rate = 5e-3
stop_at_accuracy = 0.999
[eval]
eval_examples = 300
every = 100
[diagnostics]
decay = true
"""


def run_notebook(notebook, folder, place):
    """Executes a copy in the notebooks' own folder; returns its text outputs."""
    figures = place / "figures"
    figures.mkdir(exist_ok=True)
    environment = {**os.environ, "PHASEGRID_RESULTS": str(folder), "PHASEGRID_FIGURES": str(figures), "MPLBACKEND": "agg"}
    done = subprocess.run(
        ["/usr/bin/jupyter-nbconvert", "--to", "notebook", "--execute", "--output-dir", str(place), str(notebook)],
        capture_output=True, text=True, cwd=notebook.parent, env=environment, timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for name in FIGURES.get(notebook.stem, []):
        assert (figures / f"{name}.pdf").stat().st_size > 1000 and (figures / f"{name}.png").stat().st_size > 5000
    cells = json.loads((place / notebook.name).read_text())["cells"]
    return "\n".join("".join(output.get("text", "")) for cell in cells for output in cell.get("outputs", []))


def interrupted(place):
    """A run that was told to stop after its first results: most cells are pending in its results.h5, however fast the machine."""
    (place / "notebooks.toml").write_text(SWEEP)
    run = subprocess.Popen([PROGRAM, "run", place / "notebooks.toml", "-o", place / "out"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + PATIENCE
    while sum(journal.read_text().count('"finished"') for journal in place.glob("out/journal.*.jsonl")) < 3:
        assert run.poll() is None, run.stdout.read()
        assert time.monotonic() < end, "no cell finishes"
        time.sleep(0.05)  # polls for what another process does
    run.send_signal(signal.SIGTERM)
    output = run.communicate(timeout=PATIENCE)[0]
    assert run.returncode == 75, output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = pathlib.Path(os.environ.get("PHASEGRID_KEEP") or tmp_path_factory.mktemp("notebooks"))
    place.mkdir(parents=True, exist_ok=True)
    interrupted(place)
    said = run_notebook(next(n for n in NOTEBOOKS if n.stem == RUNNING), place / "out", place)
    done = subprocess.run([PROGRAM, "run", place / "notebooks.toml", "-o", place / "out"], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    analyzed = subprocess.run([PROGRAM, "analyze", place / "out"], capture_output=True, text=True)
    assert analyzed.returncode == 0, analyzed.stdout + analyzed.stderr
    return place, said


def test_a_running_sweep_is_read(trained):
    assert "'pending'" in trained[1] and "cells are pending" in trained[1]


@pytest.mark.parametrize("notebook", [n for n in NOTEBOOKS if n.stem != RUNNING], ids=lambda n: n.stem)
def test_a_notebook_runs_from_top_to_bottom(trained, notebook):
    said = run_notebook(notebook, trained[0] / "out", trained[0])
    if notebook.stem == "b_scaling_law":
        with h5py.File(trained[0] / "out/results.h5") as file:
            assert file["analysis/verdict_sentence"][0].decode() in said


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda n: n.stem)
def test_a_notebook_is_kept_without_outputs(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in cells)


def test_there_are_five_notebooks():
    assert [n.stem[:2] for n in NOTEBOOKS] == ["a_", "b_", "c_", "d_", "e_"]
