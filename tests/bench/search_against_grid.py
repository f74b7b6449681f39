"""A boundary search against the full grid of the same question: cells, time, and transitions side by side.

    search_against_grid.py PHASEGRID GRID_FOLDER SEARCH_FOLDER

Both are run folders of sweeps that differ in [search] only (sweeps/transition_grid.toml, transition_search.toml). A cell that
both have trained must have the same bits; its time is taken from the grid's run, so that both sums are of one machine and load.
"""
import json
import subprocess
import sys

import h5py
import numpy as np

CELL = ("variant", "kappa", "d", "seed")


def trials(folder):
    with h5py.File(f"{folder}/results.h5") as file:
        table = file["trials"]
        names = table["variant"].asstr()[()]
        rows = zip(names, *(np.asarray(table[name]) for name in (*CELL[1:], "accuracy", "seconds", "steps")))
        return {(v, int(k), int(d), int(s)): (accuracy, seconds, steps) for v, k, d, s, accuracy, seconds, steps in rows}


def columns(program, folder, level=0.9):
    report = json.loads(subprocess.run([program, "analyze", folder, "--json"], capture_output=True, text=True, check=False).stdout)
    found = {}
    for column in report["columns"]:
        at = next(t for t in column["transitions"] if t["level"] == level)
        found[column["column"]] = (at["transition"], float(at["low"]), float(at["high"]))
    return found


def main(program, grid_folder, search_folder):
    grid, search = trials(grid_folder), trials(search_folder)
    both = [cell for cell in search if cell in grid]
    different = [cell for cell in both if grid[cell][0] != search[cell][0]]
    print(f"cells: {len(grid)} of the grid, {len(search)} of the search: {len(grid) / len(search):.1f} times fewer")
    print(f"{len(both)} in both, {len(different)} with different bits")
    seconds = sum(row[1] for row in grid.values()), sum(grid[cell][1] for cell in both)
    print(f"seconds of the grid's run: {seconds[0]:.0f} of all cells, {seconds[1]:.0f} of those that the search needed: {seconds[0] / seconds[1]:.1f} times less")
    steps = sum(row[2] for row in grid.values()), sum(row[2] for row in search.values())
    print(f"training steps: {steps[0]:.0f}, {steps[1]:.0f}")
    ours, theirs = columns(program, search_folder), columns(program, grid_folder)
    agree = 0
    print(f"{'column':<28} {'grid':>24} {'search':>24}")
    for label in theirs:
        (x, low, high), (y, from_, to) = theirs[label], ours[label]
        both_ways = from_ <= (x or high) and (x or low) <= to and low <= (y or to) and (y or from_) <= high
        agree += both_ways
        text = lambda x, low, high: f"{x if x is not None else float('nan'):6.2f} [{low:5.2f}, {high:5.2f}]"
        print(f"{label:<28} {text(x, low, high):>24} {text(y, from_, to):>24} {'' if both_ways else '  apart'}")
    print(f"{agree} of {len(theirs)} estimates lie in each other's intervals")


if __name__ == "__main__":
    main(*sys.argv[1:])
