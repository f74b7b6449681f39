"""Runs of the program under real mpirun, their processes by role, their journals, and what they must not leave behind."""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import uuid

import h5py
import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from run_folder import finished_once, read_journals, wait_until  # noqa: E402

PROGRAM = os.environ["PHASEGRID_BINARY"]
FAKE = os.environ["PHASEGRID_FAKE"]
SANITIZED = bool(os.environ.get("PHASEGRID_SANITIZE"))   # sanitizers want all address space, and to be loaded first
PATIENCE = 60  # seconds that anything here may take before the test fails; nothing is expected to come near

SWEEP = """
# A few cells of unequal length, each a fraction of a second.
[sweep]
name = "chaos"
seeds = 2
[task]
name = "mqar"
nu = 8
[axes]
variant = ["mamba"]
d = [4, 8, 16]
kappa = [2, 4]
T = [16, 32]
[model]
N = 4
[train]
steps = 120
[eval]
eval_examples = 200
"""


class Ground:
    """One run folder with everything that belongs to it: its own temporary folder, its own mark on every process."""

    def __init__(self, folder, sweep=SWEEP, program=PROGRAM):
        self.mark = uuid.uuid4().hex
        self.program = program
        self.folder = pathlib.Path(folder)
        self.out = self.folder / "out"
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.sweep = self.folder / "chaos.toml"
        self.sweep.write_text(sweep)
        self.shared_before = set(os.listdir("/dev/shm"))
        self.environment = dict(os.environ) | {
            "PHASEGRID_TEST_MARK": self.mark,
            "TMPDIR": str(self.temporary),
            "XDG_CACHE_HOME": str(self.temporary),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_btl_tcp_if_include": "lo",
            "OMPI_MCA_oob_tcp_if_include": "lo",
            "OMPI_MCA_btl_vader_backing_directory": str(self.temporary),
        }

    def start(self, *options, ranks=0, recovery=False, before=(), **popen):
        """The run itself where ranks is 0, else mpirun; `before`: a command that starts it."""
        command = [self.program, "run", str(self.sweep), "-o", str(self.out), *map(str, options)]
        if ranks:
            command = ["mpirun", "-n", str(ranks), "--oversubscribe", *(["--enable-recovery"] if recovery else []), *command]
        return subprocess.Popen([*before, *command], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True, **popen)

    def run(self, *options, **more):
        """Runs to the end. Returns the exit code and what was said."""
        process = self.start(*options, **more)
        said, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, said

    def verb(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], env=self.environment, capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr

    def processes(self):
        """pid -> role: mpirun, coordinator, agent or executor."""
        roles = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                variables = (entry / "environ").read_bytes().split(b"\0")
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"PHASEGRID_TEST_MARK={self.mark}".encode() not in variables or len(words) < 2:
                continue
            if b"executor" in words[1]:
                roles[int(entry.name)] = "executor"
            elif b"mpirun" in words[0] or b"orted" in words[0]:
                roles[int(entry.name)] = "mpirun"
            elif words[1] == b"run":
                rank = [v.split(b"=")[1] for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")]
                roles[int(entry.name)] = "agent" if rank and rank[0] != b"0" else "coordinator"
        return roles

    def kill(self, role, how=signal.SIGKILL, choose=random.Random(0)):
        """Kills one process of this role; False if there is none."""
        pids = sorted(pid for pid, r in self.processes().items() if r == role)
        if not pids:
            return False
        try:
            os.kill(choose.choice(pids), how)
        except ProcessLookupError:
            return False
        return True

    def journal(self):
        return read_journals(self.out)

    def recorded(self):
        """Cells with a result: appended lines may become durable only a moment later."""
        return sum(line["kind"] == "finished" for line in self.journal())

    def wait_for_records(self, count, process):
        """Until so many results are in the journal, or the process has ended."""
        wait_until(lambda: self.recorded() >= count or process.poll() is not None, f"{count} results in the journal")

    def settle(self):
        """Everything of this run is gone: nothing may outlive a kill for long."""
        wait_until(lambda: not self.processes(), f"the end of {self.processes()}")

    def check_nothing_is_left(self):
        self.settle()
        known = {"results.h5", "lock", "log"}
        strange = [p.name for p in self.out.iterdir() if p.name not in known and not p.name.startswith(("journal.", "bulk."))]
        assert not strange, f"left in the run folder: {strange}"
        fresh = set(os.listdir("/dev/shm")) - self.shared_before
        assert not [name for name in fresh if "phasegrid" in name], f"left in /dev/shm: {fresh}"

    def check_each_cell_was_recorded_once(self):
        finished_once(self.journal())

    def bits(self):
        """What must be the same bits, however the run went."""
        with h5py.File(self.out / "results.h5") as file:
            return {name: (file[name].shape, numpy.asarray(file[name]).tobytes()) for name in ("accuracy", "loss", "steps", "status")}

    def clean(self):
        """Whatever a failed test has left, and what a killed mpirun leaves of its own."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.temporary, ignore_errors=True)
