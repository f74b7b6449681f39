"""SIGKILL of any process at any moment, then the same command: the same bits, no recorded cell run again, nothing left behind."""
import random
import time

import pytest

RANKS = 3


def jitter(choose):
    """From one event to a moment that no event marks: within a step, between a write and its flush."""
    time.sleep(choose.uniform(0, 0.03))


def check_end(ground, reference):
    ground.check_each_cell_was_recorded_once()
    ground.check_nothing_is_left()
    assert ground.verb("status", ground.out, "--exit-code")[0] == 0
    assert ground.bits() == reference


@pytest.mark.parametrize("recovery", [False, True], ids=["plain", "recovery"])
@pytest.mark.parametrize("victim", ["agent", "coordinator", "mpirun"])
def test_the_same_command_completes_a_run_after_the_kill_of_its(victim, recovery, ground, reference, pytestconfig):
    wanted = pytestconfig.getoption("kills")
    kills, sweeps = 0, 0
    choose = random.Random(f"{victim} {recovery}")
    while kills < wanted:
        one = ground(f"run{sweeps}")
        sweeps += 1
        complete = False
        while not complete:
            process = one.start(ranks=RANKS, recovery=recovery)
            if kills < wanted:
                one.wait_for_records(one.recorded() + choose.randint(0, 4), process)
                jitter(choose)
                kills += one.kill(victim, choose=choose)
            said, _ = process.communicate(timeout=60)
            one.settle()
            complete = one.verb("status", one.out, "--exit-code")[0] == 0
            assert complete or kills <= wanted, said
        check_end_after_resume(one, reference)
    assert kills == wanted


def check_end_after_resume(one, reference):
    """A run that was killed after its last result has no results file yet: the same command makes it, training nothing."""
    before = one.recorded()
    code, said = one.run()
    assert code == 0, said
    assert one.recorded() == before
    check_end(one, reference)


def test_a_run_survives_the_kills_of_its_executors(ground, reference, pytestconfig):
    wanted = pytestconfig.getoption("kills")
    kills, sweeps = 0, 0
    choose = random.Random("executor")
    while kills < wanted:
        one = ground(f"run{sweeps}")
        sweeps += 1
        process = one.start("--attempts", 50, ranks=RANKS)
        while kills < wanted and process.poll() is None:
            one.wait_for_records(one.recorded() + choose.randint(0, 2), process)
            jitter(choose)
            kills += one.kill("executor", choose=choose)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        check_end(one, reference)


def test_a_lost_rank_costs_nothing_under_recovery(ground, reference):
    one = ground()
    process = one.start(ranks=RANKS, recovery=True)
    one.wait_for_records(2, process)
    assert one.kill("agent")
    said, _ = process.communicate(timeout=60)
    assert "is lost" in said and "done" in said
    check_end(one, reference)
