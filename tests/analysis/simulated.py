"""Sweeps whose outcomes follow a known law, written as results files for `phasegrid analyze`; numpy alone makes them.

Independent of the program: success is drawn from 1 / (1 + (x*/x)^(1/(s ln 2))), which is the logistic step in log2 x.
The learning rate serves as a number of the replicate: no theory depends on it, and each value is a group of its own.
"""
import json
import os
import subprocess

import h5py
import numpy as np

PROGRAM = os.environ["PHASEGRID_BINARY"]
HALF_OCTAVES = np.unique(np.round(2 ** np.arange(1, 7.01, 0.5)).astype(int))  # 2, 3, 4, 6, 8, ..., 64
STATUS = ["pending", "done", "diverged"]


class Sweep:
    """Axes d, kappa, nu and replicates; `chance(d, kappa, nu, replicate)` is the probability that a training succeeds."""

    def __init__(self, d=HALF_OCTAVES, kappa=(8,), nu=(16,), replicates=1, seeds=5, model='N = "kappa"', task="", variant="mamba"):
        self.d, self.kappa, self.nu = (np.asarray(values) for values in (d, kappa, nu))
        self.replicates, self.seeds = replicates, seeds
        rates = ", ".join(f"{(i + 1) * 1e-6:.6f}" for i in range(replicates))
        self.text = f"""\
[sweep]
name = "simulated"
seeds = {seeds}
[task]
name = "mqar"
T = 256
{task}
[axes]
d = {self.d.tolist()}
kappa = {self.kappa.tolist()}
nu = {self.nu.tolist()}
learning_rate = [{rates}]
[model]
variant = "{variant}"
{model}
[eval]
eval_examples = 1000
"""

    @property
    def shape(self):
        return len(self.d), len(self.kappa), len(self.nu), self.replicates, self.seeds

    def outcomes(self, generator, transition, slope):
        """Accuracies: near 1 or far from it. `transition` and `slope` broadcast over (d, kappa, nu, replicate, seed)."""
        d = self.d.reshape(-1, 1, 1, 1, 1)
        chance = 1 / (1 + (transition / d) ** (1 / (slope * np.log(2))))
        solved = generator.random(self.shape) < chance
        return np.where(solved, generator.uniform(0.992, 1, self.shape), generator.uniform(0.1, 0.45, self.shape))

    def write(self, path, accuracy, status=None):
        """A file with what `analyze` needs of a results file: the sweep's text and /trials. NaN: no result yet."""
        accuracy = np.asarray(accuracy, float).ravel()
        status = np.ones(accuracy.shape, np.int8) if status is None else np.asarray(status, np.int8).ravel()
        cells = np.flatnonzero(~np.isnan(accuracy) | (status > 1))
        with h5py.File(path, "w") as file:
            file.attrs["sweep"] = self.text
            trials = file.create_group("trials")
            trials["trial"] = cells.astype(np.int64)
            trials["trial"].make_scale("trial")
            for name, values in (("accuracy", accuracy[cells]), ("accuracy_validation", accuracy[cells]), ("status", status[cells])):
                trials[name] = values
                trials[name].dims[0].attach_scale(trials["trial"])
        return path


def analyze(path, *options, code=0):
    done = subprocess.run([PROGRAM, "analyze", str(path), "--json", *map(str, options)], capture_output=True, text=True)
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stderr}"
    return json.loads(done.stdout)


def end(value):
    """An interval's end: "inf" and "-inf" are open."""
    return float(value) if value is not None else np.nan


def covers(interval, value):
    return end(interval["low"]) <= value <= end(interval["high"])


def within(rate, count, successes):
    """Whether so many successes of `count` are compatible with the rate: five standard errors, and two to spare."""
    return abs(successes - rate * count) <= 5 * np.sqrt(rate * (1 - rate) * count) + 2
