"""The boundary search against the full grid on columns drawn by numpy: known transition, slope, lapses, bumps.

The default suite runs 100 columns of each kind; PHASEGRID_LONG=1 2000 in all, and prints the numbers of docs/analysis.md.
"""
import os
import subprocess

import numpy as np
import pytest

LONG = bool(os.environ.get("PHASEGRID_LONG"))
COLUMNS = 500 if LONG else 100
SEED = int(os.environ.get("PHASEGRID_SEED", 2))  # the cut was chosen on columns of seed 1 (docs/analysis.md, section 8)
SEEDS, TOLERANCE = 5, 0.25
CUT = float(os.environ.get("PHASEGRID_CUT", 6.5))  # kSearchCut of results/analysis/lapsing_step.hpp
BITS = 0.16  # an octave of tolerance: results/analysis/boundary.hpp
VALUES = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 22, 24, 28, 32, 36, 40, 48, 56, 64])  # 24 widths
COSTS = VALUES**1.5  # counted, between linear and quadratic in the width


def search(guess, outcomes, probes_per_round=1, tolerance=TOLERANCE):
    """Columns of (log2 x*, low, high, probes, cost, monotone)."""
    lines = [f"{len(guess)} {len(VALUES)} {outcomes.shape[2]}", " ".join(map(str, VALUES)), " ".join(map(repr, COSTS.tolist()))]
    for number, column in zip(guess, outcomes):
        lines.append(f"{number!r} " + " ".join(map(str, column.ravel().astype(int))))
    command = [os.environ["PHASEGRID_BOUNDARY"], str(tolerance), str(probes_per_round), str(CUT), str(BITS * tolerance)]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, check=True)
    return np.array([line.split() for line in done.stdout.splitlines()], float)


def draw(generator, slope, lapse=0.0, bump=False):
    """True transitions (log2), a guess within an octave or so, and an outcome for each column, value and seed."""
    truth = generator.uniform(2.0, 5.0, COLUMNS)
    chance = lapse + (1 - 2 * lapse) / (1 + np.exp(-(np.log2(VALUES) - truth[:, None]) / slope))
    if bump:  # a width well below the transition at which training happens to work in half of the seeds
        place = np.clip(np.searchsorted(np.log2(VALUES), truth - 1.2), 0, len(VALUES) - 1)
        chance[np.arange(COLUMNS), place] = 0.5
    outcomes = generator.random((COLUMNS, len(VALUES), SEEDS)) < chance[:, :, None]
    return truth, truth + generator.normal(0, 0.7, COLUMNS), outcomes


KINDS = {"sharp": {"slope": 0.08}, "wide": {"slope": 0.25}, "lapses": {"slope": 0.15, "lapse": 0.02}, "bumps": {"slope": 0.1, "bump": True}}


@pytest.mark.parametrize("name, options", KINDS.items())
def test_transitions_are_found_with_a_fraction_of_the_trainings(name, options):
    truth, guess, outcomes = draw(np.random.default_rng([SEED, len(name)]), **options)
    x, low, high, probes, cost, _ = search(guess, outcomes).T
    hits, error = (low <= truth) & (truth <= high), np.abs(x - truth)
    grid, grid_cost = len(VALUES) * SEEDS, COSTS.sum() * SEEDS
    if LONG:
        print(f"{name}: coverage {hits.mean():.3f} of {COLUMNS}, median error {np.median(error):.3f} octaves, "
              f"{probes.mean():.1f} probes of {grid} ({grid / probes.mean():.1f} times fewer), cost {grid_cost / cost.mean():.1f} times less", flush=True)
    assert hits.mean() >= 0.92 - 3 * np.sqrt(0.92 * 0.08 / COLUMNS)
    assert np.median(error) < 0.1
    assert probes.mean() <= grid / 4 and cost.mean() <= grid_cost / 5


def test_a_coarser_answer_needs_fewer_trainings():
    errors, probes, costs = [], [], []
    for name, options in KINDS.items():
        truth, guess, outcomes = draw(np.random.default_rng([SEED, len(name)]), **options)
        x, low, high, asked, cost, _ = search(guess, outcomes, tolerance=0.5).T
        hits = (low <= truth) & (truth <= high)
        if LONG:
            print(f"{name}, tolerance 0.5: coverage {hits.mean():.3f}, median error {np.median(np.abs(x - truth)):.3f}, {asked.mean():.1f} probes, "
                  f"cost {COSTS.sum() * SEEDS / cost.mean():.1f} times less", flush=True)
        assert hits.mean() >= 0.92 - 3 * np.sqrt(0.92 * 0.08 / COLUMNS)
        errors.append(np.abs(x - truth)), probes.append(asked), costs.append(cost)
    assert np.median(errors) < 0.1
    assert np.mean(probes) <= len(VALUES) * SEEDS / 6 and np.mean(costs) <= COSTS.sum() * SEEDS / 8


def test_a_bad_guess_costs_probes_and_no_accuracy():
    truth, _, outcomes = draw(np.random.default_rng(9), slope=0.1)
    good, bad = search(truth, outcomes), search(np.where(truth > 3.5, 1.0, 6.0), outcomes)
    assert np.median(np.abs(bad[:, 0] - truth)) < 0.1
    assert good[:, 3].mean() <= bad[:, 3].mean() <= 2 * good[:, 3].mean()


def test_rounds_of_several_probes_find_the_same():
    truth, guess, outcomes = draw(np.random.default_rng(10), slope=0.15)
    together = search(guess, outcomes, probes_per_round=4)
    assert np.median(np.abs(together[:, 0] - truth)) < 0.1
    assert together[:, 3].mean() < 1.5 * search(guess, outcomes)[:, 3].mean()


def test_columns_without_a_transition_stay_open():
    outcomes = np.zeros((2, len(VALUES), SEEDS))
    outcomes[1] = 1
    never, always = search(np.array([3.0, 3.0]), outcomes)
    assert never[2] == np.inf and always[1] == -np.inf
    assert never[3] < 40 and always[3] < 40


def test_success_that_falls_with_width_is_noticed():
    outcomes = np.zeros((1, len(VALUES), SEEDS))
    outcomes[0, (VALUES >= 8) & (VALUES < 14)] = 1  # works from 8 on, and no more from 14 on
    assert search(np.array([3.0]), outcomes)[0, 5] == 0
