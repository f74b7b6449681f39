#!/usr/bin/env python3
"""The training step of torch_peer.py on a GPU, one model, in float32: launched kernel by kernel, and replayed as a CUDA graph, which is as fast
as PyTorch gets there. Needs a PyTorch with CUDA. Milliseconds per step (median) as JSON lines:

    tests/bench/peers/torch_gpu_peer.py mamba 64/16/64 mamba2 64/16/64 [--steps 30]
"""
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch_peer import Network, mqar


def median_ms(step, steps):
    times = []
    for _ in range(steps):
        torch.cuda.synchronize()
        start = time.perf_counter()
        step()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def measure(variant, d, N, T, steps):
    torch.manual_seed(0)
    batch = mqar(T, "zero")
    with torch.device("cuda"):
        tokens, scored, labels = (x.cuda() for x in batch)
        network = Network(variant, d, N, 1)
        optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01, capturable=True, fused=True)

        def step():
            optimiser.zero_grad(set_to_none=False)
            F.cross_entropy(network(tokens, scored), labels).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()

        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(side)
        launched = median_ms(step, steps)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            step()
        return launched, median_ms(graph.replay, steps)


def main():
    words = sys.argv[1:]
    steps = int(words.pop(words.index("--steps") + 1)) if "--steps" in words else 30
    words = [word for word in words if word != "--steps"]
    for variant, case in zip(words[::2], words[1::2]):
        launched, replayed = measure(variant, *map(int, case.split("/")), steps)
        print(json.dumps({"variant": variant, "case": case, "ms_per_step": round(launched, 3), "ms_per_step_as_graph": round(replayed, 3)}), flush=True)


if __name__ == "__main__":
    main()
