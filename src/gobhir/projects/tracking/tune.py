"""Which thresholds fit a camera? Draw them by chance, measure each, keep what the best have in
common.

By chance, since among a dozen numbers few matter, and nobody knows before which: a grid would try
the same few values of these again and again. Source: J. Bergstra, Y. Bengio (2012),
https://jmlr.org/papers/v13/bergstra12a.html

What they have in common, since few people meet in a few minutes of video: whether two of them are
told apart is half luck, and the one best trial is above all the luckiest.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.projects.tracking.data import Task, follow
from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.kalman import Motion
from gobhir.projects.tracking.metrics import Tally, measure
from gobhir.projects.tracking.tracker import Options

SCORES = {"sure": (0.25, 0.7), "unsure": (0.05, 0.4), "start": (0.3, 0.9)}
SHARES = {
    "gate": (0.6, 0.95),
    "second_gate": (0.3, 0.8),
    "wide_gate": (0.6, 1.0),
    "buffer": (0.2, 1.0),
    "momentum": (0.0, 0.3),
    "apart": (0.2, 0.8),
    "fade": (0.85, 1.0),
    "colour": (1.0, 4.0),
    "memory": (0.7, 0.97),
}
COUNTS = {"confirm": (1, 4), "patience": (20, 90), "coast": (0, 3)}
MOTION = {
    "measured": (0.03, 0.1),
    "size": (1.0, 4.0),
    "push": (0.005, 0.03),
    "growth": (0.0002, 0.003),
    "first": (0.03, 0.15),
}
"""Drawn on a logarithmic scale."""


def worth(tallies: list[Tally]) -> float:
    """What is to be large: halfway between MOTA (is everybody found?) and IDF1 (who is who?)."""
    return float(np.mean([(one.mota + one.idf1) / 2 for one in tallies]))


def tuned(
    todo: Task, trials: int, seed: int, overlap: float = 0.5
) -> tuple[Options, list[list[Tally]]]:
    """The mean of the best twentieth of so many options on the part to tune on, and what each of
    them gave: forwards, and backwards in time, so that those who meet do so twice. The first ones
    are as they come, and stay where the mean is no better."""
    draw = np.random.default_rng(seed)
    part, truth = todo.part("train"), todo.true("train")
    ways = [(truth, todo.seen, todo.looks)]
    rows, turned = backwards(todo.seen, part)
    ways += [(backwards(truth, part)[1], turned, None if todo.looks is None else todo.looks[rows])]

    def tried(options: Options) -> list[Tally]:
        return [measure(a, follow(b, part, options, c), overlap) for a, b, c in ways]

    options = [drawn(draw) if k else Options() for k in range(trials)]
    tallies = [tried(one) for one in options]
    best = sorted(range(trials), key=lambda k: -worth(tallies[k]))[: max(1, trials // 20)]
    middle = mean([options[k] for k in best])
    found = middle if worth(tried(middle)) > worth(tallies[0]) else options[0]
    return found, tallies


def mean(options: list[Options]) -> Options:
    """The middle of several: means, of the motion's numbers geometric ones."""
    shares = {name: [getattr(one, name) for one in options] for name in {**SCORES, **SHARES}}
    counts = {name: [getattr(one, name) for one in options] for name in COUNTS}
    motion = {name: [getattr(one.motion, name) for one in options] for name in MOTION}
    found: dict[str, Any] = {name: float(np.mean(values)) for name, values in shares.items()}
    found |= {name: round(float(np.mean(values))) for name, values in counts.items()}
    middle = {name: math.exp(np.log(values).mean()) for name, values in motion.items()}
    return Options(**found, motion=Motion(**middle))


def backwards(rows: Rows, part: range) -> tuple[np.ndarray, Rows]:
    """The same frames, the last one first; and the places that the rows had before."""
    places = np.flatnonzero((rows.frames >= part.start) & (rows.frames < part.stop))
    now = part.start + part.stop - 1 - rows.frames[places]
    order = np.argsort(now, kind="stable")
    places = places[order]
    return places, Rows(now[order], rows.ids[places], rows.boxes[places], rows.scores[places])


def drawn(draw: np.random.Generator) -> Options:
    """Options by chance."""
    found: dict[str, Any] = {
        name: float(draw.uniform(*ends)) for name, ends in {**SCORES, **SHARES}.items()
    }
    found["unsure"] = min(found["unsure"], found["sure"])
    for name, (low, high) in COUNTS.items():
        found[name] = int(draw.integers(low, high + 1))
    motion = {name: math.exp(draw.uniform(*np.log(ends))) for name, ends in MOTION.items()}
    return Options(**found, motion=Motion(**motion))
