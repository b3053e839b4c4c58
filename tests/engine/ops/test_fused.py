"""Ops that do in one go what a textbook writes in several steps, beside those steps.

Each simple variant is written in the smallest ops; value, first and second derivatives must agree.
Layers of recurrent steps have theirs in test_recurrent.py, CTC in test_ctc.py, optimizer rules in
tests/optim/test_optimizers.py, compiled steps in tests/engine/compile. For an op of one element
its formula is the simple variant: test_formulas.py.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir.autograd import grad
from gobhir.engine import OPS, Family
from gobhir.engine.apply import apply
from tests.engine.parity import numbers
from tests.engine.test_formulas import NOT_PER_ELEMENT, shipped

Variant = Callable[..., Any]


def linear(x: Any, W: Any, b: Any) -> Any:
    return x @ W.T + b


def softmax(z: Any, dim: int) -> Any:
    return z.exp() / z.exp().sum(dim, keepdim=True)


def log_softmax(z: Any, dim: int) -> Any:
    return softmax(z, dim).log()


def logsumexp(x: Any, dim: int) -> Any:
    return x.exp().sum(dim).log()


def attention(q: Any, k: Any, v: Any, mask: Any, scale: float) -> Any:
    return softmax(scale * (q @ k.mT) + mask, -1) @ v


def standardised(x: Any, dims: Any, eps: float = 1e-5) -> Any:
    mean = x.mean(dims, keepdim=True)
    variance = ((x - mean) ** 2).mean(dims, keepdim=True)
    return (x - mean) / (variance + eps).sqrt()


def of_channels(p: Any) -> Any:
    return p.reshape(-1, 1, 1)


def batch_norm(x: Any, weight: Any, bias: Any) -> Any:
    return standardised(x, (0, 2, 3)) * of_channels(weight) + of_channels(bias)


def by_running(x: Any, mean: Any, variance: Any, weight: Any, bias: Any) -> Any:
    z = (x - of_channels(mean)) / (of_channels(variance) + 1e-5).sqrt()
    return z * of_channels(weight) + of_channels(bias)


def instance_norm(x: Any, weight: Any, bias: Any) -> Any:
    return standardised(x, (2, 3)) * of_channels(weight) + of_channels(bias)


def layer_norm(x: Any, weight: Any, bias: Any) -> Any:
    return standardised(x, -1) * weight + bias


def group_norm(x: Any, weight: Any, bias: Any, groups: int) -> Any:
    parts = x.reshape(x.shape[0], groups, -1)
    return standardised(parts, 2).reshape(x.shape) * of_channels(weight) + of_channels(bias)


def rms_norm(x: Any, weight: Any, eps: float) -> Any:
    return x / ((x * x).mean(-1, keepdim=True) + eps).sqrt() * weight


def cross_entropy(z: Any, y: np.ndarray) -> Any:
    wanted = gobhir.from_numpy(np.eye(z.shape[1])[y])
    return -(wanted * log_softmax(z, 1)).sum() / len(y)


def nll(s: Any, y: np.ndarray) -> Any:
    return -(gobhir.from_numpy(np.eye(s.shape[1])[y]) * s).sum() / len(y)


def bce_with_logits(z: Any, y: Any) -> Any:
    p = 1 / (1 + (-z).exp())
    return -(y * p.log() + (1 - y) * (1 - p).log()).mean()


def embedding(x: np.ndarray, W: Any) -> Any:
    return gobhir.from_numpy(np.eye(W.shape[0])[x]) @ W


def padded(x: Any, padding: Any, value: float = 0.0) -> Any:
    out = gobhir.full(
        (*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True))),
        value,
        dtype=x.dtype,
    )
    rows, columns = (slice(p, p + n) for n, p in zip(x.shape[2:], padding, strict=True))
    out[:, :, rows, columns] = x
    return out


def windows(x: Any, kernel: Any, stride: Any, dilation: Any = (1, 1)) -> dict[Any, Any]:
    """For every place of the kernel, what of x, (N, C, rows, columns), stands under it."""
    count = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], kernel, stride, dilation, strict=True)
    ]

    def part(axis: int, k: int) -> slice:
        start = k * dilation[axis]
        return slice(start, start + (count[axis] - 1) * stride[axis] + 1, stride[axis])

    places = itertools.product(*map(range, kernel))
    return {(i, j): x[:, :, part(0, i), part(1, j)] for i, j in places}


def conv(x: Any, W: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    seen = windows(padded(x, padding), W.shape[2:], stride, dilation)
    parts = []
    for g in range(groups):
        inputs = slice(g * W.shape[1], (g + 1) * W.shape[1])
        outputs = slice(g * (W.shape[0] // groups), (g + 1) * (W.shape[0] // groups))
        terms = [
            gobhir.einsum("oc,nchw->nohw", W[outputs, :, i, j], part[:, inputs])
            for (i, j), part in seen.items()
        ]
        parts.append(sum(terms[1:], terms[0]))
    return gobhir.cat(parts, 1) + of_channels(b)


def conv_transpose(x: Any, W: Any, b: Any, stride: Any, padding: Any) -> Any:
    """Every number of x, times the kernel, painted onto the result."""
    (rows, columns), (height, width) = x.shape[2:], W.shape[2:]
    size = [(n - 1) * s + k for n, s, k in zip(x.shape[2:], stride, W.shape[2:], strict=True)]
    out = gobhir.zeros(x.shape[0], W.shape[1], *size, dtype=x.dtype)
    for i, j in itertools.product(range(rows), range(columns)):
        painted = gobhir.einsum("nc,cohw->nohw", x[:, :, i, j], W)
        top, left = i * stride[0], j * stride[1]
        out[:, :, top : top + height, left : left + width] += painted
    inside = (slice(p, n - p) for p, n in zip(padding, size, strict=True))
    return out[(slice(None), slice(None), *inside)] + of_channels(b)


def max_pool(x: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    seen = windows(padded(x, padding, -math.inf), kernel, stride)
    return gobhir.stack(list(seen.values())).amax(0)


def avg_pool(x: Any, kernel: Any, stride: Any, padding: Any) -> Any:
    return gobhir.stack(list(windows(padded(x, padding), kernel, stride).values())).mean(0)


def resample(x: Any, size: Any) -> Any:
    """Bilinear: each number lies between its neighbours, as in similar triangles."""
    for axis, m in enumerate(size, 2):
        n = x.shape[axis]
        place = np.clip((np.arange(m) + 0.5) * n / m - 0.5, 0, n - 1)
        low = np.floor(place).astype(int)
        share = gobhir.from_numpy(place - low).reshape(-1, *[1] * (3 - axis))
        high = np.minimum(low + 1, n - 1)
        below, above = (x.index_select(axis, gobhir.from_numpy(p)) for p in (low, high))
        x = below + share * (above - below)
    return x


def rnn_step(x: Any, h: Any, W_ih: Any, W_hh: Any, b: Any, c: Any) -> Any:
    return (linear(x, W_ih, b) + linear(h, W_hh, c)).tanh()


def lstm_step(x: Any, h: Any, cell: Any, W_ih: Any, W_hh: Any, b: Any, c: Any) -> Any:
    i, f, g, o = (linear(x, W_ih, b) + linear(h, W_hh, c)).chunk(4, 1)
    return o.sigmoid() * (f.sigmoid() * cell + i.sigmoid() * g.tanh()).tanh()


def gru_step(x: Any, h: Any, W_ih: Any, W_hh: Any, b: Any, c: Any) -> Any:
    of_x, of_h = linear(x, W_ih, b).chunk(3, 1), linear(h, W_hh, c).chunk(3, 1)
    r, z = ((of_x[k] + of_h[k]).sigmoid() for k in (0, 1))
    return (1 - z) * (of_x[2] + r * of_h[2]).tanh() + z * h


IMAGE, WIDE, CHANNELS = (2, 4, 5, 4), (2, 3, 4, 4), (4,)
PLAIN = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)}
SLIDING = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 0)}
LABELS = np.array([2, 0, 1, 2])
TABLE = np.array([[1, 0], [2, 1]])

FUSED: list[tuple[str, Variant, list[Any], dict[str, Any], dict[str, Any]]] = [
    # the op, its steps, inputs (a shape: drawn numbers), settings of the op, of the steps
    ("linear", linear, [(3, 4), (2, 4), (2,)], {}, {}),
    ("softmax", softmax, [(2, 3, 4)], {"dim": 1}, {"dim": 1}),
    ("log_softmax", log_softmax, [(2, 3, 4)], {"dim": 1}, {"dim": 1}),
    ("log_sum_exp", logsumexp, [(2, 3, 4)], {"dim": 1}, {"dim": 1}),
    ("attention", attention, [WIDE, (2, 3, 5, 4), (2, 3, 5, 2), (4, 5)], *[{"scale": 0.5}] * 2),
    ("batch_norm", batch_norm, [IMAGE, CHANNELS, CHANNELS], {}, {}),
    (
        "batch_norm_by_running",
        by_running,
        [IMAGE, CHANNELS, numbers(5, CHANNELS, low=0.5), CHANNELS, CHANNELS],
        {},
        {},
    ),
    ("instance_norm", instance_norm, [IMAGE, CHANNELS, CHANNELS], {}, {}),
    ("layer_norm", layer_norm, [(3, 2, 5), (5,), (5,)], {}, {}),
    ("group_norm", group_norm, [IMAGE, CHANNELS, CHANNELS], *[{"groups": 2}] * 2),
    ("rms_norm", rms_norm, [(3, 2, 5), (5,)], *[{"eps": 1e-5}] * 2),
    ("cross_entropy_loss", cross_entropy, [(4, 3), LABELS], {}, {}),
    ("nll_loss", nll, [(4, 3), LABELS], {}, {}),
    ("bce_with_logits_loss", bce_with_logits, [(3, 4), numbers(8, (3, 4), low=0, high=1)], {}, {}),
    ("embedding", embedding, [TABLE, (3, 4)], {}, {}),
    (
        "conv",
        conv,
        [IMAGE, (6, 2, 3, 2), (6,)],
        *[{"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}] * 2,
    ),
    (
        "conv_transpose",
        conv_transpose,
        [IMAGE, (4, 2, 3, 2), (2,)],
        {**PLAIN, "stride": (2, 1), "padding": (1, 0), "output_padding": (0, 0)},
        {"stride": (2, 1), "padding": (1, 0)},
    ),
    ("max_pool", max_pool, [np.random.default_rng(3).normal(size=IMAGE)],
     {**SLIDING, "dilation": (1, 1)}, SLIDING),
    ("avg_pool", avg_pool, [IMAGE], SLIDING, SLIDING),
    ("resample", resample, [IMAGE], {"size": (7, 3), "mode": "linear"}, {"size": (7, 3)}),
    ("rnn_step", rnn_step, [(2, 3), (2, 4), (4, 3), (4, 4), (4,), (4,)], {}, {}),
    ("lstm_step", lstm_step, [(2, 3), (2, 4), (2, 4), (16, 3), (16, 4), (16,), (16,)], {}, {}),
    ("gru_step", gru_step, [(2, 3), (2, 4), (12, 3), (12, 4), (12,), (12,)], {}, {}),
]  # fmt: skip


@pytest.mark.parametrize("case", FUSED, ids=[case[0] for case in FUSED])
def test_in_one_go_as_step_by_step(case: tuple[str, Variant, list[Any], dict, dict]) -> None:
    name, steps, given, settings, words = case
    arrays = [numbers(3 * i + 1, a) if isinstance(a, tuple) else a for i, a in enumerate(given)]
    op = OPS[name]
    found = []
    for run in (lambda *x: apply(op, *x, **settings), lambda *x: steps(*x, **words)):
        inputs = [
            gobhir.from_numpy(a.copy()).requires_grad_(which in op.pullbacks)
            if a.dtype.kind == "f"
            else a
            for which, a in zip(op.inputs, arrays, strict=False)
        ]
        leaves = [x for x in inputs if getattr(x, "requires_grad", False)]
        out = run(*inputs)
        out = out[0] if isinstance(out, tuple) else out
        total = (out * gobhir.from_numpy(numbers(7, out.shape))).sum()
        first = grad(total, leaves, create_graph=True)
        again = [(g * gobhir.from_numpy(numbers(8, g.shape))).sum() for g in first]
        again = [g for g in again if g.requires_grad]  # the gradient of a sum has no slope
        second: Any = [gobhir.zeros_like(x) for x in leaves]
        if again:
            second = grad(sum(again[1:], again[0]), leaves, materialize_grads=True)
        found.append([out, *first, *second])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), 1e-8, 1e-10)


ELSEWHERE = {
    "rnn_layer lstm_layer gru_layer": "test_recurrent.py: a layer is its steps",
    "ctc_loss": "test_ctc.py: all ways added up",
    "conv_weight avg_pool_back resample_back": "the gradients of ops that stand here",
}
SINGLE = {"linalg", "lu"}
"""Files of ops that are one idea each, and no steps put together."""


def test_every_op_of_several_steps_has_them_beside_it() -> None:
    families = {Family.LINEAR, Family.NORMALISATION, Family.RECURRENT, Family.ATTENTION}
    several = {
        name
        for name, op in shipped().items()
        if (op.family in families or (op.family is Family.LOSS and name in NOT_PER_ELEMENT))
        and op.__module__.split(".")[-1] not in SINGLE
    } - {"mat_mul"}
    assert several <= {case[0] for case in FUSED} | set(" ".join(ELSEWHERE).split())
