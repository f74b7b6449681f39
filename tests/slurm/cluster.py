"""A throw-away Slurm on this machine: munge, slurmctld and one slurmd for each "node", with fake GPUs. Needs root, but no systemd.

Everything is in one folder, speaks over loopback on free ports, and is ours alone: the daemons run in the foreground as our
children, and every process of a job carries our mark in its environment.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import run_folder  # noqa: E402

CPUS_PER_NODE = 4
NODE_TIMEOUT = 10  # seconds without an answer after which slurmctld calls a node down

CONFIG = """
ClusterName=phasegrid
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={port}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
TmpFS={folder}/tmp/%n
# No systemd and no cgroups: keep clear of every plug-in that wants one.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0,requeue_delay=1
MpiDefault=none
ReturnToService=2
JobRequeue=1
KillWait=3
SlurmctldTimeout=30
SlurmdTimeout={node_timeout}
InactiveLimit=0
SlurmdParameters=config_overrides
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
"""


def wait_until(condition, what, patience=60):
    return run_folder.wait_until(condition, what, patience, pause=0.1)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """`nodes` nodes n0, n1, ... of four cores and `gpus` fake GPUs each; `program` is what jobs run."""

    def __init__(self, folder, program, nodes=2, gpus=2):
        self.folder = pathlib.Path(folder)
        self.program = program
        self.nodes = [f"n{i}" for i in range(nodes)]
        self.mark = uuid.uuid4().hex
        self.daemons = {}
        (self.folder / "tmp").mkdir(parents=True)
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "SBATCH", "OMPI"))} | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PHASEGRID_TEST_MARK": self.mark,
            "TMPDIR": str(self.folder / "tmp"),
            "XDG_CACHE_HOME": str(self.folder / "tmp"),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1",
            "OMPI_MCA_btl": "tcp,self",  # two nodes on one host: the shared-memory transport takes them for one and crashes
            "OMPI_MCA_btl_tcp_if_include": "lo",
            "OMPI_MCA_oob_tcp_if_include": "lo",
        }
        self.configure(gpus)
        self.start("munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key", f"--socket={self.folder}/munge.socket",
                   f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log", f"--seed-file={self.folder}/munge.seed")
        wait_until((self.folder / "munge.socket").exists, "munged", 20)
        self.start("slurmctld", "-D")
        for node in self.nodes:
            self.start_node(node)
        wait_until(lambda: self.idle_nodes() == nodes, "all nodes to be idle", 30)

    def configure(self, gpus):
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.folder.chmod(0o711)
        (self.folder / "state").mkdir()
        (self.folder / "spool").mkdir()
        (self.folder / "gpu").mkdir()
        host = socket.gethostname().split(".")[0]
        port, *node_ports = free_ports(1 + len(self.nodes))
        lines = []
        for node, node_port in zip(self.nodes, node_ports):
            (self.folder / "tmp" / node).mkdir()
            for gpu in range(gpus):  # Slurm wants device files: clones of /dev/null
                os.mknod(self.folder / "gpu" / f"{node}-{gpu}", 0o666 | 0o020000, os.makedev(1, 3))
            lines.append(f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs={CPUS_PER_NODE} RealMemory=2000 Gres=gpu:{gpus} State=UNKNOWN")
        (self.folder / "slurm.conf").write_text(
            CONFIG.format(folder=self.folder, host=host, port=port, node_timeout=NODE_TIMEOUT, nodes="\n".join(lines)))
        (self.folder / "gres.conf").write_text(
            "".join(f"NodeName={node} Name=gpu File={self.folder}/gpu/{node}-[0-{gpus - 1}]\n" for node in self.nodes))

    def start(self, program, *arguments, name=None):
        name = name or program
        log = open(self.folder / f"{name}.log", "ab")
        self.daemons[name] = subprocess.Popen([f"/usr/sbin/{program}", *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                                              stdout=log, stderr=log, cwd=self.folder, start_new_session=True)
        log.close()

    def start_node(self, node):
        self.start("slurmd", "-D", "-N", node, name=f"slurmd-{node}")

    def kill_node(self, node):
        """The daemon alone: what it has started lives on, as after a broken network."""
        daemon = self.daemons.pop(f"slurmd-{node}")
        daemon.kill()
        daemon.wait()

    def run(self, *command):
        done = subprocess.run([str(word) for word in command], env=self.environment, cwd=self.folder, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def say(self, *command):
        """What a command prints; it must succeed."""
        code, out, errors = self.run(*command)
        assert code == 0, f"{command}: exit {code}\n{out}{errors}"
        return out.strip()

    def idle_nodes(self):
        code, out, _ = self.run("sinfo", "-h", "-t", "idle", "-o", "%D")
        return int(out) if code == 0 and out.strip() else 0

    def submit(self, script, *options):
        """The job's number. Its output is SCRIPT.out."""
        return int(self.say("sbatch", "--parsable", *options, script))

    def jobs(self):
        """number -> state of all jobs that are not over: PENDING, RUNNING, COMPLETING."""
        out = self.say("squeue", "-h", "-o", "%i %T")
        return {int(line.split()[0].split("_")[0]): line.split()[1] for line in out.splitlines()}

    def job(self, number):
        """The fields that Slurm keeps about a job."""
        return dict(re.findall(r"(\w+)=(\S*)", self.say("scontrol", "show", "job", number)))

    def processes(self):
        """Command lines of everything that carries our mark, except the daemons."""
        daemons = {daemon.pid for daemon in self.daemons.values()}  # each in a session with its helpers
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if os.getsid(int(entry.name)) in daemons:
                    continue
                if f"PHASEGRID_TEST_MARK={self.mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
        return found

    def stop(self):
        """Jobs first, then the daemons, then whatever a failed test has left."""
        self.run("scancel", "--state=RUNNING")
        self.run("scancel", "--state=PENDING")
        deadline = time.monotonic() + 15
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.1)
        for daemon in self.daemons.values():
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons.clear()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
