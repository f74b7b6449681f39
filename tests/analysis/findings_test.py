"""What `phasegrid analyze` says of planted facts: violations are errors, surprises are findings, gaps in data are said."""
import shutil
import subprocess

import h5py
import numpy as np
import pytest

from simulated import PROGRAM, Sweep, analyze

def verdict(found, theorem):
    return next(v for v in found["verdicts"] if v["theorem"] == theorem)


def planted(tmp_path, factor, seeds=8, **options):
    """Transitions at `factor` times the construction's width kappa + log2 nu."""
    sweep = Sweep(d=np.unique(np.round(2 ** np.arange(1, 7.01, 0.25)).astype(int)), kappa=(4, 8, 16), seeds=seeds, **options)
    transition = factor * (sweep.kappa.reshape(1, -1, 1, 1, 1) + 4)
    return sweep, sweep.outcomes(np.random.default_rng(4), transition, 0.1)


def test_a_transition_below_the_construction_is_a_finding_and_no_error(tmp_path):
    sweep, accuracy = planted(tmp_path, 0.6)
    found = analyze(sweep.write(tmp_path / "out.h5", accuracy))
    said = verdict(found, "s6_mqar_exact")
    assert said["finding"] == "not_minimal" and "not the smallest" in said["sentence"]
    exact = next(law for law in found["scaling"][0]["laws"] if law["law"] == "exact")
    assert exact["coefficients"][0]["low"] < 0.6 < exact["coefficients"][0]["high"]
    assert verdict(found, "counting bound")["finding"] == "holds"


def test_a_transition_above_the_construction_is_an_optimisation_gap(tmp_path):
    sweep, accuracy = planted(tmp_path, 1.8)
    found = analyze(sweep.write(tmp_path / "out.h5", accuracy))
    assert verdict(found, "s6_mqar_exact")["finding"] == "search_failure"
    for column in found["columns"]:
        assert column["construction"]["d"] == column["kappa"] + 4
        assert column["gap"]["low"] < 1.8 < column["gap"]["high"]


def test_without_the_states_that_a_theorem_needs_there_is_no_gap(tmp_path):
    sweep, accuracy = planted(tmp_path, 1.8, model="N = 4")
    found = analyze(sweep.write(tmp_path / "out.h5", accuracy))
    constructions = {column["kappa"]: column.get("construction", {}).get("name") for column in found["columns"]}
    assert constructions == {4: "s6_mqar_exact", 8: "s6_mqar_distinct", 16: "s6_mqar_distinct"}


def test_recalling_more_than_the_state_can_hold_is_a_violation(tmp_path):
    """kappa = nu = 16 needs 7 numbers of state to be exact; with d = 2, N = 1 there are two."""
    sweep = Sweep(d=(2, 4, 8, 16), kappa=(16,), model="N = 1", seeds=3)
    accuracy = np.full(sweep.shape, 0.2)
    accuracy[2:] = 1.0
    honest = analyze(sweep.write(tmp_path / "honest.h5", accuracy))
    assert honest["bounds"]["cells"] == 12 and honest["bounds"]["tested"] == 6 and not honest["bounds"]["violations"]
    accuracy[0, 0, 0, 0, 1] = 0.99
    caught = analyze(sweep.write(tmp_path / "caught.h5", accuracy), code=3)
    (violation,) = caught["bounds"]["violations"]
    assert violation["label"].startswith("d=2 ") and violation["label"].endswith(" seed=1")
    assert violation["p"] < 1e-6
    assert "a bug" in verdict(caught, "counting bound")["sentence"]


def test_luck_is_no_violation(tmp_path):
    """Accuracies at the bound itself, with the noise of 1000 sequences, in 900 cells: no false alarm."""
    sweep = Sweep(d=(2, 3, 4), kappa=(16,), model="N = 1", seeds=300)
    first = np.full(sweep.shape, np.nan)
    first[:, :, :, :, 0] = 1.0
    most = {int(v["state"]): v["expected"] for v in
            analyze(sweep.write(tmp_path / "most.h5", first), code=3)["bounds"]["violations"]}
    assert set(most) == {2, 3, 4} and most[2] < most[3] < most[4] < 1
    rates = np.array([most[d] for d in (2, 3, 4)]).reshape(-1, 1, 1, 1, 1)
    accuracy = np.random.default_rng(5).binomial(1000, np.broadcast_to(rates, sweep.shape)) / 1000
    found = analyze(sweep.write(tmp_path / "luck.h5", accuracy))
    assert found["bounds"]["tested"] == 900 and not found["bounds"]["violations"]


def test_columns_that_show_no_transition_are_censored(tmp_path):
    sweep = Sweep(d=(4, 8, 16, 32), kappa=(2, 4, 8), seeds=5)
    accuracy = np.full(sweep.shape, 0.1)
    accuracy[:, 0] = 1.0   # always solved
    accuracy[2:, 1] = 1.0  # solved from 16 on; kappa = 8 never
    always, between, never = (c["transitions"][1] for c in analyze(sweep.write(tmp_path / "out.h5", accuracy))["columns"])
    assert (always["censored"], always["transition"], always["low"]) == ("below", None, 0) and always["high"] < 5
    assert (never["censored"], never["transition"], never["high"]) == ("above", None, "inf") and never["low"] > 28
    assert between["censored"] == "no" and 7 < between["low"] < 8.5 and 15 < between["high"] < 17
    text = subprocess.run([PROGRAM, "analyze", tmp_path / "out.h5"], capture_output=True, text=True).stdout
    assert "along d (the width varies)" in text and "< 4" in text and "> 3" in text


def test_diverged_trainings_are_failures_and_missing_ones_say_nothing(tmp_path):
    sweep = Sweep(d=(4, 8, 16), seeds=4)
    accuracy, status = np.full(sweep.shape, 1.0), np.ones(sweep.shape)
    accuracy[0], status[0] = np.nan, 2                              # diverged
    accuracy[1, ..., 1:], status[1, ..., 1:] = np.nan, 0            # pending
    found = analyze(sweep.write(tmp_path / "out.h5", accuracy, status))
    assert found["counted"] == 9 and [len(p["accuracy"]) for p in found["columns"][0]["trained"]] == [4, 1, 4]
    assert 4 < found["columns"][0]["transitions"][0]["low"] * 1.1 and found["columns"][0]["transitions"][0]["high"] < 17


def test_the_report_is_stored_in_the_file_and_replaced_by_the_next(tmp_path):
    sweep, accuracy = planted(tmp_path, 1)
    path = sweep.write(tmp_path / "out.h5", accuracy)
    for _ in range(2):
        found = analyze(path, "--level", 0.8)
    with h5py.File(path) as file:
        group = file["analysis"]
        assert group.attrs["axis"] == "d" and group.attrs["cut"] == 5 and group.attrs["results"] == accuracy.size
        assert group["level"][:].tolist() == [0.5, 0.8, 0.9, 0.99]
        expected = [[t["transition"] for t in c["transitions"]] for c in found["columns"]]
        assert np.allclose(group["transition"][:].reshape(3, 4), expected)
        assert len(group["verdict_sentence"]) == len(found["verdicts"])
        assert len(file["trials/accuracy"]) == accuracy.size


def test_a_file_that_cannot_be_written_is_analyzed_all_the_same(tmp_path):
    sweep, accuracy = planted(tmp_path, 1)
    folder = tmp_path / "gone"
    folder.mkdir()
    path = sweep.write(folder / "out.h5", accuracy)
    (folder / "out.h5.tmp").mkdir()  # the name beside the file is taken: writing fails, also for root
    before = path.read_bytes()
    done = subprocess.run([PROGRAM, "analyze", path], capture_output=True, text=True)
    assert done.returncode == 0 and "Verdicts:" in done.stdout and "not stored: " in done.stdout
    assert path.read_bytes() == before
    shutil.rmtree(folder)


@pytest.mark.parametrize("axes, expected", [("[search]\nmode = \"boundary\"\naxis = \"N\"", "N"), ("", "d")])
def test_the_axis_is_said_and_can_be_chosen(tmp_path, axes, expected):
    sweep = Sweep(d=(4, 8), kappa=(4,), seeds=2, model="")
    sweep.text = sweep.text.replace("learning_rate = [0.000001]", "N = [4, 8]") + axes + "\n"
    path = sweep.write(tmp_path / "out.h5", np.ones(8))
    assert analyze(path)["axis"] == expected


def test_a_sweep_without_an_axis_says_what_is_missing(tmp_path):
    sweep = Sweep(d=(8,), kappa=(4,), seeds=2)
    done = subprocess.run([PROGRAM, "analyze", sweep.write(tmp_path / "out.h5", np.ones(2))], capture_output=True, text=True)
    assert done.returncode == 2 and "no axis along which a transition could be" in done.stderr
    done = subprocess.run([PROGRAM, "analyze", tmp_path / "none"], capture_output=True, text=True)
    assert done.returncode == 2 and "does not exist" in done.stderr
