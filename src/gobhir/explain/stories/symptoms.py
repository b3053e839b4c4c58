"""What a diary of a training says about it: findings, as keys and numbers, in no language.

One function a symptom. Where a threshold is a rule of thumb, its source stands beside it; where
it is measured, what was measured: `healthy` below means the trainings in
tests/explain/stories/test_story.py, and the like on scikit-learn's digits over 15 and 40 epochs
(MLPs with ReLU, tanh and sigmoid, CNNs with and without BatchNorm, LSTM, GRU, encoder; SGD at
0.01 and 0.1, with momentum, Adam at 1e-3 and 1e-2, AdamW), in which no symptom may be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from gobhir.explain.stories.findings import FEW, Course, Finding, named
from gobhir.explain.stories.mistakes import (
    alike,
    decayed,
    dropped,
    kept_gradients,
    lopsided,
    modes,
    shapes,
    single,
    summed,
    unmoved,
    unpulled,
    unscaled,
)
from gobhir.lift.diary import Diary


def findings(diary: Diary) -> list[Finding]:
    """All symptoms, causes before what they lead to."""
    course = Course(diary)
    found: list[Finding] = []
    for look in SYMPTOMS:
        found += look(course, {f.kind for f in found})
    return found


def born(c: Course, known: set[str]) -> Iterator[Finding]:
    """The first NaN."""
    birth = c.diary.birth
    if birth is None:
        return
    values = {
        "phase": birth.phase,
        "op": birth.op,
        "source": birth.source,
        "inputs": [list(pair) for pair in birth.inputs],
        "at": list(birth.at),
        "given": list(birth.given),
        "before": float(c.losses[-1]) if len(c.losses) else math.nan,
    }
    yield Finding("nan", step=birth.step + 1, layers=named(birth.layer), values=values)


DEAD = 0.5
"""Half of a layer's units dead: CS231n warns of 40 % under too high a learning rate
(https://cs231n.github.io/neural-networks-1/). Healthy: at most 0.31."""


def dead(c: Course, known: set[str]) -> Iterator[Finding]:
    """Units behind a ReLU that were zero for every example in the last quarter of the story.
    (Where the rest has learned all the same, as in XOR with four examples, they do no harm.)"""
    if c.diary.steps < FEW or c.learned:
        return
    for u in c.diary.units.values():
        steps = sorted(u.shares)
        if u.last is None or len(steps) < 10:
            continue
        window = steps[-max(10, len(steps) // 4)]
        share = float((u.last < window).mean())
        if share >= DEAD:
            since = int(np.quantile(u.last, DEAD)) + 2
            values = {"dead": round(share * u.count), "units": u.count}
            yield Finding("dead", step=max(1, since), layers=named(u.layer), values=values)


FLAT = 0.75
"""Three quarters of a layer's values where the slope is below 1 % of its greatest: Glorot and
Bengio 2010, section 3, show how such a layer stops the learning of those before it. Healthy: at
most 0.53, of a tanh network that has long learned its examples by heart."""


def saturated(c: Course, known: set[str]) -> Iterator[Finding]:
    """Sigmoid and tanh units, and gates, that stand where the function is flat. (The model's own
    output may: a classifier that is sure stands there.)"""
    if c.diary.steps < FEW or c.learned:
        return  # a network that has learned is sure of itself
    for u in c.diary.units.values():
        if u.last is not None or u.final or len(u.shares) < (2 if u.gate else 10):
            continue
        shares = np.array(list(u.shares.values()))
        late = float(np.median(shares[len(shares) // 2 :]))
        if late >= FLAT:
            steps = list(u.shares)
            since = next((s for s, share in u.shares.items() if share >= FLAT), steps[0]) + 1
            values = {"share": late, "op": u.op}
            kind = "gate" if u.gate else "saturated"
            yield Finding(kind, step=since, layers=named(u.layer), values=values)


VANISHED = 1e-3
"""A layer's |gradient| / |weights| beside the greatest of the layers after it. Five sigmoid
layers lose 0.14^5 = 5e-5 at PyTorch's first weights (slope at most 1/4, times 1/sqrt(3) of the
weights). Healthy: at least 0.02."""


def vanishing(c: Course, known: set[str]) -> Iterator[Finding]:
    """Gradients that get lost on their way to the first layers."""
    if len(c.diary.rows) < 10 or len(c.weights) < 2:
        return
    for typical in c.stretches:
        later = np.maximum.accumulate(typical[::-1])[::-1]
        lost = [k for k in range(len(typical) - 1) if typical[k] < VANISHED * later[k + 1]]
        if not lost:
            continue
        share = float(typical[lost[0]] / later[lost[0] + 1])
        largest = int(np.argmax(typical))
        values = {"share": share, "largest": c.names(c.weights[[largest]])[0]}
        yield Finding("vanishing", layers=c.names(c.weights[lost]), values=values)
        return


EXPLODED = 100.0
"""|gradient| / |weights| from which plain SGD would need a learning rate below 1e-5 to change
weights by the healthy thousandth. Healthy: at most 2."""


def exploding(c: Course, known: set[str]) -> Iterator[Finding]:
    """Gradients far larger than the weights, and a training that is hurt by them: it ended in
    NaN, or steps change weights by more than a tenth. (Adam divides the size out again.)"""
    if not len(c.weights) or not c.diary.rows:
        return
    largest = np.nanmax(np.nan_to_num(c.pulls[:, c.weights], posinf=np.inf), axis=1)
    wild = np.nanmax(np.nan_to_num(c.ratios[:, c.weights]), axis=1) > 0.1
    hurt = c.diary.birth is not None or wild[largest > EXPLODED].any()
    first = np.flatnonzero(largest > EXPLODED)
    if not len(first) or not hurt:
        return
    at = int(first[0])
    row = c.diary.rows[at]
    k = int(c.weights[np.argmax(np.nan_to_num(c.pulls[at, c.weights], posinf=np.inf))])
    # From the first steps on it is the network; later it is what the steps have done to it.
    values = {"pull": float(largest[at]), "early": row.step < 3, "lr": row.lr}
    yield Finding("exploding", step=row.step + 1, layers=c.names([k]), values=values)


HEAVY = 0.97
"""Momentum beyond which a step carries on the mean of more than thirty gradients; 0.9, ten of them,
is usual (Sutskever et al. 2013 go up to 0.99, and warm up to it)."""


def momentum(c: Course, known: set[str]) -> Iterator[Finding]:
    """Momentum that carries the weights past every valley: the loss falls, and rises again."""
    heavy = c.diary.details.get("momentum", 0.0)
    if heavy < HEAVY or len(c.losses) < 3 * FEW or c.thriving:
        return
    lowest = np.minimum.accumulate(c.blocks)
    if c.blocks[-1] > 0.9 * c.start or (c.blocks > 1.5 * lowest).any():
        yield Finding("momentum", values={"momentum": heavy, "lr": c.diary.rows[-1].lr})


HIGH, WILD = 0.03, 0.3
"""|change| / |weights| in a step. Healthy is about 1e-3 (CS231n,
https://cs231n.github.io/neural-networks-3/#ratio); thirty times that is harmful where the loss
says so too. Healthy: up to 0.2 in Adam's first steps, while the loss falls."""


def too_high(c: Course, known: set[str]) -> Iterator[Finding]:
    """A learning rate that is too high: large changes, and a loss that is the worse for it."""
    early = [f for f in exploding(c, known) if f.values["early"]]
    if not len(c.weights) or len(c.losses) < 3 or early:
        return
    ratios = np.nanmax(np.nan_to_num(c.ratios[:, c.weights], posinf=np.inf), axis=1)
    if not len(ratios):
        return
    first = float(c.losses[0])
    peak, end = float(c.losses.max()), float(c.blocks[-1] if len(c.losses) >= FEW else c.losses[-1])
    birth = c.diary.birth
    grew = birth is not None and (end > 2 * abs(first) or peak > 2 * abs(first))
    worse = len(c.losses) >= FEW and (
        end > 1.5 * abs(first) or (peak > 10 * abs(first) and end > 0.9 * first)
    )
    early_ratio = ratios[: max(1, len(ratios) // 10)].max()
    numb = len(c.losses) >= FEW and end > 0.95 * abs(first) and early_ratio > WILD
    largest = float(ratios.max())
    if (grew or worse or numb) and largest > HIGH:
        row = c.diary.rows[int(np.argmax(ratios > HIGH))]
        values = {"ratio": largest, "lr": row.lr, "first": first, "peak": peak}
        yield Finding("lr_high", step=row.step + 1, values=values)


LOW = 1e-4
"""A tenth of the healthy ratio, in the layer that moves most. Healthy: at least 1e-3."""


def too_low(c: Course, known: set[str]) -> Iterator[Finding]:
    """A learning rate that is too low: tiny changes, and a loss that has hardly begun to fall."""
    if len(c.losses) < 100 or not len(c.weights) or known & {"vanishing", "dead", "zero_grad"}:
        return
    ratio = float(np.nanmax(np.nan_to_num(c.typical(c.ratios))))
    guess = c.guess
    learned = guess is not None and c.blocks[-1] < 0.5 * guess
    if 0 < ratio < LOW and c.blocks[-1] > 0.9 * c.start and not learned:
        values = {"ratio": ratio, "lr": c.diary.rows[-1].lr, "first": c.start, "last": c.blocks[-1]}
        yield Finding("lr_low", values=values)


FAIR = 5e-4, 0.1
"""What |change| / |weights| of every layer is at least, and its |gradient| / |weights| beside the
greatest, where nothing but the data can be what keeps a network from learning. (Sigmoid networks
under plain SGD stand still for long at first; there the two are below 1e-3 and 0.05.)"""

CAUSES = {
    *("nan", "zero_grad", "broadcast", "softmax_twice", "unused", "left_out", "no_gradient"),
    *("still", "dead", "saturated", "gate", "vanishing", "exploding", "lr_high", "lr_low"),
}


def standing(c: Course, known: set[str]) -> Iterator[Finding]:
    """A loss that stands still. If nothing else explains it, weights do move, and the loss is
    what the best answer that ignores the input costs, then the labels may not match."""
    if not c.flat or known & {"lr_low", "lr_high"}:
        return
    guess = c.guess
    values = {"first": c.start, "last": float(c.blocks[-1]), "steps": c.diary.steps}
    if guess is not None and c.blocks[-1] < 0.5 * guess:
        return  # it has nothing to learn any more
    guessing = guess is not None and abs(c.blocks[-1] - guess) < 0.05 * guess
    fair = False
    if len(c.weights):
        ratios, pulls = c.typical(c.ratios), c.typical(c.pulls)
        fair = bool(ratios.min() >= FAIR[0] and pulls.min() >= FAIR[1] * pulls.max())
    if guessing and fair and not known & CAUSES:
        yield Finding("labels", values=values | {"guess": guess})
    else:
        yield Finding("standing", values=values | {"guess": guess if guessing else None})


SYMPTOMS: list[Callable[[Course, set[str]], Iterator[Finding]]] = [
    born,
    kept_gradients,
    modes,
    shapes,
    alike,
    unmoved,
    dropped,
    single,
    unscaled,
    summed,
    decayed,
    exploding,
    momentum,
    too_high,
    dead,
    unpulled,
    saturated,
    vanishing,
    too_low,
    lopsided,
    standing,
]
