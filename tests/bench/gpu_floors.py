#!/usr/bin/python3
"""What a training step of the nine cases of docs/performance.md moves and computes, and the least time that an H100 needs for it by its
data sheet: the table of docs/gpu.md. Counted, not measured.

    tests/bench/gpu_floors.py build/release/phasegrid
"""
import json
import subprocess
import sys

BYTES, FLOPS, MULTIPROCESSORS, WARPS = 3.35e12, 67e12, 132, 16   # H100 SXM; warps of a multiprocessor as in worker/pack_size.cpp
CASES = [("mamba", case) for case in ("16/4/64", "64/16/64", "64/64/64", "128/16/256", "256/16/64")]
CASES += [(variant, case) for variant in ("mamba2", "mamba_s4d") for case in ("64/16/64", "128/16/256")]

print("| variant | d/N/T | MB | Mflop | M exp | µs: bytes | µs: flops | µs: exp | models that fill it |\n|---|---|---|---|---|---|---|---|---|")
for variant, case in CASES:
    d, N, T = case.split("/")
    out = subprocess.run([sys.argv[1], "bench", "train", "--variant", variant, "--d", d, "--N", N, "--T", T, "--seconds", "0.01", "--json"],
                         check=True, capture_output=True, text=True).stdout
    of = json.loads(out)
    times = (of["bytes_of_tables"] / BYTES, of["gemm_flops"] / FLOPS, of["exponentials"] / (FLOPS / 16))
    warps = of["batch"] * ((2 * int(d) + 31) // 32)   # expand 2
    models = -(-8 * WARPS * MULTIPROCESSORS // warps)
    print(f"| {variant} | {case} | {of['bytes_of_tables'] / 1e6:.3g} | {of['gemm_flops'] / 1e6:.3g} | {of['exponentials'] / 1e6:.3g} | "
          + " | ".join(f"{t * 1e6:.3g}" for t in times) + f" | {models} |")
