"""Cells that several executors train together: the same bits however they are run, and what is left of a gang whose member is killed."""
import json
import os
import random
import re
import signal
import time

import numpy
import pytest

from harness import wait_until

SWEEP = """
# Cells of one, two and three replicas side by side.
[sweep]
name = "gangs"
[task]
name = "mqar"
nu = 8
kappa = 4
T = 32
[axes]
replicas = [1, 2, 3]
variant = ["mamba", "mamba2"]
d = [8, 16]
[model]
N = 4
[train]
steps = 300
batch = 16
[eval]
eval_examples = 200
"""
CELLS = 12


@pytest.fixture(scope="module")
def bits(tmp_path_factory):
    """Of an undisturbed run with three executors."""
    from harness import Ground

    one = Ground(tmp_path_factory.mktemp("gangs") / "run", sweep=SWEEP)
    code, said = one.run("--slots", 3)
    assert code == 0, said
    one.check_nothing_is_left()
    return one.bits()


def executors(one):
    return sorted(pid for pid, role in one.processes().items() if role == "executor")


def shares_memory(pid):
    """Is this executor in a gang?"""
    try:
        return "phasegrid_gang" in open(f"/proc/{pid}/maps").read()
    except OSError:
        return False


def test_results_say_how_many_replicas_there_were(bits, ground):
    accuracy = numpy.frombuffer(bits["accuracy"][1])
    assert bits["accuracy"][0] == (2, 2, 3, 1), "variant, d, replicas, seed"
    assert numpy.isfinite(accuracy).all()
    loss = numpy.frombuffer(bits["loss"][1]).reshape(-1, 3)
    assert (loss[:, 0] != loss[:, 1]).any(), "another order of sums gives other bits"


@pytest.mark.parametrize("ranks, slots", [(0, 5), (2, 3)])
def test_the_bits_depend_neither_on_slots_nor_on_ranks(ranks, slots, bits, ground):
    one = ground(sweep=SWEEP)
    code, said = one.run("--slots", slots, ranks=ranks)
    assert code == 0, said
    assert one.bits() == bits
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()


def test_a_gang_of_threads_gives_the_bits_of_a_gang_of_executors(bits, ground):
    one = ground(sweep=SWEEP)
    loss = numpy.frombuffer(bits["loss"][1]).reshape(bits["loss"][0])
    for replicas in 2, 3:
        code, said = one.verb("cell", one.sweep, f"replicas={replicas},variant=mamba,d=16", "--json")
        assert code == 0, said
        assert json.loads(said)["loss"] == loss[0, 1, replicas - 1, 0]


def test_a_gang_survives_the_kills_of_its_members(bits, ground, pytestconfig):
    wanted = pytestconfig.getoption("kills")
    kills, runs = 0, 0
    choose = random.Random("gangs")
    while kills < wanted:
        one = ground(f"run{runs}", sweep=SWEEP)
        runs += 1
        process = one.start("--slots", 3, "--attempts", 50)
        before = -1
        while kills < wanted and process.poll() is None:
            members = [pid for pid in executors(one) if shares_memory(pid)]
            if not members or one.recorded() == before:
                time.sleep(0.001)
                continue
            before = one.recorded()   # at most one kill between two results, so that the run advances
            time.sleep(choose.uniform(0, 0.05))
            try:
                os.kill(choose.choice(members), signal.SIGKILL)
                kills += 1
            except ProcessLookupError:
                pass
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert one.bits() == bits, said
        one.check_each_cell_was_recorded_once()
        one.check_nothing_is_left()


def test_the_others_give_up_promptly_and_their_slots_work_on(ground):
    """One attempt: the cell of the gang fails, and the slots of its other members train the rest without having been restarted."""
    one = ground(sweep=SWEEP.replace("[1, 2, 3]", "[3]").replace("steps = 300", "steps = 2000"))
    process = one.start("--slots", 3, "--attempts", 1, "--canary", 0)
    wait_until(lambda: sum(shares_memory(pid) for pid in executors(one)) == 3, "a gang of three")
    before = executors(one)
    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: one.recorded() >= 1, "the failed cell in the journal")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert re.search(r"killed by signal 9.*at step", said), said
    kept = [line for line in one.journal() if line["kind"] == "finished"]
    assert len(kept) == 4 and sum("killed by signal 9" in json.dumps(line) for line in kept) == 1
    one.check_nothing_is_left()


def test_a_member_that_hangs_is_found_out_and_the_gang_tried_again(bits, ground):
    one = ground(sweep=SWEEP)
    process = one.start("--slots", 3, "--hang-limit", 2)
    gang = wait_until(lambda: [pid for pid in executors(one) if shares_memory(pid)], "a gang")
    os.kill(gang[0], signal.SIGSTOP)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "no sign of life" in said, said
    assert said.count("no sign of life") == 1, "only the one that hung was killed"
    assert one.bits() == bits


def test_a_gang_is_given_up_at_a_stop_and_trained_by_the_next_run(bits, ground):
    one = ground(sweep=SWEEP)
    process = one.start("--slots", 3)
    wait_until(lambda: any(shares_memory(pid) for pid in executors(one)), "a gang")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 75, said
    one.check_nothing_is_left()
    assert one.run("--slots", 3)[0] == 0
    assert one.bits() == bits
    one.check_each_cell_was_recorded_once()


def test_a_gang_that_no_rank_has_slots_for_is_infeasible_until_one_has(bits, ground):
    one = ground(sweep=SWEEP)
    code, said = one.run("--slots", 2)
    assert code == 3, said
    assert "replicas = 3 needs as many slots of one rank, but there are 2: start with --slots 3 or more" in said, said
    assert one.verb("status", one.out, "--exit-code")[0] == 3
    status = json.loads(one.verb("status", one.out, "--json")[1])
    assert status["infeasible"] == 4 and status["recorded"] == 8, status
    code, said = one.run("--slots", 3)
    assert code == 0, said
    assert one.bits() == bits
    code, said = one.verb("plan", one.sweep, "--workers", 2)
    assert code == 0 and "8 runnable, 4 infeasible" in said and "replicas" in said, said
    assert "12 runnable, 0 infeasible" in one.verb("plan", one.sweep, "--workers", 3)[1]


GPUS = SWEEP.replace("[1, 2, 3]", "[1, 4]").replace("[8, 16]", "[8]")


def gpus(fake, **variables):
    """Two ranks with two pretended GPUs each; the worker trains nothing, but its gangs meet by the key of replica 0."""
    one = fake(FAKE_KIND="sm_90", CUDA_VISIBLE_DEVICES="0,1,2,3", FAKE_DELAY_MS=50, **variables)
    one.sweep.write_text(GPUS)
    keys = one.folder / "keys"
    keys.mkdir()
    one.environment["FAKE_KEYS"] = str(keys)
    return one, keys


def test_a_gang_on_gpus_takes_slots_of_any_rank_and_meets_by_one_key(fake):
    one, keys = gpus(fake)
    code, said = one.run(ranks=2)
    assert code == 0, said
    assert "rank 0 " in said and "rank 1 " in said, said
    met = {}
    for path in keys.iterdir():
        met.setdefault(path.name.rsplit(".", 1)[0], set()).add(path.suffix)
    assert len(met) == 2 and all(members == {".0", ".1", ".2", ".3"} for members in met.values()), met
    one.check_each_cell_was_recorded_once()


def test_a_gang_on_gpus_is_tried_again_when_a_member_never_comes(fake):
    one, keys = gpus(fake, FAKE_TROUBLE="1:kill-once")
    code, said = one.run(ranks=2)
    assert code == 0, said
    assert "killed by signal 9" in said, said
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()
