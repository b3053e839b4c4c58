"""Which thresholds fit a camera? Draw them by chance, measure each, keep the best, look around it.

By chance, since among a dozen numbers few matter, and nobody knows before which: a grid would try
the same few values of these again and again. Source: J. Bergstra, Y. Bengio (2012),
https://jmlr.org/papers/v13/bergstra12a.html
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from gobhir.projects.tracking.data import Task, follow
from gobhir.projects.tracking.kalman import Motion
from gobhir.projects.tracking.metrics import Tally, measure
from gobhir.projects.tracking.tracker import Options

SCORES = {"unsure": (0.05, 0.4), "sure": (0.15, 0.8), "start": (0.15, 0.9)}
SHARES = {
    "gate": (0.5, 1.0),
    "second_gate": (0.3, 1.0),
    "wide_gate": (0.5, 1.1),
    "buffer": (0.0, 1.0),
    "momentum": (0.0, 0.5),
    "apart": (0.2, 0.9),
}
COUNTS = {"confirm": (1, 4), "patience": (5, 90), "coast": (0, 8)}
MOTION = {
    "measured": (0.02, 0.2),
    "push": (0.002, 0.05),
    "growth": (0.0003, 0.01),
    "first": (0.01, 0.2),
}
"""Drawn on a logarithmic scale."""


def worth(tally: Tally) -> float:
    """What is to be large: halfway between MOTA (is everybody found?) and IDF1 (who is who?)."""
    return (tally.mota + tally.idf1) / 2


def tuned(todo: Task, trials: int, seed: int, overlap: float = 0.5) -> tuple[Options, list[Tally]]:
    """The best options of so many on the part to tune on, and what each of them gave. The first
    are as they come; the last third is drawn near the best so far."""
    draw = np.random.default_rng(seed)
    part, truth = todo.part("train"), todo.true("train")
    best, most, tallies = Options(), -math.inf, []
    for k in range(trials):
        near = best if 3 * k >= 2 * trials else None
        options = Options() if k == 0 else drawn(draw, near)
        tallies.append(measure(truth, follow(todo.seen, part, options), overlap))
        if worth(tallies[-1]) > most:
            best, most = options, worth(tallies[-1])
    return best, tallies


def drawn(draw: np.random.Generator, near: Options | None = None) -> Options:
    """Options by chance: within their limits, or, for half of them, as `near` has them, and the
    others a tenth of their range around it."""

    def one(name: str, low: float, high: float, now: float | None) -> float:
        if now is None:
            return float(draw.uniform(low, high))
        if draw.random() < 0.5:
            return now
        return float(np.clip(draw.normal(now, (high - low) / 10), low, high))

    def of(name: str) -> float | None:
        return None if near is None else getattr(near, name)

    found: dict[str, Any] = {
        name: one(name, *ends, of(name)) for name, ends in {**SCORES, **SHARES}.items()
    }
    found["unsure"] = min(found["unsure"], found["sure"])
    whole: dict[str, Any] = {
        name: round(one(name, *ends, of(name))) for name, ends in COUNTS.items()
    }
    motion = {}
    for name, ends in MOTION.items():
        low, high = map(math.log, ends)
        now = None if near is None else math.log(getattr(near.motion, name))
        motion[name] = math.exp(one(name, low, high, now))
    return replace(Options(), **found, **whole, motion=Motion(**motion))
