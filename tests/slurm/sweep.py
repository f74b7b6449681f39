"""A sweep on a Slurm cluster: its batch script as `phasegrid slurm` prints it, its jobs, and what its journals say."""
import json
import os
import pathlib
import subprocess

import h5py
import numpy

from cluster import wait_until
from run_folder import finished_once, read_journals

FAKE = os.environ["PHASEGRID_FAKE"]

TEXT = """
# {cells} cells that only sleep.
[sweep]
name = "slurm"
seeds = {cells}
[task]
name = "mqar"
nu = 8
[axes]
variant = ["mamba"]
d = [4]
kappa = [2]
T = [16]
[model]
N = 4
[train]
steps = 100
"""


class Sweep:
    def __init__(self, cluster, cells, milliseconds, time="1", nodes=2, gpus=0, slots=2, launcher="mpirun", shards=1, run_options="", **variables):
        self.cluster, self.cells = cluster, cells
        self.folder = cluster.folder / "sweep"
        self.marks = self.folder / "marks"
        self.marks.mkdir(parents=True)
        self.out = self.folder / "out"
        self.script = self.folder / "sweep.sh"
        file = self.folder / "slurm.toml"
        file.write_text(TEXT.format(cells=cells))
        cluster.environment |= {"FAKE_MARKS": str(self.marks), "FAKE_DELAY_MS": str(milliseconds), "PHASEGRID_WATCH_SECONDS": "2"}
        cluster.environment |= {key: str(value) for key, value in variables.items()}
        gpu_options = ["--gpus-per-node", gpus] if gpus else ["--run-options", run_options or f"--slots {slots}"]
        self.script.write_text(cluster.say(cluster.program, "slurm", file, "-o", self.out, "--time", time, "--nodes", nodes,
                                           "--cpus-per-node", 2, "--launcher", launcher, "--shards", shards, *gpu_options) + "\n")

    def submit(self):
        return self.cluster.submit(self.script, f"--chdir={self.folder}")

    def logs(self):
        """What all jobs have said, one after another."""
        files = sorted(self.folder.glob("slurm.*.log"), key=lambda path: path.stat().st_mtime)
        return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in files)

    def jobs_so_far(self):
        return len(list(self.folder.glob("slurm.*.log")))

    def status(self):
        code, out, _ = self.cluster.run(self.cluster.program, "status", self.out, "--json")
        return json.loads(out) if code == 0 else None

    def recorded(self):
        return sum(line["kind"] == "finished" for line in self.journal())

    def wait_for_records(self, count):
        wait_until(lambda: self.recorded() >= count, f"{count} results in the journal\n{self.logs()}")

    def wait_for_the_end(self, patience):
        """All jobs are gone: the chain has ended by itself, and the shell has complained about nothing in the script."""
        wait_until(lambda: not self.cluster.jobs(), f"the end of all jobs; now {self.cluster.jobs()}\n{self.logs()}", patience)
        assert "slurm_script: line" not in self.logs(), self.logs()

    def journal(self):
        return read_journals(*(sorted(self.folder.glob("out.shard-*")) or [self.out]))

    def lives(self):
        return len(list(self.out.glob("journal.*.jsonl")))

    def ends(self):
        return [line["text"] for line in self.journal() if line["kind"] == "note" and line["about"] == "end"]

    def check_every_cell_was_recorded_once(self):
        missing = set(range(self.cells)) - finished_once(self.journal())
        assert not missing, f"missing: {missing}\n{self.logs()}"

    def bits(self, folder=None):
        with h5py.File((folder or self.out) / "results.h5") as file:
            return {name: numpy.asarray(file[name]).tobytes() for name in ("accuracy", "loss", "steps", "status")}

    def bits_without_a_pause(self):
        """Of the same sweep run in one go, outside Slurm, by cells that do not wait."""
        folder = self.folder / "whole"
        environment = self.cluster.environment | {"FAKE_DELAY_MS": "0"}
        subprocess.run([self.cluster.program, "run", self.folder / "slurm.toml", "-o", folder], env=environment, check=True, capture_output=True, timeout=60)
        return self.bits(folder)

    def places(self):
        """(node, GPU) -> how many cells were started there."""
        places = {}
        for mark in pathlib.Path(self.marks).iterdir():
            place = tuple(mark.read_text().split())
            places[place] = places.get(place, 0) + 1
        return places
