"""Instructions of one training step, counted by valgrind on the AVX2 path (it knows no AVX-512), against the recorded ones: a step that
takes over a tenth more fails, whatever the machine is doing meanwhile. After a change that is meant:

    PHASEGRID_BINARY=build/release/phasegrid /usr/bin/python3 tests/bench/instructions_test.py --record
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import pytest

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")
RECORDED = pathlib.Path(__file__).with_name("instructions.json")
SWEEP = """[sweep]
name = "instructions"
[task]
name = "mqar"
vocab = 256
pairs = 4
T = 64
[model]
variant = "{variant}"
d = 16
N = 4
expand = 2
conv = 4
[train]
steps = {steps}
[eval]
every = 1000
eval_examples = 1
"""
VARIANTS = ["mamba", "mamba2", "mamba_s4d"]


def total(variant, steps, folder):
    sweep = pathlib.Path(folder) / "sweep.toml"
    sweep.write_text(SWEEP.format(variant=variant, steps=steps))
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", BINARY, "cell", sweep, "0", "--device-kind", "cpu-avx2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(re.search(r"I\s+refs:\s+([\d,]+)", done.stderr).group(1).replace(",", ""))


def instructions_per_step(variant, folder):
    few, many = 10, 30
    return (total(variant, many, folder) - total(variant, few, folder)) // (many - few)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_training_step_takes_no_more_instructions_than_recorded(variant, tmp_path):
    recorded, now = json.loads(RECORDED.read_text())[variant], instructions_per_step(variant, tmp_path)
    assert now <= 1.1 * recorded, f"{variant}: {now} instructions a step, {recorded} recorded"
    assert now >= 0.8 * recorded, f"{variant}: {now} instructions a step, far fewer than the {recorded} recorded: record the gain"


if __name__ == "__main__" and sys.argv[1:] == ["--record"]:
    with tempfile.TemporaryDirectory() as folder:
        RECORDED.write_text(json.dumps({variant: instructions_per_step(variant, folder) for variant in VARIANTS}, indent=1) + "\n")
