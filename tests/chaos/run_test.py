"""End to end under real mpirun: the same bits for any number of workers, stops that lose nothing, errors that say what to do."""
import json
import os
import re
import resource
import signal
import subprocess

import pytest

from harness import SWEEP, wait_until


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("ranks", [1, 2, 5])
def test_any_number_of_ranks_and_slots_gives_the_same_bits(ranks, slots, ground, reference):
    one = ground()
    code, said = one.run("--slots", slots, ranks=ranks)
    assert code == 0, said
    assert f"{ranks * slots} slot" in said
    assert one.bits() == reference
    one.check_nothing_is_left()


def test_a_finished_run_has_nothing_to_do(ground, reference):
    one = ground()
    assert one.run()[0] == 0
    started = sum(line["kind"] == "started" for line in one.journal())
    code, said = one.run(ranks=2)
    assert code == 0, said
    assert sum(line["kind"] == "started" for line in one.journal()) == started
    assert one.bits() == reference


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_stops_with_75_and_the_same_command_continues(number, ground, reference):
    one = ground()
    process = one.start()
    one.wait_for_records(3, process)
    assert one.kill("coordinator", how=number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 75, said
    assert 3 <= one.recorded() < 24
    assert one.verb("status", one.out, "--exit-code")[0] == 75
    assert os.path.exists(one.out / "results.h5")
    assert one.run()[0] == 0
    one.check_each_cell_was_recorded_once()
    assert one.bits() == reference
    one.check_nothing_is_left()


def test_sigterm_to_mpirun_stops_cleanly(fake):
    one = fake(FAKE_DELAY_MS=600)
    process = one.start(ranks=3)
    one.wait_for_records(3, process)
    process.terminate()
    process.communicate(timeout=60)
    one.settle()
    ends = [line["text"] for line in one.journal() if line["kind"] == "note" and line["about"] == "end"]
    assert len(ends) == 1 and ends[0].startswith("stopped by signal 15"), ends  # mpirun tells all ranks: any may speak first
    one.environment["FAKE_DELAY_MS"] = "0"
    assert one.run(ranks=3)[0] == 0
    one.check_each_cell_was_recorded_once()
    one.check_nothing_is_left()


def test_a_second_signal_stops_at_once_and_loses_nothing(fake):
    one = fake(FAKE_DELAY_MS=100)
    process = one.start()
    one.wait_for_records(2, process)
    pid = next(pid for pid, role in one.processes().items() if role == "coordinator")
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 75
    assert one.run()[0] == 0
    one.check_each_cell_was_recorded_once()


def test_a_deadline_starts_nothing_that_cannot_end_in_time(fake):
    one = fake(FAKE_DELAY_MS=300)
    code, said = one.run("--deadline", "+4", "--slots", 1)
    assert code == 75, said
    assert 0 < one.recorded() < 24
    started = sum(line["kind"] == "started" for line in one.journal())
    assert started - one.recorded() <= 1  # at most the cell that the first, unlearned prediction let in
    assert one.run("--slots", 8)[0] == 0


def test_a_second_run_on_a_folder_in_use_is_refused(fake):
    one = fake(FAKE_DELAY_MS=200)
    first = one.start()
    one.wait_for_records(1, first)
    code, said = one.run()
    assert code == 2 and "in use" in said, said
    code, said = one.run(ranks=2)
    assert "in use" in said, said
    first.communicate(timeout=60)
    assert first.returncode == 0
    one.check_each_cell_was_recorded_once()


def test_crashes_are_retried_and_then_recorded_with_their_last_words(fake):
    one = fake(FAKE_TROUBLE="2:abort,3:abort-once,4:exit,5:kill-once,7:diverge,8:throw,9:nothing")
    code, said = one.run(ranks=2)
    failed = {line["cell"]: line["reason"] for line in one.journal() if line["kind"] == "finished" and line["status"] == "failed"}
    assert sorted(failed) == [2, 4, 8, 9], said
    assert "signal 6" in failed[2] and "about to abort" in failed[2]
    assert "code 9" in failed[4] and "leaving" in failed[4]
    assert "the device is lost" in failed[8]
    assert "without a result" in failed[9]
    assert one.verb("status", one.out, "--exit-code")[0] == 3
    said = one.verb("explain", one.out, 2)[1]
    assert len(re.findall("attempt [12]: .*crashed: killed by signal 6", said)) == 2, said

    one.environment["FAKE_TROUBLE"] = ""
    assert one.run("--retry", "failed")[0] == 0
    assert json.loads(one.verb("status", one.out, "--json")[1])["status"]["done"] == 23


def test_what_executors_say_is_kept_in_one_bounded_log(fake):
    one = fake(FAKE_TROUBLE="4:talk,9:talk,11:abort")
    code, said = one.run("--slots", 2, "--attempts", 1, ranks=2)
    assert code == 3, said
    text = (one.out / "log/executors.log").read_text()
    assert len(text) < 400_000, "each has said a megabyte and more"
    assert "fake worker: about to abort" in text
    lines = text.splitlines()
    start = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ rank [01] slot [01] \S+: .")
    assert not [line for line in lines if not start.match(line)]
    reasons = {line["cell"]: line["reason"] for line in one.journal() if line.get("status") == "failed"}
    for cell in (4, 9):
        mine = [line for line in lines if f": cell {cell} says " in line]
        place = re.search("rank . slot .", mine[0])[0]
        assert all(place in line for line in mine), "one executor has said it"
        numbers = [int(line.split()[-1]) for line in mine if re.search("line \\d{6}$", line)]
        assert numbers[0] == 0 and numbers[-1] == 49_999 and numbers == sorted(numbers)
        assert any(place in line and "bytes left out" in line for line in lines)
        assert reasons[cell].endswith(f"cell {cell} says line 049999") and len(reasons[cell]) < 2000
        assert f"cell {cell} says line 049999" in one.verb("explain", one.out, cell)[1]


def test_results_with_long_curves_travel_whole(fake):
    alone, three = fake("alone", FAKE_POINTS=3000), fake("three", FAKE_POINTS=3000)  # 96 kB each
    assert alone.run()[0] == three.run("--slots", 2, ranks=3)[0] == 0
    for one in (alone, three):
        assert one.recorded() == 24
    curves = [sorted(line["bulk_crc"] for line in one.journal() if line["kind"] == "finished") for one in (alone, three)]
    assert curves[0] == curves[1] and len(set(curves[0])) == 24
    assert alone.bits() == three.bits()


def test_a_hang_is_ended_and_retried(fake):
    one = fake(FAKE_TROUBLE="0:hang-once")
    code, said = one.run("--hang-limit", 1)
    assert code == 0 and "no sign of life" in said, said


def test_a_cell_that_takes_absurdly_long_is_stopped_and_tried_again(fake):
    one = fake(FAKE_DELAY_MS=20, FAKE_TROUBLE="0:crawl,1:crawl-once")
    code, said = one.run("--slots", 2, "--hang-limit", 2, ranks=2)
    assert code == 3, said
    lines = {line["cell"]: line for line in one.journal() if line["kind"] == "finished"}
    assert len(lines) == 24 and lines[0]["status"] == "timeout" and lines[1]["status"] == "done", said
    words = r"tried 2 times, the last time stopped after \d+ s: finished cells like it allow 2 s .* at step 1 of 10"
    assert re.search(words, lines[0]["reason"]), lines[0]
    assert one.verb("status", one.out)[1].count("timeout        1") == 1
    said = one.verb("explain", one.out, 0)[1]
    assert len(re.findall("attempt [12]: .*: timeout: stopped after", said)) == 2, said
    assert "result: timeout: tried 2 times" in said, said

    one.environment["FAKE_TROUBLE"] = ""
    assert one.run("--retry", "timeout")[0] == 0


def test_a_pack_gives_the_bits_of_its_cells_alone(ground, reference):
    one = ground()
    code, said = one.run("--pack", 4)
    assert code == 0, said
    assert one.bits() == reference


def test_a_full_disk_stops_the_run_and_loses_nothing(fake):
    one = fake(FAKE_DELAY_MS=10)
    limit = 6000  # bytes of one file: enough for a few results
    code, said = one.run("--disk-wait", 0, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert code == 75, said
    assert "cannot write" in said and "safe" in said, said
    before = one.recorded()
    assert one.run()[0] == 0
    assert before < one.recorded() == 24
    one.check_each_cell_was_recorded_once()


@pytest.mark.parametrize(
    "sweep, options, words",
    [
        (SWEEP.replace("kappa = [2, 4]", "kapa = [2, 4]"), [], r"chaos.toml:12:\d+: .*kapa"),
        (SWEEP, ["--device-kind", "cpu-quantum"], "cpu-quantum"),
        (SWEEP, ["--retry", "done"], "--retry done"),
        (SWEEP, ["--deadline", "tomorrow"], "--deadline tomorrow"),
        (SWEEP, ["--cell-limit", "0.5"], "--cell-limit 0.5: expected a factor"),
        (SWEEP, ["--slots", "0"], "phasegrid: --slots: .*0.*\n`phasegrid run --help`"),
        (SWEEP, ["--frobnicate"], "phasegrid: .*--frobnicate.*\n`phasegrid run --help`"),
    ],
    ids=["sweep", "kind", "retry", "deadline", "cell-limit", "slots", "unknown"],
)
@pytest.mark.parametrize("ranks", [0, 2])
def test_wrong_input_is_exit_2_with_a_message(sweep, options, words, ranks, ground):
    one = ground(sweep=sweep)
    code, said = one.run(*options, ranks=ranks)
    assert code == 2, said
    assert re.search(words, said), said


def test_a_wrong_verb_or_option_is_told_with_what_can_be_given(ground):
    one = ground()
    slurm = ["slurm", one.sweep, "--time", 60, "--run-options"]
    for words, message in [(["frob"], r"frob: there is no such verb, expected one of plan, run, status, "),
                           (["bench", "dispatch", "--cells", 0], r"--cells: .*\n`phasegrid bench dispatch --help`"),
                           (["bench", "frob"], r"`phasegrid bench --help`"),
                           (["--frob"], r"`phasegrid --help`"),
                           ([*slurm, "--slots 2 --frob"], r"--run-options: .*--frob"),
                           ([*slurm, "--deadline soon"], r"--deadline soon: expected")]:
        code, said = one.verb(*words)
        assert code == 2 and re.search(message, said), said


def test_explain_tells_whether_a_cell_runs_waits_or_was_lost(fake):
    one = fake(FAKE_DELAY_MS=60_000)
    process = one.start("--slots", 1)
    wait_until(lambda: any(line["kind"] == "started" for line in one.journal()), "the first cell")
    cell = next(line["cell"] for line in one.journal() if line["kind"] == "started")
    said = one.verb("explain", one.out, cell)[1]
    assert re.search(r"attempt 1: .*: running\nno result yet: it is trained now, by process \d+ on ", said), said
    said = one.verb("explain", one.out, (cell + 1) % 24)[1]
    assert re.search(r"no result yet: it waits for its turn with process \d+ on ", said), said
    one.kill("coordinator")
    process.communicate(timeout=60)
    one.settle()
    said = one.verb("explain", one.out, cell)[1]
    assert "interrupted\nno result yet: the next `phasegrid run` of this folder trains it" in said, said


def test_a_missing_sweep_file_and_an_impossible_folder_are_exit_2(ground):
    one = ground()
    one.out = one.sweep / "out"  # below a file
    code, said = one.run()
    assert code == 2 and "chaos.toml: is a file" in said, said
    one.sweep.unlink()
    code, said = one.run()
    assert code == 2 and "chaos.toml" in said, said


def test_a_terminal_sees_one_live_line(fake):
    one = fake(FAKE_DELAY_MS=100)
    line = f"{one.program} run {one.sweep} -o {one.out}"
    said = subprocess.run(["script", "-qec", line, "/dev/null"], env=one.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).stdout.decode()
    assert re.search(r"\r\x1b\[K\d+/24 cells, .*running on \d+ slot", said), said
    wait_until(lambda: not one.processes(), "the end")


def test_the_first_cells_failing_alike_end_the_run(fake):
    one = fake(FAKE_TROUBLE=",".join(f"{cell}:abort" for cell in range(24)))
    code, said = one.run("--slots", 2, "--attempts", 1)
    assert code == 3 and "the first 5 cells all failed in the same way" in said and "about to abort" in said, said
    assert 5 <= one.recorded() <= 7
    assert one.verb("status", one.out, "--exit-code")[0] == 75
    one.environment["FAKE_TROUBLE"] = ""
    assert one.run("--retry", "failed")[0] == 0
    assert one.verb("status", one.out, "--exit-code")[0] == 0


def test_the_end_tells_where_the_time_went(fake):
    one = fake(FAKE_DELAY_MS=20)
    code, said = one.run("--slots", 2)
    assert code == 0, said
    assert re.search(r"utilisation +busy \d+\.\d %.*of .* in 2 slots; overhead \S+ ms per cell", said), said
    assert any(line["kind"] == "note" and line["about"] == "utilisation" for line in one.journal())


def test_top_and_report_show_a_run_from_outside(fake):
    one = fake(FAKE_DELAY_MS=150, FAKE_TROUBLE="2:abort")
    process = one.start("--slots", 2)
    one.wait_for_records(4, process)
    code, said = one.verb("top", one.out, "--once")
    assert code == 0 and re.search(r"running [12]\n  rank 0 slot", said) and "of 24 cells" in said, said
    process.communicate(timeout=60)
    code, said = one.verb("report", one.out)
    assert code == 0 and "24 of 24 cells" in said, said
    page = (one.out / "report.html").read_text()
    assert "http" not in page and "<script" not in page, "the page needs nothing else"
    assert page.count("<svg") == page.count("</svg>") > 3 and "about to abort" in page and "s6_mqar" in page
    (one.out / "report.html").unlink()


def test_a_full_disk_pauses_the_run_until_there_is_space(fake):
    one = fake(FAKE_DELAY_MS=10)
    limit = resource.RLIMIT_FSIZE
    unlimited = resource.getrlimit(limit)
    process = one.start(preexec_fn=lambda: resource.setrlimit(limit, (6000, unlimited[1])))
    wait_until(lambda: "paused: " in (one.out / "log/coordinator.log").read_text() if (one.out / "log/coordinator.log").exists() else False, "the pause")
    before = one.recorded()
    pid = next(pid for pid, role in one.processes().items() if role == "coordinator")
    resource.prlimit(pid, limit, unlimited)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "there is space again" in said, said
    assert before < one.recorded() == 24
    one.check_each_cell_was_recorded_once()
