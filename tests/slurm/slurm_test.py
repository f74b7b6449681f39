"""Sweeps under a real Slurm: `phasegrid slurm` prints a script that, submitted once, gets every cell done whatever happens to its jobs."""
import json
import os
import re
import signal
import time

import pytest

from cluster import wait_until


def test_a_sweep_longer_than_its_time_limit_finishes_over_several_jobs(sweep):
    one = sweep(cells=300, milliseconds=1000, time="1")  # 75 s on four slots
    one.submit()
    one.wait_for_the_end(patience=240)
    one.check_every_cell_was_recorded_once()
    ends = one.ends()
    assert len(ends) >= 2 and all("deadline" in end for end in ends[:-1]) and ends[-1] == "done", one.logs()
    assert re.search(r"deadline in .* s \(the time limit of Slurm job \d+, by squeue\)", one.logs()), one.logs()
    assert "SIGUSR1: the wall-time limit is near" in one.logs(), one.logs()  # two minutes before the end: at once
    assert "CANCELLED" not in one.logs() and "TIME LIMIT" not in one.logs(), one.logs()  # each job stopped by itself
    assert one.recorded() == one.status()["recorded"] == 300


def test_cells_longer_than_the_time_limit_go_on_in_the_next_job_with_the_same_bits(sweep):
    one = sweep(cells=4, milliseconds=66_000, time="1", FAKE_STEPS=660)   # each slot of a job has less than a minute
    one.submit()
    one.wait_for_the_end(patience=240)
    one.check_every_cell_was_recorded_once()
    ends = one.ends()
    assert len(ends) >= 2 and all("deadline" in end for end in ends[:-1]) and ends[-1] == "done", one.logs()
    again = [line for line in one.journal() if line["kind"] == "started" and line["attempt"] > 1]
    assert sorted({line["cell"] for line in again}) == [0, 1, 2, 3] and all(line["from_step"] > 300 for line in again), again
    assert one.bits() == one.bits_without_a_pause()


def test_gpus_are_bound_one_to_a_slot(sweep):
    one = sweep(cells=24, milliseconds=200, gpus=2, FAKE_KIND="sm_fake")
    one.submit()
    one.wait_for_the_end(patience=60)
    one.check_every_cell_was_recorded_once()
    places = one.places()
    assert sorted(places) == [("n0", "0"), ("n0", "1"), ("n1", "0"), ("n1", "1")], places
    for rank, node in enumerate(("n0", "n1")):
        for slot in range(2):
            assert f"rank {rank} {node} slot {slot}: GPU {slot}" in one.logs()
    assert "shared" not in one.logs(), one.logs()


def test_srun_starts_the_ranks_as_well(sweep):
    one = sweep(cells=24, milliseconds=200, gpus=2, launcher="srun", FAKE_KIND="sm_fake")
    one.submit()
    one.wait_for_the_end(patience=60)
    one.check_every_cell_was_recorded_once()
    assert "2 ranks" in one.logs() and len(one.places()) == 4, one.logs()


def test_the_shards_of_an_array_are_joined_by_the_last_one(cluster, sweep):
    one = sweep(cells=40, milliseconds=300, time="10", nodes=1, slots=1, shards=4)
    one.submit()
    one.wait_for_the_end(patience=120)
    one.check_every_cell_was_recorded_once()
    counts = [sum(line["kind"] == "finished" for line in map(json.loads, path.read_text().splitlines()))
              for path in sorted(one.folder.glob("out.shard-*/journal.1.jsonl"))]
    assert len(counts) == 4 and all(counts), counts
    status = one.status()
    assert status["recorded"] == 40 and status["missing"] == 0, one.logs()
    assert (one.out / "results.h5").exists()


def start_at_once(cluster, number):
    """Slurm lets a requeued job wait for two minutes."""
    wait_until(lambda: cluster.jobs().get(number) == "PENDING", "the job to be requeued")
    cluster.say("scontrol", "update", f"JobId={number}", "StartTime=now")


def test_a_requeued_job_goes_on_and_ends_with_the_job_that_it_had_queued(cluster, sweep):
    one = sweep(cells=60, milliseconds=500, time="10")
    number = one.submit()
    one.wait_for_records(8)
    cluster.say("scontrol", "requeue", number)
    start_at_once(cluster, number)
    one.wait_for_the_end(patience=120)
    one.check_every_cell_was_recorded_once()
    assert one.lives() == 2 and one.jobs_so_far() == 1, one.logs()


def test_a_suspended_job_goes_on_where_it_was(cluster, sweep):
    options = "--slots 2 --hang-limit 5"
    one = sweep(cells=40, milliseconds=500, time="10", run_options=options)   # stopped for longer than a silent cell may be
    number = one.submit()
    one.wait_for_records(8)
    cluster.say("scontrol", "suspend", number)
    wait_until(lambda: cluster.jobs().get(number) == "SUSPENDED", "the job to be suspended")
    ranks = [pid for pid, words in cluster.processes().items() if " run " in words and words.startswith(cluster.program)]
    assert len(ranks) == 2
    wait_until(lambda: all(state_of(pid) == "T" for pid in ranks), "all its processes to be stopped")
    asleep = time.monotonic()
    wait_until(lambda: time.monotonic() > asleep + 7, "a time longer than that")
    recorded = one.recorded()
    cluster.say("scontrol", "resume", number)
    one.wait_for_the_end(patience=120)
    assert recorded < 40 and one.lives() == 1, one.logs()
    one.check_every_cell_was_recorded_once()
    assert len([line for line in one.journal() if line["kind"] == "started"]) == 40, "no cell was taken for hung or lost"


def state_of(pid):
    return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0]


def test_a_job_whose_node_fails_is_started_elsewhere_and_waits_for_what_is_left_of_it(cluster, sweep):
    """slurmd dies, and what it had started lives on: Slurm starts the job on the other node beside its old self."""
    one = sweep(cells=140, milliseconds=1000, time="10", nodes=1)  # 70 s
    number = one.submit()
    one.wait_for_records(2)
    cluster.kill_node(cluster.job(number)["BatchHost"])
    start_at_once(cluster, number)
    one.wait_for_the_end(patience=180)
    assert cluster.job(number)["Restarts"] == "1", one.logs()
    assert "waiting: the folder is in use by process" in one.logs(), one.logs()
    one.check_every_cell_was_recorded_once()


def test_a_lost_rank_costs_no_cell_and_mpirun_is_ended_when_all_is_done(cluster, sweep):
    one = sweep(cells=60, milliseconds=500, time="10")
    one.submit()
    one.wait_for_records(8)
    ranks = [pid for pid, words in cluster.processes().items() if " run " in words and words.startswith(cluster.program)]
    assert len(ranks) == 2, cluster.processes()
    os.kill(max(ranks, key=lambda pid: rank_of(pid)), signal.SIGKILL)
    one.wait_for_the_end(patience=120)
    one.check_every_cell_was_recorded_once()
    assert "rank 1 is lost" in one.logs(), one.logs()


def rank_of(pid):
    variables = open(f"/proc/{pid}/environ", "rb").read().split(b"\0")
    return int(next(v.split(b"=")[1] for v in variables if v.startswith((b"OMPI_COMM_WORLD_RANK="))))


def test_a_sweep_that_gets_nowhere_ends_its_chain_and_says_why(sweep):
    one = sweep(cells=4, milliseconds=100, time="10")
    one.out.mkdir()
    (one.out / "results.h5").mkdir()  # cannot be replaced by a file
    (one.out / "lock").mkdir()        # nor can this be locked
    one.submit()
    one.wait_for_the_end(patience=120)
    assert "starts in a row have recorded no cell and taken no checkpoint: giving up" in one.logs(), one.logs()
