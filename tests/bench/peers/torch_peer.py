#!/usr/bin/python3
"""The training step of `phasegrid bench train` in PyTorch, written to be fast: the peer of docs/performance.md.

One thread of the distribution's python3-torch; a scan with a backward pass written by hand, step by step in cache; logits at scored positions
only; the dense matrix form of Mamba-2 in chunks of 64; S4D as an FFT convolution; denormals flushed, memory kept by the allocator. Drawing
the data is not counted. Prints milliseconds per step (median) as JSON lines:

    tests/bench/peers/torch_peer.py mamba 64/16/64 mamba2 64/16/64 [--filler random] [--score all] [--layers 2] [--steps 30]
"""
import json
import os
import statistics
import sys
import time

os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx512")
TUNING = {"MALLOC_MMAP_THRESHOLD_": "1073741824", "MALLOC_TRIM_THRESHOLD_": "4294967296", "MALLOC_TOP_PAD_": "268435456", "OMP_NUM_THREADS": "1"}
if any(os.environ.get(name) != value for name, value in TUNING.items()):   # glibc reads them when a process starts
    os.environ.update(TUNING)
    os.execv(sys.executable, [sys.executable] + sys.argv)

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_flush_denormal(True)


class Scan(torch.autograd.Function):
    """h_t = exp(delta_t A) h_{t-1} + delta_t u_t B_t; y = <C, h>. Time first: u, delta (T, b, D), B, C (T, b, N), A (D, N)."""

    @staticmethod
    def forward(ctx, u, delta, A, B, C):
        T, b, D = u.shape
        N = A.shape[1]
        H, y = u.new_empty(T, b, D, N), torch.empty_like(u)
        h, a, du = u.new_zeros(b, D, N), u.new_empty(b, D, N), delta * u
        for t in range(T):
            torch.mul(delta[t].unsqueeze(-1), A, out=a).exp_()
            torch.mul(du[t].unsqueeze(-1), B[t].unsqueeze(1), out=H[t]).addcmul_(a, h)
            h = H[t]
            torch.bmm(h, C[t].unsqueeze(-1), out=y[t].unsqueeze(-1))
        ctx.save_for_backward(u, delta, A, B, C, H, du)
        return y

    @staticmethod
    def backward(ctx, dy):
        u, delta, A, B, C, H, du = ctx.saved_tensors
        T, b, D = u.shape
        G, a, x = torch.zeros_like(H[0]), torch.empty_like(H[0]), torch.empty_like(H[0])
        d_delta, d_du, dB, dC, dA = torch.empty_like(u), torch.empty_like(u), torch.empty_like(B), torch.empty_like(C), torch.zeros_like(H[0])
        for t in range(T - 1, -1, -1):
            G.addcmul_(dy[t].unsqueeze(-1), C[t].unsqueeze(1))
            torch.bmm(dy[t].unsqueeze(1), H[t], out=dC[t].unsqueeze(1))
            torch.bmm(G, B[t].unsqueeze(-1), out=d_du[t].unsqueeze(-1))
            torch.bmm(du[t].unsqueeze(1), G, out=dB[t].unsqueeze(1))
            torch.mul(delta[t].unsqueeze(-1), A, out=a).exp_()
            G.mul_(a)                                                     # what step t - 1 receives
            if t > 0:
                torch.mul(G, H[t - 1], out=x)                             # dL/d log a_t
                dA.addcmul_(x, delta[t].unsqueeze(-1))
                torch.sum(x.mul_(A), -1, out=d_delta[t])
            else:
                d_delta[t].zero_()
        d_delta += d_du * u
        return d_du * delta, d_delta, dA.sum(0), dB, dC


def uniform(*shape, fan):
    return torch.nn.Parameter((2 * torch.rand(*shape) - 1) / fan**0.5)


class Block(torch.nn.Module):
    def __init__(self, variant, d, N, layers, expand=2, K=4):
        super().__init__()
        D = self.D = expand * d
        self.variant, self.N, self.R, self.residual = variant, N, (d + 15) // 16, layers > 1
        self.H = 1 if D < 128 else D // 64
        extra = 2 * N if variant == "mamba2" else 0                        # B and C are convolved too
        self.in_x, self.in_z, self.out = uniform(D + extra, d, fan=d), uniform(D, d, fan=d), uniform(d, D, fan=D)
        self.conv_w, self.conv_b = uniform(D + extra, 1, K, fan=K), uniform(D + extra, fan=K)
        self.skip = torch.nn.Parameter(torch.ones(self.H if variant == "mamba2" else D))
        dt = torch.exp(torch.empty(self.H if variant == "mamba2" else D).uniform_(-6.9, -2.3))
        if variant == "mamba_s4d":
            self.log_dt = torch.nn.Parameter(dt.log())
            self.A_re = torch.nn.Parameter(torch.full((D, N // 2), 0.5).log())
            self.A_im = torch.nn.Parameter(3.14159265 * torch.arange(N // 2).float().repeat(D, 1))
            self.B, self.C = (torch.nn.Parameter(torch.randn(D, N // 2, 2)) for _ in range(2))
            return
        self.dt_b = torch.nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        if variant == "mamba2":
            self.A_log, self.dt_w = torch.nn.Parameter(torch.empty(self.H).uniform_(1, 16).log()), uniform(self.H, d, fan=d)
        else:
            self.A_log = torch.nn.Parameter(torch.arange(1.0, N + 1).log().repeat(D, 1))
            self.x_proj, self.dt_w = uniform(self.R + 2 * N, D, fan=D), uniform(D, self.R, fan=self.R)

    def conv(self, x):                                                     # (b, T, C)
        return F.silu(F.conv1d(F.pad(x.transpose(1, 2), (self.conv_w.shape[2] - 1, 0)), self.conv_w, self.conv_b, groups=x.shape[2])).transpose(1, 2)

    def forward(self, e):
        u = self.conv(F.linear(e, self.in_x))
        y = {"mamba": self.s6, "mamba2": self.ssd, "mamba_s4d": self.s4d}[self.variant](u, e)
        r = F.linear(y * F.silu(F.linear(e, self.in_z)), self.out)
        return r + e if self.residual else r

    def s6(self, u, e):
        dt, B, C = F.linear(u, self.x_proj).split([self.R, self.N, self.N], -1)
        delta = F.softplus(F.linear(dt, self.dt_w, self.dt_b))
        first = lambda x: x.transpose(0, 1).contiguous()
        y = Scan.apply(first(u), first(delta), -self.A_log.exp(), first(B), first(C))
        return y.transpose(0, 1) + self.skip * u

    def ssd(self, ubc, e, chunk=64):
        b, T, _ = ubc.shape
        u, B, C = ubc.split([self.D, self.N, self.N], -1)
        n, Q, P = max(1, T // chunk), min(T, chunk), self.D // self.H
        delta = F.softplus(F.linear(e, self.dt_w, self.dt_b))              # (b, T, H)
        log_a = (delta * -self.A_log.exp()).reshape(b, n, Q, self.H).permute(0, 1, 3, 2)
        s = log_a.cumsum(-1)                                               # (b, n, H, Q)
        x = (delta.unsqueeze(-1) * u.reshape(b, T, self.H, P)).reshape(b, n, Q, self.H, P).permute(0, 1, 3, 2, 4)
        B, C = B.reshape(b, n, 1, Q, self.N), C.reshape(b, n, 1, Q, self.N)
        decay = (s.unsqueeze(-1) - s.unsqueeze(-2)).masked_fill(torch.ones(Q, Q, dtype=torch.bool).triu(1), -1e30).exp()
        y = ((C @ B.transpose(-1, -2)) * decay) @ x                        # within chunks
        if n > 1:
            states = ((s[..., -1:] - s).exp().unsqueeze(-1) * x).transpose(-1, -2) @ B   # (b, n, H, P, N)
            h, before = torch.zeros_like(states[:, 0]), []
            for i in range(n):
                before.append(h)
                h = s[:, i, :, -1].exp()[..., None, None] * h + states[:, i]
            y = y + s.exp().unsqueeze(-1) * (C @ torch.stack(before, 1).transpose(-1, -2))
        y = y.permute(0, 1, 3, 2, 4).reshape(b, T, self.H, P) + self.skip[:, None] * u.reshape(b, T, self.H, P)
        return y.reshape(b, T, self.D)

    def s4d(self, u, e):
        T = u.shape[1]
        A = torch.complex(-self.A_re.exp(), self.A_im)
        dtA = A * self.log_dt.exp().unsqueeze(-1)
        w = torch.view_as_complex(self.B) * torch.view_as_complex(self.C) * (dtA.exp() - 1) / A
        k = 2 * torch.einsum("cn,cnt->ct", w, (dtA.unsqueeze(-1) * torch.arange(T)).exp()).real
        y = torch.fft.irfft(torch.fft.rfft(u, 2 * T, dim=1) * torch.fft.rfft(k.T, 2 * T, dim=0), 2 * T, dim=1)[:, :T]
        return y + self.skip * u


class Network(torch.nn.Module):
    def __init__(self, variant, d, N, layers, vocab=256):
        super().__init__()
        self.embedding = torch.nn.Embedding(vocab, d)
        self.blocks = torch.nn.ModuleList(Block(variant, d, N, layers) for _ in range(layers))
        self.head = torch.nn.Linear(d, vocab)

    def forward(self, tokens, scored):
        e = self.embedding(tokens)
        for block in self.blocks:
            e = block(e)
        return self.head(e.reshape(-1, e.shape[-1])[scored])


def mqar(T, filler, batch=64, vocab=256):
    pairs, half = max(1, T // 16), vocab // 2
    tokens = torch.randint(vocab, (batch, T)) if filler == "random" else torch.zeros(batch, T, dtype=torch.long)
    scored, labels = [], []
    for s in range(batch):
        keys, values = 1 + torch.randperm(half - 1)[:pairs], half + torch.randperm(half)[:pairs]
        tokens[s, 0 : 2 * pairs : 2], tokens[s, 1 : 2 * pairs : 2] = keys, values
        places = (T - 2 * pairs) // 2
        where = 2 * pairs + 2 * torch.multinomial(torch.arange(1, places + 1).float() ** -0.99, pairs)
        tokens[s, where] = keys
        scored.append(s * T + where), labels.append(values)
    return tokens, torch.cat(scored), torch.cat(labels)


def median_ms(variant, d, N, T, filler, score, layers, steps):
    torch.manual_seed(0)
    network = Network(variant, d, N, layers)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    times = []
    for step in range(steps + 3):
        tokens, scored, labels = mqar(T, filler)
        if score == "all":
            scored, labels = torch.arange(tokens.numel()), tokens.roll(-1, 1).reshape(-1)
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=False)
        loss = F.cross_entropy(network(tokens, scored), labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times[3:])


def main():
    words, options = [], {"--filler": "zero", "--score": "task", "--layers": "1", "--steps": "30"}
    arguments = iter(sys.argv[1:])
    for word in arguments:
        if word in options:
            options[word] = next(arguments)
        else:
            words.append(word)
    for variant, case in zip(words[::2], words[1::2]):
        d, N, T = map(int, case.split("/"))
        ms = median_ms(variant, d, N, T, options["--filler"], options["--score"], int(options["--layers"]), int(options["--steps"]))
        print(json.dumps({"variant": variant, "case": case, "ms_per_step": round(ms, 3)} | {k[2:]: v for k, v in options.items() if k != "--steps"}), flush=True)


if __name__ == "__main__":
    main()
