"""JAX: the step as one function, differentiated by jax.grad and compiled by jax.jit."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.peers import Step
from benchmarks.workloads import Workload


def make(workload: Workload, threads: int) -> Step:
    import jax
    import jax.numpy as jnp
    from jax import lax

    def linear(p: Any, name: str, x: Any) -> Any:
        return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]

    def small(p: Any, x: Any) -> Any:
        return jax.nn.sigmoid(linear(p, "2", jax.nn.sigmoid(linear(p, "0", x))))

    def mlp(p: Any, x: Any) -> Any:
        hidden = jax.nn.relu(linear(p, "2", jax.nn.relu(linear(p, "0", x))))
        return linear(p, "4", hidden)

    def conv(p: Any, name: str, x: Any) -> Any:
        layout = ("NCHW", "OIHW", "NCHW")
        z = lax.conv_general_dilated(
            x, p[f"{name}.weight"], (1, 1), "VALID", dimension_numbers=layout
        )
        z = jax.nn.relu(z + p[f"{name}.bias"][:, None, None])
        return lax.reduce_window(z, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    def cnn(p: Any, x: Any) -> Any:
        return linear(p, "7", conv(p, "3", conv(p, "0", x)).reshape(x.shape[0], -1))

    def lstm(p: Any, x: Any) -> Any:
        w, u = p["lstm.weight_ih_l0"].T, p["lstm.weight_hh_l0"].T
        entering = jnp.swapaxes(x, 0, 1) @ w + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])

        def one(state: Any, z: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(z + h @ u, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        start = jnp.zeros((x.shape[0], u.shape[0]), x.dtype)
        (h, _), _ = lax.scan(one, (start, start), entering)
        return linear(p, "out", h)

    def norm(p: Any, name: str, x: Any) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        scale = lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return centred * scale * p[f"{name}.weight"] + p[f"{name}.bias"]

    def transformer(p: Any, x: Any) -> Any:
        n, t = x.shape
        h = p["token.weight"][x] + p["place.weight"][:t]
        ahead = jnp.triu(jnp.full((t, t), -jnp.inf), 1)
        for k in range(2):
            here = f"blocks.{k}."
            split = linear(p, here + "qkv", norm(p, here + "norm1", h)).reshape(n, t, 3, 4, 16)
            q, key, v = jnp.transpose(split, (2, 0, 3, 1, 4))
            scores = q @ jnp.swapaxes(key, 2, 3) / math.sqrt(16) + ahead
            seen = jnp.swapaxes(jax.nn.softmax(scores) @ v, 1, 2).reshape(n, t, 64)
            h = h + linear(p, here + "merge", seen)
            wide = linear(p, here + "wide", norm(p, here + "norm2", h))
            h = h + linear(p, here + "narrow", jax.nn.gelu(wide, approximate=False))
        return linear(p, "head", norm(p, "norm", h)).reshape(-1, 65)

    forward = {"W1": small, "W2": mlp, "W3": cnn, "W4": lstm, "W5": transformer}[workload.name]

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        out = forward(p, x)
        if workload.loss == "mse":
            return ((out - y) ** 2).mean()
        return -jax.nn.log_softmax(out)[jnp.arange(len(y)), y].mean()

    lr = workload.settings["lr"]
    decay = 0.01 if workload.optimizer == "AdamW" else 0.0

    def adam(w: Any, g: Any, m: Any, v: Any, t: Any) -> Any:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        root = jnp.sqrt(v / (1 - 0.999**t)) + 1e-8
        return w * (1 - lr * decay) - lr * (m / (1 - 0.9**t)) / root, m, v

    @jax.jit
    def step(p: Any, m: Any, v: Any, t: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(p, x, y)
        if workload.optimizer == "SGD":
            return {k: p[k] - lr * g[k] for k in p}, m, v, loss
        new = {k: adam(p[k], g[k], m[k], v[k], t) for k in p}
        return *({k: new[k][i] for k in p} for i in range(3)), loss

    p = {k: jnp.asarray(w) for k, w in workload.weights().items()}
    m, v = ({k: jnp.zeros_like(w) for k, w in p.items()} for _ in range(2))
    x, y = (jnp.asarray(a) for a in workload.batch())
    state = [p, m, v, 0]

    def run() -> float:
        state[3] += 1
        *state[:3], loss = step(*state[:3], float(state[3]), x, y)
        return float(loss)

    return run
