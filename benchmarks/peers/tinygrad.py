"""tinygrad, its step under TinyJit."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import Step
from benchmarks.workloads import Workload


def make(workload: Workload, threads: int) -> Step:
    from tinygrad import Tensor, TinyJit
    from tinygrad.helpers import TRAINING
    from tinygrad.nn import optim

    TRAINING.value = 1  # else the optimizers refuse
    p = {k: Tensor(w).contiguous().realize() for k, w in workload.weights().items()}

    def linear(name: str, x: Any) -> Any:
        return x.linear(p[f"{name}.weight"].transpose(), p[f"{name}.bias"])

    def small(x: Any) -> Any:
        return linear("2", linear("0", x).sigmoid()).sigmoid()

    def mlp(x: Any) -> Any:
        return linear("4", linear("2", linear("0", x).relu()).relu())

    def conv(name: str, x: Any) -> Any:
        return x.conv2d(p[f"{name}.weight"], p[f"{name}.bias"]).relu().max_pool2d((2, 2))

    def cnn(x: Any) -> Any:
        return linear("7", conv("3", conv("0", x)).flatten(1))

    def lstm(x: Any) -> Any:
        w, u = p["lstm.weight_ih_l0"].transpose(), p["lstm.weight_hh_l0"].transpose()
        entering = x @ w + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])
        h = c = Tensor.zeros(x.shape[0], u.shape[0])
        for t in range(x.shape[1]):
            i, f, g, o = (entering[:, t] + h @ u).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return linear("out", h)

    def norm(name: str, x: Any) -> Any:
        return x.layernorm(eps=1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def transformer(x: Any) -> Any:
        n, t = x.shape
        h = p["token.weight"][x] + p["place.weight"][:t]
        for k in range(2):
            here = f"blocks.{k}."
            split = linear(here + "qkv", norm(here + "norm1", h)).reshape(n, t, 3, 4, 16)
            q, key, v = (split[:, :, i].transpose(1, 2) for i in range(3))
            seen = q.scaled_dot_product_attention(key, v, is_causal=True)
            h = h + linear(here + "merge", seen.transpose(1, 2).reshape(n, t, 64))
            wide = linear(here + "wide", norm(here + "norm2", h))
            h = h + linear(here + "narrow", 0.5 * wide * (1 + (wide / 2**0.5).erf()))
        return linear("head", norm("norm", h)).reshape(-1, 65)

    forward = {"W1": small, "W2": mlp, "W3": cnn, "W4": lstm, "W5": transformer}[workload.name]
    kind = {"SGD": optim.SGD, "Adam": optim.Adam, "AdamW": optim.AdamW}[workload.optimizer]
    optimizer = kind(list(p.values()), **workload.settings)
    x, y = (Tensor(a).is_param_(False).realize() for a in workload.batch())

    @TinyJit
    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        out = forward(x)
        if workload.loss == "mse":
            loss = ((out - y) ** 2).mean()
        else:
            loss = out.sparse_categorical_crossentropy(y)
        loss.backward()
        return loss.realize(*optimizer.schedule_step())

    return lambda: float(step(x, y).item())
