"""Every model variant once more, in numpy and float64, straight from the formulas of docs/theory.md, position by position.

Weights go through a file as h5py writes it, and logits, loss and accuracy must agree with `phasegrid apply --precision float64`.
Gradients are checked against this file's loss by central differences, for a few entries of every parameter.
"""
import os
import subprocess

import h5py
import numpy as np
import pytest

BINARY = os.environ.get("PHASEGRID_BINARY", "phasegrid")
VOCAB, BATCH, T = 9, 3, 11


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softplus(z):
    return np.logaddexp(0, z)


ACTIVATIONS = {"silu": lambda z: z * sigmoid(z), "identity": lambda z: z, "relu": lambda z: np.maximum(z, 0)}


def factor(rule, delta, A):
    return {"zoh": np.expm1(delta * A) / A, "euler": delta, "none": 1.0}[rule]


def conv(x, w, b):
    """Framework order: w[:, 0, -1] meets the current position."""
    K, y = w.shape[2], np.zeros_like(x) + b
    for j in range(K):
        y[:, j:] += x[:, : x.shape[1] - j] * w[:, 0, K - 1 - j]
    return y


def recurrence(a, b, C, skip, u):
    """h_t = a_t h_{t-1} + b_t; y_t = sum_n C_t h_t + skip u_t; everything (batch, T, D, N) or broadcast to it."""
    h, y = 0, []
    for t in range(T):
        h = a[:, t] * h + b[:, t]
        y.append((C[:, t] * h).sum(-1))
    return np.stack(y, 1), skip * u


def complex_of(w, name):
    return w[name + "_real"] + 1j * w[name + "_imag"]


def softsort(score):
    """P[b, i, j], i the place in increasing order of the scores."""
    z = -np.abs(np.sort(score, axis=1)[:, :, None] - score[:, None, :])
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def selective(w, m, u, n, delta_axis, rule):
    """S6 with a step size per channel (delta_axis = -1) or per state (-2)."""
    R, N = m.get("delta_rank", 1), m["N"]
    step = lambda x: x @ w["x_proj.weight"][:R].T @ w["dt_proj.weight"].T + w["dt_proj.bias"]
    P = softsort((step(u) @ w["reorder.weight"].T)[..., 0]) if "reorder.weight" in w else np.eye(T)[None]
    u = P @ u
    if "bc_proj.weight" in w:
        W_C = np.triu(w["bc_proj.weight"], 1) + np.eye(*w["bc_proj.weight"].shape)
        sign = {"divergent": 1, "convergent": -1}[m["token_dynamics"]]
        W_B = sign * (softplus(w["bc_log"]) + 0.7)[:, None] * W_C
    else:
        W_B, W_C = w["x_proj.weight"][R : R + N], w["x_proj.weight"][R + N :]
    delta, B, C, A = np.expand_dims(softplus(step(u)), delta_axis), (u @ W_B.T)[..., None, :], (u @ W_C.T)[..., None, :], -np.exp(w["A_log"])
    y, skip = recurrence(np.exp(delta * A), factor(m.get("discretisation", rule), delta, A) * B * u[..., None], C, w["D"], u)
    return P.transpose(0, 2, 1) @ (y + skip)


def mamba(w, m, u, n):
    return selective(w, m, u, n, -1, "euler")


def mamba_delta_t(w, m, u, n):
    return selective(w, m, u, n, -2, "none")


def mamba2(w, m, u, n):
    D, N, H, G, act = u.shape[2], m["N"], m.get("heads", 1), m.get("groups", 1), ACTIVATIONS[m.get("activation", "silu")]
    rows = w["in_proj.weight"][(2 if m["gate"] else 1) * D :]                     # of B, C and dt
    of = lambda first: act(conv(n @ rows[first : first + G * N].T, w["conv1d.weight"][D + first :][: G * N], w["conv1d.bias"][D + first :][: G * N]))
    B, C = (np.repeat(of(first).reshape(BATCH, T, G, N), D // G, axis=2) for first in (0, G * N))
    delta = np.repeat(softplus(n @ rows[2 * G * N :].T + w["dt_bias"]), D // H, axis=2)[..., None]
    A = np.repeat(-np.exp(w["A_log"]), D // H)[:, None]
    y, skip = recurrence(np.exp(delta * A), delta * B * u[..., None], C, np.repeat(w["D"], D // H), u)
    return y + skip


def linear_attention(w, m, u, n):
    alpha = sigmoid(-(n @ w["gk_proj.weight"].T + w["gk_proj.bias"])) ** (1 / 16)
    k, q = u @ w["k_proj.weight"].T, u @ w["q_proj.weight"].T
    y, _ = recurrence(alpha[..., None, :], k[..., None, :] * u[..., None], q[..., None, :], 0, u)
    return y


def s4d(w, m, u, n):
    delta = np.exp(w["log_dt"])[:, None]
    if m.get("s4d_mode") == "real":
        A, B, C, kappa = -np.exp(w["A_log"]), w.get("B", 1.0), w["C"], 1
    else:
        A, C, kappa = -np.exp(w["A_real_log"]) + 1j * w["A_imag"], complex_of(w, "C"), 2
        B = complex_of(w, "B") if "B_real" in w else 1.0
    shape = u.shape + (1,)
    a = np.broadcast_to(np.exp(delta * A), u.shape + A.shape[1:])
    b = factor(m.get("discretisation", "zoh"), delta, A) * B * u.reshape(shape)
    y, skip = recurrence(a, b, np.broadcast_to(C, a.shape), w["D"], u)
    return kappa * y.real + skip


def s4(w, m, u, n):
    L, P, Q, B, C = -np.exp(w["A_real_log"]) + 1j * w["A_imag"], *(complex_of(w, name) for name in "PQBC")
    y = w["D"] * u
    for c in range(u.shape[2]):
        delta, modes = np.exp(w["log_dt"][c]), L.shape[1]
        A = np.diag(L[c]) - np.outer(P[c], Q[c].conj())
        M = np.linalg.inv(np.eye(modes) - delta / 2 * A)
        h = np.zeros((BATCH, modes), complex)
        for t in range(T):
            h = h @ (2 * M - np.eye(modes)).T + delta * (M @ B[c]) * u[:, t, c, None]
            y[:, t, c] += 2 * (h @ C[c]).real
    return y


def b2s6(w, m, u, n):
    D, blocks = u.shape[2], m["blocks"]
    p = D // blocks
    block = np.arange(D) // p
    same = block[:, None] == block[None, :]                       # channels i that feed channel c
    delta = softplus((u * w["dt_proj.weight"]) @ same.T + w["dt_proj.bias"])[..., None]
    if m.get("block_complex", True):
        A = -np.exp(w["A_real_log"]) + 1j * w["A_imag"]
        W_B, W_C = complex_of(w, "B_weight"), complex_of(w, "C_weight")
        bias = complex_of(w, "B_bias") if m.get("block_bias", True) else 0
    else:
        A, W_B, W_C, bias = -np.exp(w["A_log"]), w["B_weight"], w["C_weight"], w.get("B_bias", 0)
    B = np.einsum("bti,ci,in->btcn", u, same, W_B) + bias
    C = np.einsum("bti,ci,in->btcn", u, same, W_C)
    y, skip = recurrence(np.exp(delta * A), factor("zoh", delta, A) * B * u[..., None], C, w["D"], u)
    return y.real + skip


def attention(w, m, u, n):
    D, H = u.shape[2], m.get("heads", 1)
    q, k, v = (np.reshape(u @ w["qkv_proj.weight"][i * D : (i + 1) * D].T, (BATCH, T, H, D // H)) for i in range(3))
    s = np.einsum("bqhp,bthp->bhqt", q, k) / np.sqrt(D // H)
    s = np.where(np.tri(T, dtype=bool), s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    return np.einsum("bhqt,bthp->bqhp", p / p.sum(-1, keepdims=True), v).reshape(BATCH, T, D)


MIXERS = {"mamba": mamba, "mamba_delta_t": mamba_delta_t, "mamba2": mamba2, "linear_attention": linear_attention, "s4d": s4d, "mamba_s4d": s4d, "s4": s4, "b2s6": b2s6, "attention": attention}


def rms(x, weight):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * weight


def time_signal(w):
    """p_t of the S6 layer with one channel that is fed with ones."""
    delta, h, p = softplus(w["time.dt_bias"]), 0, []
    for _ in range(T):
        h = np.exp(-delta * np.exp(w["time.A_log"][0])) * h + delta * w["time.B"]
        p.append(w["time.C"] @ h)
    return np.array(p)[:, None] @ w["time.out_proj.weight"].T


def logits(weights, m, tokens):
    e = weights["embedding.weight"][tokens]
    if m.get("positional") == "ssm_time":
        e = e + time_signal(weights)
    for layer in range(m.get("layers", 1)):
        prefix = f"layers.{layer}.mixer."
        w = {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}
        D = w["out_proj.weight"].shape[1]
        x_first, z_first = (D, 0) if m["variant"] == "mamba2" and m["gate"] else (0, D)
        n = rms(e, weights[f"layers.{layer}.norm.weight"]) if m.get("norm") == "rms" else e
        x = n @ w["in_proj.weight"][x_first : x_first + D].T
        u = ACTIVATIONS[m.get("activation", "silu")](conv(x, w["conv1d.weight"][:D], w["conv1d.bias"][:D]) if m["conv"] else x)
        y = MIXERS[m["variant"]](w, m, u, n)
        if m["gate"]:
            y = y * ACTIVATIONS["silu"](n @ w["in_proj.weight"][z_first : z_first + D].T)
        if m.get("gated_norm"):
            G = m.get("groups", 1)
            y = rms(y.reshape(BATCH, T, G, D // G), w["norm.weight"].reshape(G, D // G)).reshape(y.shape)
        r = y @ w["out_proj.weight"].T
        e = r + e if m.get("residual") else r
    if m.get("norm") == "rms":
        e = rms(e, weights["norm_f.weight"])
    return e @ weights["lm_head.weight"].T + weights["lm_head.bias"]


def loss(values, targets):
    scored = targets >= 0
    z = values[scored]
    return (np.log(np.exp(z - z.max(-1, keepdims=True)).sum(-1)) + z.max(-1) - z[np.arange(len(z)), targets[scored]]).mean()


def mixer_shapes(m, D):
    """The datasets of one mixer (docs/weights.md)."""
    N, n = m.get("N", 0), m.get("N", 0) // 2
    pair = lambda name, *shape: {name + "_real": shape, name + "_imag": shape}
    diagonal = {"log_dt": (D,), "A_real_log": (D, n), "A_imag": (D, n), "D": (D,)} | pair("B", D, n) | pair("C", D, n)
    if m["variant"] in ("mamba", "mamba_delta_t"):
        R, steps, free = m.get("delta_rank", 1), D if m["variant"] == "mamba" else N, "token_dynamics" not in m
        shapes = {"x_proj.weight": (R + (2 * N if free else 0), D), "dt_proj.weight": (steps, R), "dt_proj.bias": (steps,), "A_log": (D, N), "D": (D,)}
        shapes |= {} if free else {"bc_proj.weight": (N, D), "bc_log": (N,)}
        return shapes | ({"reorder.weight": (1, steps)} if "reorder" in m else {})
    if m["variant"] == "mamba2":
        H = m.get("heads", 1)
        return {"dt_bias": (H,), "A_log": (H,), "D": (H,)} | ({"norm.weight": (D,)} if m.get("gated_norm") else {})
    if m["variant"] == "linear_attention":
        return {"q_proj.weight": (N, D), "k_proj.weight": (N, D), "gk_proj.weight": (N, m["d"]), "gk_proj.bias": (N,)}
    if m["variant"] in ("s4d", "mamba_s4d"):
        return {"log_dt": (D,), "A_log": (D, N), "B": (D, N), "C": (D, N), "D": (D,)} if m.get("s4d_mode") == "real" else diagonal
    if m["variant"] == "s4":
        return diagonal | pair("P", D, n) | pair("Q", D, n)
    if m["variant"] == "attention":
        return {"qkv_proj.weight": (3 * D, D)}
    shared = {"dt_proj.weight": (D,), "dt_proj.bias": (D,), "D": (D,)}
    if m.get("block_complex", True):
        bias = pair("B_bias", D, n) if m.get("block_bias", True) else {}
        return shared | {"A_real_log": (n,), "A_imag": (n,)} | pair("B_weight", D, n) | pair("C_weight", D, n) | bias
    bias = {"B_bias": (D, N)} if m.get("block_bias", True) else {}
    return shared | {"A_log": (N,), "B_weight": (D, N), "C_weight": (D, N)} | bias


def random_weights(m, rng):
    d, D = m["d"], m["d"] * m.get("expand", 1)
    shapes = {"embedding.weight": (VOCAB, d), "lm_head.weight": (VOCAB, d), "lm_head.bias": (VOCAB,)}
    if m.get("norm") == "rms":
        shapes["norm_f.weight"] = (d,)
    if m.get("positional") == "ssm_time":
        shapes |= {"time.A_log": (1, m["N"]), "time.dt_bias": (1,), "time.B": (m["N"],), "time.C": (m["N"],), "time.out_proj.weight": (d, 1)}
    for layer in range(m.get("layers", 1)):
        BC = 2 * m.get("groups", 1) * m["N"] if m["variant"] == "mamba2" else 0
        rows = (2 * D if m["gate"] else D) + BC + (m.get("heads", 1) if BC else 0)
        mixer = mixer_shapes(m, D) | {"in_proj.weight": (rows, d), "out_proj.weight": (d, D)}
        if m["conv"]:
            mixer |= {"conv1d.weight": (D + BC, 1, m["conv"]), "conv1d.bias": (D + BC,)}
        shapes |= {f"layers.{layer}.mixer.{name}": shape for name, shape in mixer.items()}
        if m.get("norm") == "rms":
            shapes[f"layers.{layer}.norm.weight"] = (d,)
    return {name: 0.7 * rng.standard_normal(shape) - (2 if name.endswith("log_dt") else 0) for name, shape in shapes.items()}


def toml(value):
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def apply(folder, weights, m, tokens, targets, sizes=f"vocab = {VOCAB}\n"):
    """Real-valued sequences (sizes says how wide they are) instead of tokens are floats, and so are their targets."""
    real = tokens.dtype.kind == "f"
    with h5py.File(folder / "model.h5", "w") as file:
        file.attrs["model"] = sizes + "".join(f"{key} = {toml(value)}\n" for key, value in m.items())
        for name, value in weights.items():
            file[name] = value
    with h5py.File(folder / "batch.h5", "w") as file:
        if real:
            file["inputs"], file["values"] = tokens, targets
        else:
            file["tokens"], file["targets"] = tokens.astype("int32"), targets.astype("int32")
    command = [BINARY, "apply", folder / "model.h5", folder / "batch.h5", "-o", folder / "out.h5", "--precision", "float64", "--gradients"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = {}
    with h5py.File(folder / "out.h5") as file:
        file.visititems(lambda name, item: out.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return out


BLOCK = {"d": 6, "conv": 3, "gate": True}
PLAIN = {"d": 5, "conv": 2, "gate": False}
CASES = {
    "mamba": BLOCK | {"variant": "mamba", "N": 4, "delta_rank": 2},
    "mamba_zoh": PLAIN | {"variant": "mamba", "N": 3, "delta_rank": 1, "discretisation": "zoh", "activation": "identity"},
    "mamba_with_time": PLAIN | {"variant": "mamba", "N": 3, "delta_rank": 1, "positional": "ssm_time", "time_layer": "trained"},
    "mamba_divergent": PLAIN | {"variant": "mamba", "N": 3, "delta_rank": 2, "token_dynamics": "divergent"},
    "mamba_convergent": BLOCK | {"variant": "mamba", "N": 4, "delta_rank": 1, "token_dynamics": "convergent", "layers": 2, "norm": "rms", "residual": True},
    "mamba_reordered": BLOCK | {"variant": "mamba", "N": 4, "delta_rank": 2, "reorder": "softsort"},
    "mamba_delta_t": BLOCK | {"variant": "mamba_delta_t", "N": 4, "delta_rank": 2},
    "mamba_delta_t_euler": PLAIN | {"variant": "mamba_delta_t", "N": 3, "delta_rank": 1, "discretisation": "euler"},
    "mamba_delta_t_zoh_reordered": PLAIN | {"variant": "mamba_delta_t", "N": 3, "delta_rank": 1, "discretisation": "zoh", "reorder": "softsort"},
    "mamba2": BLOCK | {"variant": "mamba2", "N": 4},
    "mamba2_plain": PLAIN | {"variant": "mamba2", "N": 3, "activation": "relu"},
    "mamba2_heads": BLOCK | {"variant": "mamba2", "N": 3, "heads": 6, "groups": 3, "gated_norm": True, "layers": 2, "norm": "rms", "residual": True},
    "linear_attention": BLOCK | {"variant": "linear_attention", "N": 4},
    "linear_attention_layers": PLAIN | {"variant": "linear_attention", "N": 3, "layers": 2, "norm": "rms", "residual": True},
    "s4d": PLAIN | {"variant": "s4d", "N": 6},
    "s4d_real": PLAIN | {"variant": "s4d", "N": 3, "s4d_mode": "real", "s4d_init": "real"},
    "s4d_without_conv": PLAIN | {"variant": "s4d", "N": 4, "conv": 0, "activation": "identity"},
    "mamba_s4d": BLOCK | {"variant": "mamba_s4d", "N": 4, "expand": 3},
    "mamba_s4d_two_layers": BLOCK | {"variant": "mamba_s4d", "N": 4, "layers": 2, "norm": "rms", "residual": True},
    "s4": PLAIN | {"variant": "s4", "N": 6},
    "b2s6": BLOCK | {"variant": "b2s6", "N": 4, "blocks": 2},
    "b2s6_without_bias": PLAIN | {"variant": "b2s6", "N": 4, "blocks": 5, "block_bias": False},
    "b2s6_real": BLOCK | {"variant": "b2s6", "N": 3, "blocks": 3, "block_complex": False},
    "attention": PLAIN | {"variant": "attention"},
    "attention_heads": BLOCK | {"variant": "attention", "heads": 3, "layers": 2, "residual": True, "norm": "rms"},
}


@pytest.mark.parametrize("name", CASES)
def test_apply_agrees_with_numpy(name, tmp_path):
    m, rng = CASES[name], np.random.default_rng(7)
    weights = random_weights(m, rng)
    tokens, targets = rng.integers(0, VOCAB, (BATCH, T)), rng.integers(0, VOCAB, (BATCH, T))
    targets[rng.random((BATCH, T)) < 0.4] = -100
    expected = logits(weights, m, tokens)
    out = apply(tmp_path, weights, m, tokens, targets)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(out["logits"], expected, rtol=0, atol=1e-10 * scale)
    assert abs(out["loss"] - loss(expected, targets)) < 1e-10 * scale
    assert abs(out["accuracy"] - (expected.argmax(-1) == targets)[targets >= 0].mean()) < 1e-12
    for parameter, value in weights.items():
        gradient = out["gradients/" + parameter]
        assert gradient.shape == value.shape
        for place in {tuple(rng.integers(0, value.shape)) for _ in range(3)}:
            def at(x, place=place, parameter=parameter, value=value):
                changed = value.copy()
                changed[place] += x
                return loss(logits(weights | {parameter: changed}, m, tokens), targets)
            h = 1e-4
            difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            assert abs(difference - gradient[place]) < 1e-7 * max(1, np.abs(gradient).max()), (parameter, place)


@pytest.mark.parametrize("name", ["mamba", "mamba2_heads", "s4d", "b2s6", "attention_heads"])
def test_real_valued_sequences_agree_with_numpy(name, tmp_path):
    """A projection of numbers is an embedding of as many tokens as there are positions; the head answers with numbers."""
    m, rng, C, O = CASES[name], np.random.default_rng(9), 2, 3
    weights = random_weights(m, rng) | {"lm_head.weight": rng.standard_normal((O, m["d"])), "lm_head.bias": rng.standard_normal(O)}
    del weights["embedding.weight"]
    weights |= {"input_proj.weight": rng.standard_normal((m["d"], C)), "input_proj.bias": rng.standard_normal(m["d"])}
    inputs, values = rng.standard_normal((BATCH, T, C)).astype("float32"), rng.standard_normal((BATCH, T, O)).astype("float32")
    values[rng.random((BATCH, T)) < 0.4] = np.nan
    scored = ~np.isnan(values[:, :, 0])

    def outputs(w):
        rows = inputs.reshape(-1, C).astype(float) @ w["input_proj.weight"].T + w["input_proj.bias"]
        return logits(w | {"embedding.weight": rows}, m, np.arange(BATCH * T).reshape(BATCH, T))

    def error(w):
        return ((outputs(w) - values)[scored] ** 2).mean()

    expected = outputs(weights)
    out = apply(tmp_path, weights, m, inputs, values, f"channels = {C}\noutputs = {O}\n")
    np.testing.assert_allclose(out["outputs"], expected, rtol=0, atol=1e-10 * np.abs(expected).max())
    assert abs(out["loss"] - error(weights)) < 1e-10 * error(weights)
    spread = ((values[scored] - values[scored].mean(0)) ** 2).sum()
    r2 = 1 - ((expected - values)[scored] ** 2).sum() / spread
    assert abs(out["r2"] - r2) < 1e-5 * abs(r2)  # numpy takes means of the float32 values in their own precision
    for parameter, value in weights.items():
        gradient = out["gradients/" + parameter]
        for place in {tuple(rng.integers(0, value.shape)) for _ in range(3)}:
            def at(x, place=place, parameter=parameter, value=value):
                changed = value.copy()
                changed[place] += x
                return error(weights | {parameter: changed})
            h = 1e-4
            difference = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
            assert abs(difference - gradient[place]) < 1e-7 * max(1, np.abs(gradient).max()), (parameter, place)


def test_a_batch_of_the_other_sort_is_refused(tmp_path):
    m, rng = CASES["mamba"], np.random.default_rng(9)
    weights = random_weights(m, rng)
    with pytest.raises(AssertionError, match="inputs: the model reads tokens, expected tokens and targets"):
        apply(tmp_path, weights, m, rng.standard_normal((BATCH, T, 2)), rng.standard_normal((BATCH, T, 1)))


def test_b_of_s4d_may_be_absent(tmp_path):
    m, rng = CASES["s4d"], np.random.default_rng(8)
    weights = {name: value for name, value in random_weights(m, rng).items() if ".B_" not in name}
    tokens = rng.integers(0, VOCAB, (BATCH, T))
    out = apply(tmp_path, weights, m, tokens, tokens)
    expected = logits(weights, m, tokens)
    np.testing.assert_allclose(out["logits"], expected, rtol=0, atol=1e-10 * np.abs(expected).max())
