"""Fixtures: run folders and files written by the C++ program named in PHASEGRID_SAMPLE."""
import os
import pathlib
import subprocess

import pytest

SWEEP = """\
[sweep]
name = "sample"
seeds = 3
[task]
name = "mqar"
nu = 8
[axes]
variant = ["mamba", "s4d"]
d = [4, 8]
kappa = [2, 3, 4]
N = ["kappa"]
gate = [true, false]
[eval]
T = [32, 64]
"""
CELLS = 2 * 2 * 3 * 2 * 3


def sample(*words, **options):
    return subprocess.run([os.environ["PHASEGRID_SAMPLE"], *map(str, words)], capture_output=True, text=True, **options)


class Runs:
    """Makes run folders of sweeps, with results for their first cells."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder

    def __call__(self, sweep: str = SWEEP, cells: int = CELLS, name: str = "out", kind: str = "run") -> pathlib.Path:
        (self.folder / f"{name}.toml").write_text(sweep)
        done = sample(kind, self.folder / f"{name}.toml", cells, self.folder / name)
        assert done.returncode == 0, done.stderr
        return self.folder / name


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)
