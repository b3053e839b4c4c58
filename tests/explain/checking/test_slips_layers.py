"""Slips in optimizers, recurrent and convolutional layers: small NumPy programs with the mistake in
them, on drawn numbers, get its message, and nothing else first; the right ones get none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from gobhir import nn, optim
from gobhir.explain.checking.check import Report

seeds = st.integers(0, 10_000)


def written(paper: dict[str, Any]) -> dict[str, Any]:
    put = np.vectorize(lambda v: f"{v:#.6g}" if abs(v) > 1e-12 else "0", otypes=[object])
    return {name: put(np.asarray(v)).tolist() for name, v in paper.items()}


def told(report: Report, mistake: str) -> None:
    """The wrong program gets its message, and no other first."""
    assert report.first_wrong is not None
    twins = {
        "no_activation": {"other_activation"},  # above 0 nobody can tell z from ReLU
        "no_future": {"one_time_step"},  # with an output at the end only, they are the same
    }
    assert mistake in report.slips and set(report.slips) - {mistake} <= twins.get(mistake, set())


# -- the update ----


def updated(seed: int, make: Any) -> tuple[Any, dict[str, np.ndarray]]:
    """(the page of a second step; what a student has: w, g and the optimizer's state)."""
    e = gobhir.examples.network("2-2-1", "tanh", seed=seed)
    optimizer = make(e.model.parameters())
    e.loss(e.model(e.x), e.y).backward()
    optimizer.step()
    optimizer.zero_grad()
    page = gobhir.explain(e.model, e.x, e.y, e.loss, optimizer, reference="differences")
    w = e.model[0].weight
    e.loss(e.model(e.x), e.y).backward()
    state = {k: np.array(v.numpy()) for k, v in optimizer.state[w].items() if hasattr(v, "numpy")}
    return page, {"w": w.detach().numpy().copy(), "g": w.grad.numpy().copy(), **state}


MOMENTUM = ("no_momentum", "velocity_sign", "velocity_mean", "old_velocity", "no_decay",
            "decay_sign", "uphill", "no_rate", "only_the_step", "not_updated")  # fmt: skip


def by_momentum(mistake: str, w: Any, g: Any, v: Any) -> dict[str, Any]:
    eta, mu, decay = 0.5, 0.9, 0.1
    g = {"no_decay": g, "decay_sign": g - decay * w}.get(mistake, g + decay * w)
    new = {
        "no_momentum": g,
        "velocity_sign": mu * v - g,
        "velocity_mean": mu * v + (1 - mu) * g,
    }.get(mistake, mu * v + g)
    step = eta * (v if mistake == "old_velocity" else new)
    ends = {
        "uphill": w + step,
        "no_rate": w - new,
        "only_the_step": -step,
        "not_updated": w,
    }
    return {"g1_new": g, "v1_new": new, "w1_new": ends.get(mistake, w - step)}


@pytest.mark.parametrize("mistake", ["", *MOMENTUM])
@given(seed=seeds)
@settings(max_examples=3)
def test_momentum(mistake: str, seed: int) -> None:
    page, known = updated(seed, lambda p: optim.SGD(p, lr=0.5, momentum=0.9, weight_decay=0.1))
    v = known["momentum_buffer"]
    paper = by_momentum(mistake, known["w"], known["g"], v)
    report = page.check(written(paper))
    if not mistake:
        assert report.right and not report.slips
    else:
        told(report, mistake)


ADAM = ("no_correction", "betas_exchanged", "moments_exchanged", "epsilon_inside",
        "no_root", "gradient_not_squared", "squared_too_much", "no_complement", "uphill",
        "no_rate")  # fmt: skip


def by_adam(mistake: str, w: Any, g: Any, m: Any, v: Any, t: int = 2) -> dict[str, Any]:
    eta, b1, b2, eps = 0.1, 0.9, 0.99, 0.05
    if mistake == "betas_exchanged":
        b1, b2 = b2, b1
    mine = 1 if mistake == "no_complement" else 1 - b1
    theirs = 1 if mistake == "no_complement" else 1 - b2
    square = g if mistake == "gradient_not_squared" else g**2
    m = b1 * m + mine * g
    v = b2 * v + ((theirs * g) ** 2 if mistake == "squared_too_much" else theirs * square)
    mhat, vhat = m / (1 - b1**t), v / (1 - b2**t)
    if mistake == "no_correction":
        mhat, vhat = m, v
    top, below = (vhat, mhat) if mistake == "moments_exchanged" else (mhat, vhat)
    root = below if mistake == "no_root" else np.sqrt(np.abs(below))
    under = np.sqrt(below + eps) if mistake == "epsilon_inside" else root + eps
    step = (1 if mistake == "no_rate" else eta) * top / under
    new = w + step if mistake == "uphill" else w - step
    return {"m1_new": m, "v1_new": v, "mhat1": mhat, "vhat1": vhat, "w1_new": new}


@pytest.mark.parametrize("mistake", ["", *ADAM])
@given(seed=seeds)
@settings(max_examples=3)
def test_adam(mistake: str, seed: int) -> None:
    page, known = updated(seed, lambda p: optim.Adam(p, lr=0.1, betas=(0.9, 0.99), eps=0.05))
    m, v, g = known["exp_avg"], known["exp_avg_sq"], known["g"]
    if mistake == "moments_exchanged" and (0.9 * m + 0.1 * g < 0).any():
        return  # a root of a number below 0: nobody gets that far
    paper = by_adam(mistake, known["w"], g, m, v)
    if mistake == "gradient_not_squared" and (paper["vhat1"] < 0).any():
        return
    if mistake and np.abs(paper["w1_new"]).min() < 0.01:
        return  # what nearly cancels has too few of its four digits left to tell by
    report = page.check(written(paper))
    if not mistake:
        assert report.right and not report.slips
    else:
        told(report, mistake)


@given(seed=seeds)
@settings(max_examples=3)
def test_weight_decay_of_adamw(seed: int) -> None:
    page, known = updated(seed, lambda p: optim.AdamW(p, lr=0.1, weight_decay=0.5, eps=0.05))
    w, g = known["w"], known["g"]
    m = 0.9 * known["exp_avg"] + 0.1 * g
    v = 0.999 * known["exp_avg_sq"] + 0.001 * g**2
    step = 0.1 * (m / (1 - 0.9**2)) / (np.sqrt(v / (1 - 0.999**2)) + 0.05)
    assert page.check(written({"w1_new": (1 - 0.1 * 0.5) * w - step})).right
    told(page.check(written({"w1_new": w - step})), "no_decay")


# -- over time ----


def recurrent(seed: int, kind: str) -> tuple[Any, dict[str, np.ndarray], np.ndarray]:
    """(the page, the parameters by name, x (3, 2)) of a recurrent layer with a sum behind it."""
    gobhir.manual_seed(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = getattr(nn, kind)(2, 2, batch_first=True)
            self.out = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return self.out(self.rnn(x)[0][:, -1])

    model = Net().double()
    x = gobhir.randn(1, 3, 2).double()
    y = gobhir.ones(1, 1).double()
    page = gobhir.explain(model, x, y, nn.MSELoss(), reference="differences")
    known = {name.split(".")[1]: p.detach().numpy() for name, p in model.named_parameters()}
    return page, known, x.numpy()[0]


OVER_TIME = ("no_memory", "no_future", "one_time_step", "no_bias", "no_activation")


def by_rnn(mistake: str, p: dict[str, np.ndarray], x: np.ndarray) -> dict[str, Any]:
    W, U, c, b = p["weight_ih_l0"], p["weight_hh_l0"], p["bias_ih_l0"], p["bias_hh_l0"]
    h, zero, paper = [np.zeros(2)], np.zeros(2), {}
    for t, row in enumerate(x, 1):
        memory = U @ h[-1]
        a = W @ row + (0 if mistake == "no_bias" else b + c)
        a = a + (0 if mistake == "no_memory" else memory)
        h.append(a if mistake == "no_activation" else np.tanh(a))
        paper |= {f"a<{t}>": a, f"h<{t}>": h[-1]}
    yhat = p["weight"] @ h[-1] + p["bias"]
    delta = 2 * (yhat - 1)
    paper |= {"yhat": yhat[0], "L": (yhat[0] - 1) ** 2, "delta1": delta[0]}
    back, deltas = p["weight"].T @ delta, {}
    for t in range(3, 0, -1):
        deltas[t] = back * (1 - h[t] ** 2)
        paper |= {f"dh<{t}>": back, f"delta<{t}>": deltas[t]}
        back = U.T @ deltas[t] if mistake != "no_future" else zero
    times = [3] if mistake == "one_time_step" else [1, 2, 3]
    paper["dw_hh"] = sum(np.outer(deltas[t], h[t - 1]) for t in times)
    paper["dw_ih"] = sum(np.outer(deltas[t], x[t - 1]) for t in times)
    return paper


@pytest.mark.parametrize("mistake", ["", *OVER_TIME])
@given(seed=seeds)
@settings(max_examples=2)
def test_a_recurrent_layer(mistake: str, seed: int) -> None:
    page, p, x = recurrent(seed, "RNN")
    paper = by_rnn(mistake, p, x)
    if mistake == "no_future":
        paper = {k: v for k, v in paper.items() if not np.allclose(v, 0)}
    report = page.check(written(paper))
    if not mistake:
        assert report.right and not report.slips
    else:
        told(report, mistake)


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("mistake", ["", "gates_exchanged", "no_tanh_of_cell"])
@given(seed=seeds)
@settings(max_examples=2)
def test_an_lstm(mistake: str, seed: int) -> None:
    page, p, x = recurrent(seed, "LSTM")
    h, c, paper = np.zeros(2), np.zeros(2), {}
    for t, row in enumerate(x, 1):
        z = p["weight_ih_l0"] @ row + p["bias_ih_l0"] + p["weight_hh_l0"] @ h + p["bias_hh_l0"]
        i, f, g, o = np.split(z, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        kept, taken = (i, f) if mistake == "gates_exchanged" else (f, i)
        c = kept * c + taken * g
        h = o * (c if mistake == "no_tanh_of_cell" else np.tanh(c))
        for name, v in zip("ifgoch", (i, f, g, o, c, h), strict=True):
            paper[f"{name}<{t}>"] = v
    report = page.check(written(paper))
    if not mistake:
        assert report.right and not report.slips
    else:
        told(report, mistake)


@pytest.mark.parametrize("mistake", ["", "gates_exchanged", "no_memory"])
@given(seed=seeds)
@settings(max_examples=2)
def test_a_gru(mistake: str, seed: int) -> None:
    page, p, x = recurrent(seed, "GRU")
    h, paper = np.zeros(2), {}
    for t, row in enumerate(x, 1):
        mine = p["weight_ih_l0"] @ row + p["bias_ih_l0"]
        past = p["weight_hh_l0"] @ h + p["bias_hh_l0"]
        (a, b, c), (d, e, f) = np.split(mine, 3), np.split(past, 3)
        if mistake == "no_memory":
            bias = np.split(p["bias_hh_l0"], 3)
            d, e = bias[0], bias[1]
        r, z = sigmoid(a + d), sigmoid(b + e)
        n = np.tanh(c + r * f)
        h = z * n + (1 - z) * h if mistake == "gates_exchanged" else (1 - z) * n + z * h
        for name, v in (("r", r), ("z", z), ("n", n), ("h", h)):
            paper[f"{name}<{t}>"] = v
    report = page.check(written(paper))
    if not mistake:
        assert report.right and not report.slips
    elif mistake == "no_memory":
        assert mistake in report.slips
    else:
        told(report, mistake)


# -- convolution ----


@pytest.mark.parametrize("mistake", ["", "kernel_turned", "no_bias", "no_slope"])
@given(seed=seeds)
@settings(max_examples=2)
def test_a_convolution(mistake: str, seed: int) -> None:
    gobhir.manual_seed(seed)
    layers = nn.Conv2d(1, 1, 2), nn.Tanh(), nn.Flatten(), nn.Linear(4, 1)
    model = nn.Sequential(*layers).double()
    x, y = gobhir.randn(1, 1, 3, 3).double(), gobhir.ones(1, 1).double()
    page = gobhir.explain(model, x, y, nn.MSELoss(), reference="differences")
    K, b = model[0].weight.detach().numpy()[0, 0], model[0].bias.detach().numpy()[0]
    w, c = model[3].weight.detach().numpy()[0], model[3].bias.detach().numpy()[0]
    image = x.numpy()[0, 0]
    kernel = K[::-1, ::-1] if mistake == "kernel_turned" else K
    windows = np.lib.stride_tricks.sliding_window_view(image, (2, 2))
    z = (windows * kernel).sum((2, 3)) + (0 if mistake == "no_bias" else b)
    a = np.tanh(z)
    yhat = w @ a.ravel() + c
    delta = 2 * (yhat - 1)
    inner = (w * delta).reshape(2, 2) * (1 if mistake == "no_slope" else 1 - a**2)
    paper = {"z1": z[None], "a1": a[None], "yhat": yhat, "delta2": delta, "delta1": inner[None]}
    paper["dw1"] = np.einsum("ij,ijkl->kl", inner, windows)[None, None]
    report = page.check(written(paper))
    if not mistake:
        assert report.right and not report.slips
    else:
        told(report, mistake)


# -- softmax with cross-entropy ----


@pytest.mark.parametrize("mistake", ["", "class_number", "ones", "not_normalised", "no_target"])
@given(seed=seeds)
@settings(max_examples=3)
def test_classes(mistake: str, seed: int) -> None:
    e = gobhir.examples.network("2-4", loss="cross_entropy", seed=seed)
    W, b = (p.detach().numpy() for p in e.model.parameters())
    right, z = int(e.y.item()), W @ e.x.numpy() + b
    if mistake != "not_normalised":
        z = z - z.max()  # which is no slip: the probabilities are the same
    p = np.exp(z) / (1 if mistake == "not_normalised" else np.exp(z).sum())
    row = {"class_number": right + 1.0, "ones": 1.0, "no_target": 0.0}.get(
        mistake, np.eye(4)[right]
    )
    delta = p - row
    paper = {"p": p, "L": -np.log(p[right]), "delta1": delta, "dw1": np.outer(delta, e.x.numpy())}
    report = gobhir.check(written(paper), e.model, e.x, e.y, e.loss, e.optimizer)
    if not mistake:
        assert report.right and not report.slips
    elif mistake == "not_normalised":
        assert report.slips == (mistake,)
    else:
        assert report.slips == ({"ones": "class_number"}.get(mistake, mistake),)
