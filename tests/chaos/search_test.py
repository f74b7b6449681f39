"""Searches under real processes: the same cells with the same bits on any number of slots, after kills too; names of cells
that no list of the sweep has; random searches that can be repeated."""
import json
import re

import h5py
import numpy
import pytest

SEARCH = """
# Where does a tiny Mamba begin to tell 2 or 4 keys apart after 150 steps?
[sweep]
name = "search"
seeds = 3
[task]
name = "mqar"
nu = 2
T = 16
distinct_values = false
[axes]
variant = ["mamba", "mamba2"]
kappa = [2, 4]
d = [2, 6, 16]
[model]
N = 4
[train]
steps = 150
learning_rate = 2e-2
batch = 16
[eval]
eval_examples = 100
[search]
mode = "boundary"
axis = "d"
level = 0.7
probes_per_round = 8
"""
RANDOM = SEARCH[: SEARCH.index("[search]")] + '[search]\nmode = "random"\nn = 7\nseed = 3\n'


def trials(one):
    """Everything of /trials but the time that cells took."""
    with h5py.File(one.out / "results.h5") as file:
        return {name: (data.shape, numpy.asarray(data).tobytes()) for name, data in file["trials"].items() if name != "seconds"}


def columns(one):
    with h5py.File(one.out / "results.h5") as file:
        return {name: numpy.asarray(file["trials"][name]) for name in ("trial", "d", "kappa", "seed", "accuracy", "status")}


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """An undisturbed search in one process."""
    from harness import Ground

    one = Ground(tmp_path_factory.mktemp("found") / "run", sweep=SEARCH)
    code, said = one.run("--slots", 1)
    assert code == 0, said
    return one


@pytest.mark.parametrize("slots, ranks", [(2, 0), (4, 0), (2, 2)])
def test_any_number_of_slots_probes_the_same_cells_with_the_same_bits(slots, ranks, ground, found):
    one = ground(sweep=SEARCH)
    code, said = one.run("--slots", slots, ranks=ranks)
    assert code == 0, said
    assert trials(one) == trials(found)
    assert one.bits() == found.bits()


def test_a_killed_search_goes_on_to_the_same_end(ground, found):
    one = ground(sweep=SEARCH)
    for records in (5, 20):
        process = one.start("--slots", 2)
        one.wait_for_records(records, process)
        assert one.kill("coordinator")
        process.communicate(timeout=60)
        one.settle()
        code, said = one.verb("status", one.out, "--missing", "--exit-code", "--json")
        assert code == 75, said
        status = json.loads(said)
        assert status["search"]["columns"] == 4 and status["missing"] == len(status["missing_cells"]) > 0
    assert one.run("--slots", 2)[0] == 0
    one.check_each_cell_was_recorded_once()
    assert trials(one) == trials(found)
    assert one.bits() == found.bits()


def test_a_search_trains_part_of_the_grid_and_says_what_it_inferred(found):
    rows = columns(found)
    assert len(rows["trial"]) == len(set(rows["trial"])) < 4 * 3 * len(range(2, 17))
    listed = numpy.isin(rows["d"], [2, 6, 16])
    assert not listed.all(), "integers between the listed widths are probed"
    with h5py.File(found.out / "results.h5") as file:
        assert list(file["d"]) == [2, 6, 16]
        status, accuracy = numpy.asarray(file["status"]), numpy.asarray(file["accuracy"])
    assert (status == 1).sum() == listed.sum()
    assert numpy.isnan(accuracy[status != 1]).all()


def test_cells_between_listed_values_have_names(found):
    rows = columns(found)
    between = int(numpy.flatnonzero(~numpy.isin(rows["d"], [2, 6, 16]))[0])
    kappa, d, seed = (int(rows[name][between]) for name in ("kappa", "d", "seed"))
    labels = found.verb("explain", found.out, int(rows["trial"][between]))[1]
    variant = re.search(r"variant=(\w+)", labels).group(1)
    name = f"variant={variant},kappa={kappa},d={d},seed={seed}"
    code, said = found.verb("explain", found.out, name)
    assert code == 0 and f"d={d}" in said and "result: done" in said
    code, said = found.verb("cell", found.sweep, name, "--json")
    assert code == 0, said
    assert json.loads(said)["accuracy"] == rows["accuracy"][between]
    code, said = found.verb("explain", found.out, f"variant={variant},kappa={kappa},d=15,seed=0")
    assert code == 0 and ("not trained: " in said or "result: done" in said)


def test_every_verb_knows_a_search(found):
    code, said = found.verb("status", found.out)
    assert code == 0 and "4 of 4 columns found" in said and "0 missing" in said
    assert found.verb("status", found.out, "--exit-code")[0] == 0
    for verb in (("top", found.out, "--once"), ("report", found.out), ("analyze", found.out), ("plan", found.sweep)):
        code, said = found.verb(*verb)
        assert code == 0, said
    assert "4 columns" in found.verb("plan", found.sweep)[1]
    notes = [line["text"] for line in found.journal() if line["kind"] == "note" and line["about"] == "boundary"]
    assert len(notes) == 4


def test_a_budget_is_kept_and_a_larger_one_goes_on_from_there(ground, found):
    one = ground(sweep=SEARCH + "budget = 13\n")
    assert one.run("--slots", 2)[0] == 0
    small = set(columns(one)["trial"])
    assert len(small) == 13
    one.sweep.write_text(SEARCH)
    assert one.run("--slots", 2)[0] == 0
    assert small | set(columns(found)["trial"]) == set(columns(one)["trial"])


def test_a_random_search_draws_cells_that_can_be_drawn_again(ground):
    first, second = ground("first", sweep=RANDOM), ground("second", sweep=RANDOM)
    assert first.run("--slots", 1)[0] == 0 and second.run("--slots", 2)[0] == 0
    assert first.recorded() == 7
    assert trials(first) == trials(second)
    code, said = first.verb("status", first.out, "--exit-code")
    assert code == 0 and "7 cells, 7 recorded, 0 missing" in said
    second.sweep.write_text(RANDOM.replace("n = 7", "n = 10"))
    assert second.run()[0] == 0
    assert second.recorded() == 10, "a larger draw keeps the smaller one"
