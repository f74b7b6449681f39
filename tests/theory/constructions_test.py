"""Weights built by hand from the theorems solve their task exactly, through `phasegrid apply`, and fail one step below.

C1  MQAR by S6 without gate: d = kappa + ceil(log2 nu), N = kappa          (docs/theory.md, 3.1)
C5  KEEP n-TH by S6 with a position channel: d = ceil(log2 V) + 2, N = 1   (docs/theory.md, 3.5)
"""
import json
import math
import os
import subprocess

import h5py
import numpy as np
import pytest

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")
NO_DECAY = -40.0                  # A = -e^-40
DELTA_ONE = math.log(math.e - 1)  # softplus of it is 1
FAR = -1e9


def bits(n):
    return max(1, math.ceil(math.log2(n)))


def codes(n, p):
    return ((np.arange(n)[:, None] >> np.arange(p)) & 1).astype(float)


def affine_decoder(d, vocab, tokens, channels, code, scale):
    """Logits scale <c_v, r> - scale^2 |c_v|^2 / 2 for the given tokens, far below for all others: the nearest codeword."""
    weight, bias = np.zeros((vocab, d)), np.full(vocab, FAR)
    weight[np.ix_(tokens, channels)] = scale * code
    bias[tokens] = -0.5 * scale**2 * (code**2).sum(1)
    return {"lm_head.weight": weight, "lm_head.bias": bias}


def s6_without_decay(d, N):
    mixer = "layers.0.mixer."
    return {
        mixer + "A_log": np.full((d, N), NO_DECAY),
        mixer + "D": np.zeros(d),
        mixer + "dt_proj.weight": np.zeros((d, d)),
        mixer + "dt_proj.bias": np.full(d, DELTA_ONE),
        mixer + "in_proj.weight": np.eye(d),
    }


def c1(kappa, nu, N, p):
    d, vocab, alpha, mixer = kappa + p, 1 + kappa + nu, 0.1, "layers.0.mixer."
    silu = lambda x: x / (1 + math.exp(-x))
    w = s6_without_decay(d, N)
    embedding = np.zeros((vocab, d))
    embedding[1 : 1 + kappa, :kappa] = np.eye(kappa)
    code = codes(nu, bits(nu))[:, :p]
    embedding[1 + kappa :, kappa:] = code
    conv = np.zeros((d, 1, 2))
    conv[:, 0, 1] = 1                # the current token
    conv[:kappa, 0, 0] = alpha       # the one before: keys only
    column = np.zeros((N, d))
    column[np.arange(kappa) % N, np.arange(kappa)] = 1
    out = np.zeros((d, d))
    out[kappa:, kappa:] = np.eye(p)
    w |= {"embedding.weight": embedding, mixer + "conv1d.weight": conv, mixer + "conv1d.bias": np.zeros(d)}
    w |= {mixer + "x_proj.weight": np.vstack([column, column]), mixer + "out_proj.weight": out}
    w |= affine_decoder(d, vocab, np.arange(1 + kappa, vocab), np.arange(kappa, d), code, silu(1) ** 2 * silu(alpha))
    model = f'vocab = {vocab}\nvariant = "mamba"\nd = {d}\nN = {N}\nexpand = 1\nconv = 2\ngate = false\ndelta_rank = "full"\n'
    return model, w


def c5(vocab, T, n, positions=True, beta=60.0):
    p, mixer = bits(vocab), "layers.0.mixer."
    d, code = p + 2, codes(vocab, bits(vocab))
    w = s6_without_decay(d, 1)
    embedding, position = np.zeros((vocab, d)), np.zeros((T, d))
    embedding[:, :p], embedding[:, p] = code, 1
    position[:, p + 1] = np.arange(1, T + 1) if positions else 0
    delta = np.zeros((d, d))
    delta[:, p + 1], delta[:, p] = -beta, beta * (n + 0.5)   # softplus(beta (n + 1/2 - t)): erases before n, freezes after
    read = np.zeros((2, d))
    read[:, p] = 1
    out = np.zeros((d, d))
    out[:p, :p] = np.eye(p)
    w |= {"embedding.weight": embedding, "position.weight": position, mixer + "A_log": np.zeros((d, 1))}
    w |= {mixer + "dt_proj.weight": delta, mixer + "dt_proj.bias": np.zeros(d), mixer + "x_proj.weight": read, mixer + "out_proj.weight": out}
    w |= affine_decoder(d, vocab, np.arange(vocab), np.arange(p), code, beta / 2)
    model = f'vocab = {vocab}\nvariant = "mamba"\nd = {d}\nN = 1\nexpand = 1\nconv = 0\nactivation = "identity"\ngate = false\ndelta_rank = "full"\npositional = "learned"\n'
    return model, w


def sample(task, count, **options):
    command = [BINARY, "sample", task, "--count", str(count), "--seed", "3", "--json"]
    for key, value in options.items():
        command += ["--set", f"{key}={str(value).lower()}"]
    lines = [json.loads(line) for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()]
    return np.array([l["tokens"] for l in lines], np.int32), np.array([l["targets"] for l in lines], np.int32)


def accuracy(folder, construction, batch, precision):
    model, weights = construction
    with h5py.File(folder / "weights.h5", "w") as f:
        f.attrs["model"] = model
        for name, value in weights.items():
            f[name] = value
    with h5py.File(folder / "batch.h5", "w") as f:
        f["tokens"], f["targets"] = batch
    subprocess.run([BINARY, "apply", folder / "weights.h5", folder / "batch.h5", "-o", folder / "out.h5", "--precision", precision], check=True)
    with h5py.File(folder / "out.h5") as f:
        logits, targets = f["logits"][...], batch[1]
        scored = targets >= 0
        assert f["accuracy"][()] == pytest.approx((logits.argmax(-1)[scored] == targets[scored]).mean(), abs=1e-12)
        return float(f["accuracy"][()])


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("kappa,nu,T,distinct", [(4, 4, 16, True), (8, 16, 64, False), (16, 32, 128, False), (5, 7, 200, True)])
def test_c1_solves_mqar_exactly(tmp_path, precision, kappa, nu, T, distinct):
    pairs = min(kappa, nu) if distinct else kappa
    batch = sample("mqar", 300, kappa=kappa, nu=nu, pairs=pairs, T=T, distinct_values=distinct)
    assert accuracy(tmp_path, c1(kappa, nu, kappa, bits(nu)), batch, precision) == 1.0


def test_c1_fails_with_one_state_column_less(tmp_path):
    batch = sample("mqar", 300, kappa=8, nu=16, pairs=8, T=64, distinct_values=False)
    assert 0.5 < accuracy(tmp_path, c1(8, 16, 7, bits(16)), batch, "float64") < 1.0


def test_c1_fails_with_one_bit_less(tmp_path):
    batch = sample("mqar", 300, kappa=8, nu=16, pairs=8, T=64, distinct_values=False)
    assert 0.3 < accuracy(tmp_path, c1(8, 16, 8, bits(16) - 1), batch, "float64") < 0.7


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("T,n", [(20, 5), (50, 5), (100, 1), (300, 300)])
def test_c5_keeps_the_nth_token(tmp_path, precision, T, n):
    batch = sample("keep_nth", 500, vocab=32, n=n, T=T)
    assert accuracy(tmp_path, c5(32, T, n), batch, precision) == 1.0


def test_c5_fails_without_its_position_channel(tmp_path):
    batch = sample("keep_nth", 500, vocab=32, n=5, T=50)
    assert accuracy(tmp_path, c5(32, 50, 5, positions=False), batch, "float64") < 0.1

