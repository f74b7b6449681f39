"""Cells longer than the time that a run has: they go on from checkpoints, on any worker, with the same bits."""
import signal
import time

from harness import SWEEP, wait_until

# Four cells, each some seconds long.
LONG = SWEEP.replace("d = [4, 8, 16]", "d = [16]").replace("kappa = [2, 4]", "kappa = [2]").replace("steps = 120", "steps = 30000")


def went_on(one):
    return [line for line in one.journal() if line["kind"] == "started" and line.get("from_step", 0) > 0]


def test_cells_longer_than_every_deadline_end_in_parts_with_the_same_bits(ground):
    whole, parts = ground("whole", sweep=LONG), ground("parts", sweep=LONG)
    began = time.monotonic()
    assert whole.run("--slots", 2)[0] == 0
    deadline = f"+{max(3, (time.monotonic() - began) / 3):.1f}"
    codes = []
    while not codes or codes[-1] == 75:
        assert len(codes) < 60, "each run must get on"
        ranks = len(codes) % 3   # alone, and with other numbers of ranks
        code, said = parts.run("--slots", 2, "--deadline", deadline, "--checkpoint", 0.3, "--pack", 1 + len(codes) % 2, ranks=ranks)
        assert code in (0, 75), said
        codes.append(code if ranks == 0 or parts.verb("status", parts.out, "--exit-code")[0] == 0 else 75)
    assert len(codes) > 2
    assert went_on(parts)
    parts.check_each_cell_was_recorded_once()
    parts.check_nothing_is_left()
    assert parts.bits() == whole.bits()


def test_sigterm_keeps_what_was_trained(fake):
    one = fake(FAKE_DELAY_MS=5000)
    process = one.start("--slots", 1, "--checkpoint", 0.3)
    wait_until(lambda: any(line["kind"] == "checkpoint" for line in one.journal()), "a checkpoint")
    assert one.kill("coordinator", how=signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 75, said
    taken = [line for line in one.journal() if line["kind"] == "checkpoint"]
    assert one.recorded() == 0 and [path.name for path in one.out.glob("checkpoints.*")] == ["checkpoints.1"]
    code, said = one.verb("explain", one.out, taken[-1]["cell"])
    assert f"checkpoint at step {taken[-1]['step']} of 10" in said, said
    one.environment["FAKE_DELAY_MS"] = "0"
    assert one.run("--slots", 2)[0] == 0
    assert [line["from_step"] for line in went_on(one)] == [taken[-1]["step"]]
    assert f"from step {taken[-1]['step']}" in one.verb("explain", one.out, taken[-1]["cell"])[1]
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()


def test_a_killed_executor_costs_what_came_after_its_checkpoint(fake):
    one = fake(FAKE_DELAY_MS=3000)
    process = one.start("--slots", 4, "--checkpoint", 0.2, "--attempts", 99, ranks=2)
    wait_until(lambda: any(line["kind"] == "checkpoint" for line in one.journal()), "a checkpoint")
    while not went_on(one):
        crashes = sum(line["kind"] == "ended" for line in one.journal())
        assert one.kill("executor") and process.poll() is None
        wait_until(lambda: sum(line["kind"] == "ended" for line in one.journal()) > crashes or process.poll() is not None, "the crash")
    one.kill("coordinator", how=signal.SIGKILL)
    process.communicate(timeout=60)
    one.settle()
    one.environment["FAKE_DELAY_MS"] = "0"
    assert one.run("--slots", 4)[0] == 0
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()


def test_a_damaged_checkpoint_is_not_used(fake):
    one = fake(FAKE_DELAY_MS=4000)
    process = one.start("--slots", 1, "--checkpoint", 0.2)
    wait_until(lambda: any(line["kind"] == "checkpoint" for line in one.journal()), "a checkpoint")
    one.kill("coordinator")
    process.communicate(timeout=60)
    one.settle()
    file = one.out / "checkpoints.1"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    one.environment["FAKE_DELAY_MS"] = "0"
    code, said = one.run()
    assert code == 0 and "is damaged: it begins again" in said, said
    assert not went_on(one)
    one.check_nothing_is_left()


def test_scratch_keeps_checkpoints_on_the_machine(fake):
    one = fake(FAKE_DELAY_MS=4000)
    scratch = one.folder / "scratch"
    process = one.start("--slots", 2, "--checkpoint", 0.2, "--scratch", scratch, ranks=2)
    wait_until(lambda: sum(line["kind"] == "checkpoint" for line in one.journal()) >= 4, "checkpoints")
    assert list(scratch.glob("phasegrid-*/*")) and not list(one.out.glob("checkpoints.*"))
    one.kill("mpirun")
    process.communicate(timeout=60)
    one.settle()
    stray = next(scratch.glob("phasegrid-*")) / "0123456789abcdef"
    stray.write_text("of a cell that has a result")
    one.environment["FAKE_DELAY_MS"] = "0"
    code, said = one.run("--slots", 2, "--scratch", scratch)
    assert code == 0, said
    assert went_on(one)
    assert not list(scratch.glob("*")), "nothing is left on the scratch disk"
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()
