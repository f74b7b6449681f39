"""Clocks that jump: the time of day in both directions, and the clocks since boot, as after a suspended job or machine."""
import itertools
import os
import random
import re
import signal
import struct
import time

import pytest

from harness import SANITIZED, wait_until

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer must be loaded before any other library")

CLOCK = os.environ["PHASEGRID_CLOCK"]
HOUR, YEAR = 3600, 365 * 86400


class Clocks:
    """Those of one run (shifted_clock.cpp): seconds by which they are off."""

    def __init__(self, one):
        self.file = one.folder / "clock"
        self.set(0, 0)
        one.environment |= {"LD_PRELOAD": CLOCK, "SHIFTED_CLOCK": str(self.file)}

    def set(self, of_day, since_boot=0):
        mode = "r+b" if self.file.exists() else "wb"   # mapped by the run: it must stay the same file
        with open(self.file, mode) as file:
            file.write(struct.pack("=qq", of_day, since_boot))


def log(one):
    return (one.out / "log/coordinator.log").read_text()


def starts(one):
    return sorted(line["cell"] for line in one.journal() if line["kind"] == "started")


@pytest.mark.parametrize("ranks", [0, 3])
def test_the_time_of_day_may_jump_to_and_fro(ranks, fake):
    calm = fake("calm")
    assert calm.run()[0] == 0
    one = fake(FAKE_DELAY_MS=300)
    clocks, jumps = Clocks(one), itertools.cycle([-YEAR, 10 * YEAR, 0, -HOUR, HOUR, -1])
    deadline = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + HOUR))
    process = one.start("--slots", 1 if ranks else 2, "--hang-limit", 60, "--deadline", deadline, ranks=ranks)
    seen = 0
    while process.poll() is None:
        clocks.set(next(jumps))
        seen, before = seen + 1, one.recorded()
        wait_until(lambda: process.poll() is not None or one.recorded() > before, "a result after the jump")
    said, _ = process.communicate()
    assert process.returncode == 0 and seen >= 4, said
    assert starts(one) == list(range(24)), "no cell was taken for hung, late or lost"
    years = {line["utc"][:4] for line in one.journal() if "utc" in line}
    assert len(years) >= 3, f"the clock did not jump: {years}"
    assert one.bits() == calm.bits()
    for verb in (["status"], ["top", "--once"], ["report", "-o", one.folder / "report.html"], ["explain", 0]):
        code, said = one.verb(verb[0], one.out, *verb[1:])
        assert code == 0, said
    one.check_nothing_is_left()


@pytest.mark.parametrize("ranks", [0, 3])
def test_a_suspended_run_goes_on_where_it_was(ranks, fake):
    """All its processes are stopped, and when they go on, hours have passed for each of them at once."""
    one = fake(FAKE_DELAY_MS=400)
    clocks = Clocks(one)
    process = one.start("--slots", 2, ranks=ranks)
    one.wait_for_records(4, process)
    for suspended in (1, 2):
        before = one.recorded()
        stopped = list(one.processes())
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        clocks.set(24 * HOUR * suspended, 24 * HOUR * suspended)
        for pid in random.Random(suspended).sample(stopped, len(stopped)):
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: one.recorded() > before + 4 or process.poll() is not None, "more results")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert len(re.findall("this process stood still for 1 d 0 h", log(one))) == 2, log(one)
    assert starts(one) == list(range(24)), said
    one.check_nothing_is_left()
