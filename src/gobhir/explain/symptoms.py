"""What a diary of a training says about it: findings, as keys and numbers, in no language.

One function a symptom. Where a threshold is a rule of thumb, its source stands beside it; where
it is measured, what was measured: `healthy` below means the trainings in
tests/explain/test_story.py, and the like on scikit-learn's digits over 15 and 40 epochs (MLPs
with ReLU, tanh and sigmoid, CNNs with and without BatchNorm, LSTM, GRU, encoder; SGD at 0.01 and
0.1, with momentum, Adam at 1e-3 and 1e-2, AdamW), in which no symptom may be seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gobhir.lift.diary import Diary

FEW = 20
"""With fewer steps than this nothing is said that only many steps can show."""
LONG = 300
"""So many steps a loss may take before it has to move: recurrent networks, and sigmoid ones,
stand still for up to two hundred under plain SGD, and learn after that."""


@dataclass(frozen=True)
class Finding:
    """Something that happened. kind: which symptom; level: "problem", or "note" where it may well
    be on purpose; step: when it was first seen, counted from 1; layers: where."""

    kind: str
    level: str = "problem"
    step: int | None = None
    layers: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Course:
    """A diary, and what several symptoms want to know of it."""

    diary: Diary

    @cached_property
    def losses(self) -> np.ndarray:
        """The losses that were numbers."""
        losses = np.array(self.diary.losses)
        return losses[np.isfinite(losses)]

    @cached_property
    def blocks(self) -> np.ndarray:
        """Means of ten stretches of the loss, one after the other."""
        parts = np.array_split(self.losses, max(1, min(10, len(self.losses))))
        return np.array([part.mean() for part in parts if len(part)])

    @property
    def start(self) -> float:
        """The loss at first: over a twentieth of the steps, before much has been learned."""
        return float(self.losses[: max(1, len(self.losses) // 20)].mean())

    @property
    def learned(self) -> bool:
        """Whether the loss fell to a tenth of the very first (those after it may have leapt)."""
        return bool(len(self.losses) >= FEW and self.blocks[-1] < 0.1 * abs(self.losses[0]))

    @cached_property
    def weights(self) -> np.ndarray:
        """Which parameters are matrices of weights that learn, in the order of the layers."""
        order = self.diary.order
        found = [
            k for k, w in enumerate(self.diary.parameters) if w.weighs and w.given and w.pulled
        ]
        return np.array(sorted(found, key=lambda k: order.get(self._layer(k), k)), int)

    def _layer(self, k: int) -> str:
        return self.diary.parameters[k].layer

    def names(self, which: Any) -> tuple[str, ...]:
        return tuple(self.diary.parameters[k].name for k in which)

    def typical(self, table: np.ndarray) -> np.ndarray:
        """The middle over the second half of the watched steps, one a matrix of weights."""
        half = table[len(table) // 2 :, self.weights]
        return np.array([_median(column) for column in half.T])

    @cached_property
    def ratios(self) -> np.ndarray:
        return self.diary.ratios()

    @cached_property
    def pulls(self) -> np.ndarray:
        return self.diary.pulls()

    @cached_property
    def stretches(self) -> list[np.ndarray]:
        """The middle of |gradient| / |weights| over the second half of the story; of a network that
        has learned nothing also over its first tenth: later, all its gradients are gone."""
        found = [np.nan_to_num(self.typical(self.pulls))]
        if len(self.losses) >= FEW and self.blocks[-1] > 0.9 * self.start:
            early = self.pulls[: max(3, len(self.pulls) // 10), self.weights]
            found.append(np.nan_to_num([_median(column) for column in early.T]))
        return found

    @cached_property
    def flat(self) -> bool:
        """Whether the loss stood still from the start: no tenth of it was 2 % below the first, and
        the second half is no lower than the first beyond its own noise. (Healthy: the best tenth
        is at most 0.9 of the first.)"""
        losses = self.losses
        if len(losses) < LONG or self.start <= 0:
            return False
        first, second = np.array_split(losses, 2)
        noise = math.hypot(first.std() / len(first) ** 0.5, second.std() / len(second) ** 0.5)
        still = second.mean() > first.mean() - max(3 * noise, 0.005 * self.start)
        return bool(still and self.blocks[1:].min() > 0.98 * self.start)


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
        "before": float(c.losses[-1]) if len(c.losses) else math.nan,
    }
    yield Finding("nan", step=birth.step + 1, layers=_named(birth.layer), values=values)


def kept_gradients(c: Course, known: set[str]) -> Iterator[Finding]:
    """zero_grad() was forgotten: backward() added to gradients that a step had used already. That
    is seen, not guessed (the same tensor in the same version); three times are no accident."""
    stale, steps = c.diary.counts["stale"], max(1, c.diary.steps - 1)
    if stale >= 3 and stale >= 0.9 * steps:
        yield Finding("zero_grad", step=2, values={"count": stale})


def modes(c: Course, known: set[str]) -> Iterator[Finding]:
    """Training in evaluation mode, and looking at validation data in training mode."""
    counts = c.diary.counts
    evaluated, steps = counts["eval_steps"], c.diary.steps
    if steps >= FEW and evaluated >= 0.2 * steps:
        always = evaluated == steps  # that can be meant: BatchNorm frozen for fine-tuning
        level = "note" if always else "problem"
        yield Finding("train_mode", level, values={"count": evaluated, "steps": steps})
    # Several batches in a row without autograd are a validation set. One by one between steps
    # they may be a generator's images for its opponent.
    checks, runs = counts["checks_in_train"], counts["runs_in_train"]
    if checks and (checks >= 2 * runs or runs <= steps / 4):
        yield Finding("eval_mode", values={"count": checks})


def shapes(c: Course, known: set[str]) -> Iterator[Finding]:
    """A loss that stretches (batch, 1) against (batch,), and a softmax before cross-entropy."""
    counts = c.diary.counts
    heard = counts["losses_heard"]
    if heard and counts["broadcast"] >= 0.5 * heard:
        output, target = c.diary.details["broadcast"]
        yield Finding("broadcast", values={"output": list(output), "target": list(target)})
    if heard >= 3 and counts["softmaxed"] == heard:
        yield Finding("softmax_twice")


def unmoved(c: Course, known: set[str]) -> Iterator[Finding]:
    """Parameters that no step ever changed, by the reason."""
    if not c.diary.rows:
        return
    reasons: dict[str, list[str]] = {}
    for w in c.diary.parameters:
        if w.moved:
            continue
        if not w.wanted:
            reason = "frozen"
        elif not w.reached:
            reason = "unused"
        elif not w.given:
            reason = "left_out"
        else:
            reason = "still" if w.pulled else "no_gradient"
        reasons.setdefault(reason, []).append(w.name)
    for reason, names in reasons.items():
        if reason in ("still", "no_gradient") and c.diary.steps < FEW:
            continue
        lr = c.diary.rows[-1].lr
        if reason == "still" and lr:
            continue  # changes too small for the dtype: the ratio tells
        level = "note" if reason == "frozen" else "problem"
        yield Finding(reason, level, layers=tuple(names), values={"all": len(c.diary.parameters)})


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
            yield Finding("dead", step=max(1, since), layers=_named(u.layer), values=values)


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
            yield Finding(kind, step=since, layers=_named(u.layer), values=values)


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
    guess = _guess(c)
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
    guess = _guess(c)
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


def _guess(c: Course) -> float | None:
    """What the best constant answer costs, where that is the whole loss."""
    guess = c.diary.guess
    if guess is None or guess.alone < 0.9 * len(c.diary.rows):
        return None
    return guess.cost()


SYMPTOMS: list[Callable[[Course, set[str]], Iterator[Finding]]] = [
    born,
    kept_gradients,
    modes,
    shapes,
    unmoved,
    exploding,
    too_high,
    dead,
    saturated,
    vanishing,
    too_low,
    standing,
]


def _median(a: np.ndarray) -> float:
    a = a[np.isfinite(a)]
    return float(np.median(a)) if len(a) else 0.0


def _named(layer: str) -> tuple[str, ...]:
    return (layer,) if layer else ()
