"""Does 90 % mean 90 %? How sure a classifier is, beside how often it is right.

Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks (2017),
https://arxiv.org/abs/1706.04599; Brier, Verification of Forecasts (1950).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.lang import say
from gobhir.training.metrics.base import arrays, as_array


@dataclass(frozen=True)
class Reliability:
    """How sure, and how often right, in bins of sureness. low, high: a bin's borders; count: the
    examples in it; sure: their mean sureness; right: the share of them that is right. ece: the mean
    distance of the two, weighted by count."""

    low: list[float]
    high: list[float]
    count: list[int]
    sure: list[float]
    right: list[float]
    ece: float


def probabilities(output: Any) -> np.ndarray:
    """(n, classes), from probabilities or scores (n, classes), or one an example, (n,) or (n, 1),
    for the classes 0 and 1. Rows that are no shares of 1 are scores (logits)."""
    out = as_array(output).astype(float)
    if out.ndim == 1 or out.shape[1] == 1:
        out = out.reshape(-1)
        if out.size and (out.min() < 0 or out.max() > 1):
            out = 0.5 * np.tanh(0.5 * out) + 0.5
        return np.stack([1 - out, out], 1)
    if (out >= 0).all() and np.allclose(out.sum(1), 1.0, atol=1e-4):
        return out
    return np.exp(_log_softmax(out))


def reliability(output: Any, target: Any, bins: int = 15, *, mass: bool = False) -> Reliability:
    """The diagram of the surest class. mass: bins of equally many examples instead of equal width
    (then equal sureness is not torn apart). Empty bins are left out."""
    p, y = _checked(output, target)
    if bins < 1:
        raise ValueError(say("evaluation.bad.bins", bins=bins))
    sure, right = p.max(1), p.argmax(1) == y
    if mass:
        inner = np.unique(np.quantile(sure, np.linspace(0, 1, bins + 1)[1:-1]))
        edges = np.concatenate([[sure.min()], inner[inner > sure.min()], [sure.max()]])
    else:
        edges = np.linspace(0, 1, bins + 1)
    # As in Guo et al.: a bin holds its upper border.
    where = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, len(edges) - 2)
    count = np.bincount(where, minlength=len(edges) - 1)
    there = np.flatnonzero(count)
    mean_sure = np.bincount(where, sure)[there] / count[there]
    mean_right = np.bincount(where, right)[there] / count[there]
    return Reliability(
        edges[there].tolist(),
        edges[there + 1].tolist(),
        count[there].tolist(),
        mean_sure.tolist(),
        mean_right.tolist(),
        float(np.average(np.abs(mean_sure - mean_right), weights=count[there])),
    )


def ece(output: Any, target: Any, bins: int = 15, *, mass: bool = False) -> float:
    """The expected calibration error: how far sureness and being right are apart, on average."""
    return reliability(output, target, bins, mass=mass).ece


def brier(output: Any, target: Any) -> np.ndarray:
    """For each example the squared distance of its probabilities from the truth, 0 to 2, (n,).
    (For two classes scikit-learn's brier_score_loss is half the mean of these.)"""
    p, y = _checked(output, target)
    return ((p - np.eye(p.shape[1])[y]) ** 2).sum(1)


def log_loss(output: Any, target: Any) -> np.ndarray:
    """For each example minus the logarithm of the true class's probability, (n,); what is smaller
    than 1e-15 counts as that."""
    p, y = _checked(output, target)
    return -np.log(np.maximum(p[np.arange(len(y)), y], 1e-15))


@dataclass(frozen=True)
class Temperature:
    """Scores are divided by `value` before the softmax: above 1 the model becomes less sure, below
    it surer; which class is the surest stays."""

    value: float = 1.0

    @classmethod
    def fit(cls, logits: Any, target: Any) -> Temperature:
        """The temperature under which the true classes are most likely. logits: (n, classes) or one
        an example, of the *validation* data: the test must not be asked.

        The loss is convex in 1 / temperature; Newton's steps, halved where they overshoot. Data
        that are all right (or all wrong) have none: ValueError.
        """
        z, y = _scores(logits), as_array(target).reshape(-1).astype(np.int64)
        if len(z) != len(y) or not len(y):
            raise ValueError(say("evaluation.bad.fit", scores=z.shape, target=y.shape))
        true = z[np.arange(len(y)), y]
        at_end = {"best": float((z.max(1) - true).max()), "worst": float((true - z.mean(1)).sum())}
        if at_end["best"] <= 0 or at_end["worst"] <= 0:
            raise ValueError(say("evaluation.bad.separable"))
        sharp = 1.0
        for _ in range(100):
            p = np.exp(_log_softmax(sharp * z))
            mean = (p * z).sum(1)
            slope = float((mean - true).mean())
            bend = float(((p * z**2).sum(1) - mean**2).mean())
            step = -slope / max(bend, 1e-12)
            before = _nll(sharp * z, y)
            while sharp + step <= 0 or _nll((sharp + step) * z, y) > before:
                step /= 2
                if abs(step) < 1e-12:
                    break
            if abs(step) < 1e-9 * sharp:
                break
            sharp += step
        return cls(1 / sharp)

    def __call__(self, logits: Any) -> np.ndarray:
        """Calibrated probabilities, (n, classes)."""
        return np.exp(_log_softmax(_scores(logits) / self.value))


def _scores(logits: Any) -> np.ndarray:
    z = as_array(logits).astype(float)
    if z.ndim == 1 or z.shape[1] == 1:
        z = z.reshape(-1)
        return np.stack([np.zeros_like(z), z], 1)
    return z


def _log_softmax(z: np.ndarray) -> np.ndarray:
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def _nll(z: np.ndarray, y: np.ndarray) -> float:
    return -float(_log_softmax(z)[np.arange(len(y)), y].mean())


def _checked(output: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
    out, y = arrays(output, target)
    p = probabilities(out)
    if not len(y) or not np.isfinite(p).all() or y.min() < 0 or y.max() >= p.shape[1]:
        said = {"output": out.shape, "target": y.shape}
        raise ValueError(say("evaluation.bad.outputs", **said))
    return p, y
