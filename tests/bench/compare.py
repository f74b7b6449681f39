#!/usr/bin/python3
"""`phasegrid bench train` beside its PyTorch peer, case by case and turn by turn on one core: the tables of docs/performance.md.

    tests/bench/compare.py build/release/phasegrid [--rounds 3] [zero] [random] [all]

Prints one table per group of cases: milliseconds per step (median over rounds of medians), their ratio, and the floor ratio.
"""
import json
import os
import statistics
import subprocess
import sys

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "torch_peer.py")
S6 = ["16/4/64", "64/16/64", "64/64/64", "128/16/256", "256/16/64"]
GROUPS = {
    "zero": [("mamba", case, []) for case in S6] + [(v, case, []) for v in ("mamba2", "mamba_s4d") for case in ("64/16/64", "128/16/256")],
    "random": [("mamba", case, ["--filler", "random"]) for case in ("64/16/64", "64/64/64", "128/16/256")],
    "all": [(v, case, ["--layers", "2", "--score", "all"]) for v, case in (("mamba", "64/16/64"), ("mamba", "128/16/256"), ("mamba2", "128/16/256"))],
}


def ours(binary, variant, case, options):
    d, N, T = case.split("/")
    out = subprocess.run([binary, "bench", "train", "--variant", variant, "--d", d, "--N", N, "--T", T, "--seconds", "1.5", "--json", *options],
                         check=True, capture_output=True, text=True).stdout
    result = json.loads(out)
    return result["ms_per_step"], result["floor_ratio"]


def peer(variant, case, options):
    out = subprocess.run([PEER, variant, case, "--steps", "12", *options], check=True, capture_output=True, text=True).stdout
    return json.loads(out)["ms_per_step"]


def main():
    binary, rounds, groups = sys.argv[1], 3, []
    words = iter(sys.argv[2:])
    for word in words:
        if word == "--rounds":
            rounds = int(next(words))
        else:
            groups.append(word)
    for group in groups or GROUPS:
        print(f"\n**{group}**\n\n| variant | d/N/T | phasegrid ms | PyTorch ms | ratio | times the floor |\n|---|---|---|---|---|---|", flush=True)
        for variant, case, options in GROUPS[group]:
            pairs = [(*ours(binary, variant, case, options), peer(variant, case, options)) for _ in range(rounds)]
            ms, floor, torch = (statistics.median(values) for values in zip(*pairs))
            print(f"| {variant} | {case} | {ms:.3g} | {torch:.4g} | {torch / ms:.1f} | {floor:.2f} |", flush=True)


if __name__ == "__main__":
    main()
