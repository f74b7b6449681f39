"""Cells that need more memory than there is: they say so, and all the others get done."""
import os
import re
import resource
import shutil
import subprocess

import pytest

from harness import SANITIZED, SWEEP

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer needs all address space")

LARGE = SWEEP.replace("d = [4, 8, 16]", "d = [4, 8, 8192]")   # with N = 64 5 GB a cell
LARGE = LARGE.replace("T = [16, 32]", "T = [16]").replace("N = 4", "N = 64")


def address_space(bytes):
    """As `ulimit -v` does: allocations beyond it fail."""
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes, bytes))


def results(one):
    return {line["cell"]: line for line in one.journal() if line["kind"] == "finished"}


@pytest.mark.parametrize("ranks", [0, 2])
def test_cells_that_do_not_fit_say_so_and_the_others_are_done(ranks, ground):
    one = ground(sweep=LARGE)
    code, said = one.run("--slots", 1, ranks=ranks, preexec_fn=address_space(2 << 30))
    assert code == 3, said
    by_status = {}
    for line in results(one).values():
        by_status.setdefault(line["status"], []).append(line)
    assert {status: len(lines) for status, lines in by_status.items()} == {"done": 8, "out_of_memory": 4}, said
    assert all("not enough memory for the model and its batch" in line["reason"] for line in by_status["out_of_memory"])
    assert one.verb("status", one.out)[1].count("out_of_memory  4") == 1
    one.check_nothing_is_left()


def test_a_cell_that_eats_all_memory_is_tried_again_and_recorded_with_its_last_words(fake):
    one = fake(FAKE_TROUBLE="5:eat", FAKE_DELAY_MS=20)
    code, said = one.run("--slots", 2, preexec_fn=address_space(1 << 30))
    assert code == 3, said
    lines = results(one)
    assert len(lines) == 24 and lines[5]["status"] == "out_of_memory", said
    assert sum(line["status"] == "done" for line in lines.values()) == 23
    words = r"crashed 2 times, the last time exited with code 1.*; last words: fake worker: eating\n.*not enough memory"
    assert re.search(words, lines[5]["reason"], re.S), lines[5]
    assert len(re.findall("attempt [12]: .*crashed: exited with code 1", one.verb("explain", one.out, 5)[1])) == 2
    one.environment["FAKE_TROUBLE"] = ""
    assert one.run("--retry", "out_of_memory")[0] == 0
    one.check_nothing_is_left()


def own_mounts(*command):
    """The command with mounts of its own, by root or as root of a user namespace; None where neither is allowed."""
    for options in (["-m"], ["-rm"]):
        prefix = ["unshare", *options]
        if shutil.which("unshare") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
            return [*prefix, *command]
    return None


def test_a_cell_killed_by_the_kernel_for_its_memory_is_known_as_such(fake):
    """The kernel sends SIGKILL and counts it in /proc/vmstat, in whose place the run sees a file that its worker writes."""
    one = fake(FAKE_TROUBLE="5:oom,7:kill", FAKE_DELAY_MS=20)
    counts = one.folder / "vmstat"
    counts.write_text("oom_kill 0\n")
    one.environment["FAKE_VMSTAT"] = str(counts)
    prefix = own_mounts("sh", "-c", 'mount --bind "$FAKE_VMSTAT" /proc/vmstat && exec "$@"', "sh")
    if prefix is None:
        pytest.skip("no mounts of one's own are allowed here")
    code, said = one.run("--slots", 1, "--attempts", 1, before=prefix)
    assert code == 3, said
    lines = results(one)
    assert len(lines) == 24 and lines[5]["status"] == "out_of_memory", said
    killed = "killed by signal 9 (Killed)"
    assert f"{killed}, as the kernel does when memory runs out; last words: fake worker: hungry" in lines[5]["reason"]
    assert lines[7]["status"] == "failed" and lines[7]["reason"].endswith(killed), "a kill by somebody else is no sign of it"
    one.check_nothing_is_left()
