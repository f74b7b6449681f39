"""Everything at once: one sweep, and kills, hangs, a full disk and torn journal tails until so many blows have been dealt.

The accuracies, losses and steps of the end are those of an undisturbed run in one process, bit for bit, and no cell that had a
result was ever started again.
"""
import collections
import os
import random
import resource
import signal
import time

from harness import Ground, wait_until

RANKS = 3
PATIENCE = 1800  # seconds for one life: long where the machine is busy
STORM = """
# Cells of unequal length, each a fraction of a second.
[sweep]
name = "storm"
seeds = {seeds}
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
steps = 500
[eval]
eval_examples = 100
"""
OPTIONS = ("--slots", 2, "--attempts", 100, "--checkpoint", 0.1, "--hang-limit", 2)


def signal_one(one, choose, role, how):
    pids = sorted(pid for pid, r in one.processes().items() if r == role)
    if not pids:
        return False
    try:
        os.kill(choose.choice(pids), how)
    except ProcessLookupError:
        return False
    return True


def kill_group(one, choose, process):
    """The launcher with all its ranks and their executors, at once as far as one can."""
    pids = sorted(one.processes())
    choose.shuffle(pids)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return bool(pids)


def fill_disk(one, choose, process):
    """For a moment the coordinator cannot make its journal any longer; then there is space again, or it is killed as it waits."""
    pids = [pid for pid, r in one.processes().items() if r == "coordinator"]
    journals = sorted(one.out.glob("journal.*.jsonl"), key=lambda p: int(p.name.split(".")[1]))
    if not pids or not journals:
        return False
    try:
        hard = resource.prlimit(pids[0], resource.RLIMIT_FSIZE)[1]
        resource.prlimit(pids[0], resource.RLIMIT_FSIZE, (journals[-1].stat().st_size + choose.randint(0, 200), hard))
        time.sleep(choose.uniform(0.3, 2))
        if choose.random() < 0.5:
            resource.prlimit(pids[0], resource.RLIMIT_FSIZE, (hard, hard))
        else:
            os.kill(pids[0], signal.SIGKILL)
    except ProcessLookupError:
        pass
    return True


def tear_journal(one, choose):
    """What a crash of the machine leaves: half a line, or blocks that were never written. Nobody coordinates the folder now."""
    journals = sorted(one.out.glob("journal.*.jsonl"), key=lambda p: int(p.name.split(".")[1]))
    with open(journals[-1], "ab") as file:
        file.write(choose.choice([b'{"kind":"finished","utc":"2026', b"\0" * 700, b'{"kind":"started"' + b"\0" * 300]))


BLOWS = {
    "executor killed": lambda one, choose, process: signal_one(one, choose, "executor", signal.SIGKILL),
    "executor aborted": lambda one, choose, process: signal_one(one, choose, "executor", signal.SIGABRT),
    "executor hung": lambda one, choose, process: signal_one(one, choose, "executor", signal.SIGSTOP),
    "agent killed": lambda one, choose, process: signal_one(one, choose, "agent", signal.SIGKILL),
    "coordinator killed": lambda one, choose, process: signal_one(one, choose, "coordinator", signal.SIGKILL),
    "coordinator told to stop": lambda one, choose, process: signal_one(one, choose, "coordinator", signal.SIGTERM),
    "mpirun killed": lambda one, choose, process: signal_one(one, choose, "mpirun", signal.SIGKILL),
    "all killed": kill_group,
    "disk filled": fill_disk,
}
WEIGHTS = [8, 3, 1, 3, 3, 1, 3, 2, 1]


def blow(one, choose, process, dealt):
    """Waits for one result or a moment more, then hits something."""
    wanted = one.recorded() + choose.randint(0, 1)
    end = time.monotonic() + choose.uniform(0.05, 1)
    while one.recorded() < wanted and time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    name = choose.choices(list(BLOWS), WEIGHTS)[0]
    if process.poll() is None:
        dealt[name] += BLOWS[name](one, choose, process)


def test_a_storm_changes_no_bit(tmp_path, pytestconfig):
    wanted, seeds = pytestconfig.getoption("blows"), pytestconfig.getoption("seeds")
    choose = random.Random(wanted)
    calm = Ground(tmp_path / "calm", sweep=STORM.format(seeds=seeds))
    undisturbed = calm.start("--slots", 1)
    one = Ground(tmp_path / "storm", sweep=STORM.format(seeds=seeds))
    dealt, lives = collections.Counter(), 0
    try:
        complete = False
        while not complete:
            process = one.start(*OPTIONS, ranks=RANKS, recovery=choose.random() < 0.5)
            lives += 1
            before = len(list(one.out.glob("journal.*.jsonl")))
            wait_until(lambda: len(list(one.out.glob("journal.*.jsonl"))) > before or process.poll() is not None, "the start", PATIENCE)
            while sum(dealt.values()) < wanted and process.poll() is None:
                blow(one, choose, process, dealt)
            said, _ = process.communicate(timeout=PATIENCE)
            assert list(one.out.glob("journal.*.jsonl")), said
            one.settle()
            if sum(dealt.values()) < wanted and choose.random() < 0.5:
                tear_journal(one, choose)
                dealt["journal torn"] += 1
            complete = one.verb("status", one.out, "--exit-code")[0] == 0
        code, said = one.run()   # a run that was killed after its last result has no results file yet
        assert code == 0, said
        print(f"{sum(dealt.values())} blows in {lives} lives: {dict(dealt)}; "
              f"{sum(line['kind'] == 'checkpoint' for line in one.journal())} checkpoints, "
              f"{sum(line['kind'] == 'started' and line.get('from_step', 0) > 0 for line in one.journal())} continuations")
        assert sum(dealt.values()) >= wanted, "the sweep was over before the storm"
        one.check_each_cell_was_recorded_once()
        one.check_nothing_is_left()
        said, _ = undisturbed.communicate(timeout=PATIENCE)
        assert undisturbed.returncode == 0, said
        assert one.bits() == calm.bits()
    finally:
        one.clean()
        calm.clean()
