"""Nothing that this program trains recalls more than its state can hold (docs/theory.md, 3.7): a violation would be a bug.

Planted violations are found: tests/analysis/findings_test.py. Constructed cells: constructions_test.py. The quickstart
asks the same of its own results.
"""
import json
import os
import subprocess

import pytest

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")

# As little state as there can be, and training for long enough to use it: MQAR with 8 pairs needs 4 numbers (E34),
# pointers into 7 values out of 8 need 4. General induction heads have no bound of the mean error.
SWEEP = """
[sweep]
name = "too_little_state"
seeds = 2
[task]
name = "{task}"
{options}
[axes]
variant = ["mamba", "mamba2", "mamba_delta_t", "mamba_s4d"]
D = [1, 2, 3]
[model]
d = 8
N = {N}
s4d_mode = "real"
positional = "learned"
[train]
steps = 300
batch = 32
learning_rate = 1e-2
[eval]
eval_examples = 1000
every = 100
"""
TASKS = {"mqar": "kappa = 8\nnu = 8\nT = 40\ndistinct_values = false", "pointer_value_retrieval": "nu = 8\nT = 8"}


@pytest.mark.parametrize("task", TASKS)
def test_no_trained_cell_recalls_more_than_its_state_can_hold(tmp_path, task):
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(SWEEP.format(task=task, options=TASKS[task], N=1))
    subprocess.run([BINARY, "run", sweep, "-o", tmp_path / "run"], check=True, capture_output=True, text=True)
    done = subprocess.run([BINARY, "analyze", tmp_path / "run", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    bounds = json.loads(done.stdout)["bounds"]
    assert bounds["cells"] == 24 and bounds["tested"] >= 16 and bounds["violations"] == []
