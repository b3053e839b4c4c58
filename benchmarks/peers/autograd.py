"""autograd: NumPy, traced and differentiated (github.com/HIPS/autograd)."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import Step
from benchmarks.workloads import Workload


def make(workload: Workload, threads: int) -> Step:
    import autograd.numpy as np
    from autograd import value_and_grad

    def sigmoid(z: Any) -> Any:
        return 0.5 * np.tanh(0.5 * z) + 0.5

    def linear(p: Any, name: str, x: Any) -> Any:
        return np.dot(x, p[f"{name}.weight"].T) + p[f"{name}.bias"]

    def small(p: Any, x: Any) -> Any:
        return sigmoid(linear(p, "2", sigmoid(linear(p, "0", x))))

    def mlp(p: Any, x: Any) -> Any:
        hidden = np.maximum(linear(p, "2", np.maximum(linear(p, "0", x), 0)), 0)
        return linear(p, "4", hidden)

    def lstm(p: Any, x: Any) -> Any:
        w, u = p["lstm.weight_ih_l0"].T, p["lstm.weight_hh_l0"].T
        entering = np.dot(x, w) + (p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"])
        size = u.shape[0]
        h = c = np.zeros((x.shape[0], size), x.dtype)
        for t in range(x.shape[1]):
            z = entering[:, t] + np.dot(h, u)
            i, f, o = (sigmoid(z[:, k * size : (k + 1) * size]) for k in (0, 1, 3))
            c = f * c + i * np.tanh(z[:, 2 * size : 3 * size])
            h = o * np.tanh(c)
        return linear(p, "out", h)

    def conv(p: Any, name: str, x: Any) -> Any:
        weight = p[f"{name}.weight"]
        (out, _, kh, kw), (n, _, h, w) = weight.shape, x.shape
        h, w = h - kh + 1, w - kw + 1
        shifted = [x[:, :, i : i + h, j : j + w] for i in range(kh) for j in range(kw)]
        columns = np.transpose(np.stack(shifted, 2), (0, 3, 4, 1, 2)).reshape(n * h * w, -1)
        z = np.dot(columns, weight.reshape(out, -1).T) + p[f"{name}.bias"]
        z = np.maximum(z, 0).reshape(n, h, w, out)[:, : h // 2 * 2, : w // 2 * 2]
        pooled = np.max(z.reshape(n, h // 2, 2, w // 2, 2, out), axis=(2, 4))
        return np.transpose(pooled, (0, 3, 1, 2))

    def cnn(p: Any, x: Any) -> Any:
        return linear(p, "7", conv(p, "3", conv(p, "0", x)).reshape(x.shape[0], -1))

    def norm(p: Any, name: str, x: Any) -> Any:
        centred = x - np.mean(x, -1, keepdims=True)
        spread = np.sqrt(np.mean(centred**2, -1, keepdims=True) + 1e-5)
        return centred / spread * p[f"{name}.weight"] + p[f"{name}.bias"]

    def transformer(p: Any, x: Any) -> Any:
        from autograd.scipy.special import erf

        n, t = x.shape
        h = p["token.weight"][x] + p["place.weight"][:t]
        ahead = np.triu(np.full((t, t), -1e9, np.float32), 1)
        for k in range(2):
            here = f"blocks.{k}."
            split = linear(p, here + "qkv", norm(p, here + "norm1", h)).reshape(n, t, 3, 4, 16)
            q, key, v = np.transpose(split, (2, 0, 3, 1, 4))
            scores = np.matmul(q, np.swapaxes(key, 2, 3)) / 4 + ahead
            weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
            weights = weights / np.sum(weights, axis=-1, keepdims=True)
            seen = np.swapaxes(np.matmul(weights, v), 1, 2).reshape(n, t, 64)
            h = h + linear(p, here + "merge", seen)
            wide = linear(p, here + "wide", norm(p, here + "norm2", h))
            bent = 0.5 * wide * (1 + erf(wide / 2**0.5))
            h = h + linear(p, here + "narrow", bent)
        return linear(p, "head", norm(p, "norm", h)).reshape(-1, 65)

    forward = {"W1": small, "W2": mlp, "W3": cnn, "W4": lstm, "W5": transformer}[workload.name]

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        out = forward(p, x)
        if workload.loss == "mse":
            return np.mean((out - y) ** 2)
        shifted = out - np.max(out, axis=1, keepdims=True)
        s = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
        return -np.mean(s[np.arange(len(y)), y])

    slope = value_and_grad(loss_of)
    p = workload.weights()
    x, y = workload.batch()
    lr, t = workload.settings["lr"], 0
    kept = 1 - lr * 0.01 if workload.optimizer == "AdamW" else 1
    m, v = ({k: np.zeros_like(w) for k, w in p.items()} for _ in range(2))

    def step() -> float:
        nonlocal t
        t += 1
        loss, g = slope(p, x, y)
        for k in p:
            if workload.optimizer == "SGD":
                p[k] = p[k] - lr * g[k]
                continue
            m[k] = 0.9 * m[k] + 0.1 * g[k]
            v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k]
            root = np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8
            p[k] = p[k] * kept - lr * (m[k] / (1 - 0.9**t)) / root
        return float(loss)

    return step
