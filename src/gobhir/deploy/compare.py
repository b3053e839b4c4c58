"""Models side by side: size, accuracy, speed, in one table; the first is what others are held to.

Speed is processor time of one thread, and a ratio: in every round all models do the same work one
after the other, in a new order, and each is divided by the first of the same round. What else the
machine does then falls on all of them.
"""

from __future__ import annotations

import gzip
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.deploy.opening import fitted, opened, slots
from gobhir.evaluation import wilson
from gobhir.lang import say, t


@dataclass(frozen=True)
class Row:
    """One model. score: the share of right answers, or for values the root mean square error;
    low and high: its 95 % interval. same: how many answers are the first model's. milliseconds: of
    one batch, the median; ratio: to the first model's, with quartiles."""

    name: str
    bytes: int
    zipped: int
    score: float
    low: float
    high: float
    same: float
    milliseconds: float
    ratio: tuple[float, float, float]


@dataclass(frozen=True)
class Comparison:
    """The rows, and on what they were measured."""

    rows: tuple[Row, ...]
    examples: int
    batch: int
    rounds: int
    classes: bool

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def text(self, lang: str | None = None) -> str:
        """The table in Markdown, with a line under it that says how it was measured."""
        score = "accuracy" if self.classes else "error"
        heads = ("model", "bytes", "zipped", score, "same", "time", "ratio")
        # keys: deploy.compare.*
        lines = [
            "| " + " | ".join(t(f"deploy.compare.{head}", lang) for head in heads) + " |",
            "|---" + "|---:" * (len(heads) - 1) + "|",
        ]
        for r in self.rows:
            scale, unit = (100, "%") if self.classes else (1, "")
            digits = 2 if self.classes else 4
            score, low, high = (f"{v * scale:.{digits}f}" for v in (r.score, r.low, r.high))
            middle, first, third = r.ratio
            cells = (
                r.name,
                f"{r.bytes:,}",
                f"{r.zipped:,}",
                f"{score}{unit} ({low}–{high})",
                f"{100 * r.same:.2f}%" if self.classes else "–",
                f"{r.milliseconds:.3f}",
                f"{middle:.3f} ({first:.3f}–{third:.3f})",
            )
            lines.append("| " + " | ".join(cells) + " |")
        told = {"examples": self.examples, "batch": self.batch, "rounds": self.rounds}
        return "\n".join([*lines, "", t("deploy.compare.how", lang, **told)])


def compare(
    models: Mapping[str, str | os.PathLike[str]],
    inputs: Any,
    targets: Any,
    *,
    batch: int = 64,
    rounds: int = 21,
    seed: int = 0,
) -> Comparison:
    """Measure ONNX models on the same examples.

    models: files by name, the first of them the reference. inputs: an array (N, ...) as it goes
    into the models, or a tuple of them; targets: N class numbers, or floating values for models
    that give values. ValueError where the numbers of examples differ, for a file that is no model
    (see `opened`), and for inputs that one of the models does not take.
    """
    arrays = [np.asarray(a) for a in (inputs if isinstance(inputs, (tuple, list)) else (inputs,))]
    wanted = np.asarray(targets)
    count = len(wanted) if wanted.ndim else 0
    if not models or not count or rounds < 1 or any(len(a) != count for a in arrays):
        shapes = [a.shape for a in (*arrays, wanted)]
        raise ValueError(say("deploy.compare.examples", shapes=shapes))
    classes = wanted.dtype.kind in "iub"
    sessions, given = {}, dict[str, list[np.ndarray]]()
    for name, path in models.items():
        sessions[name] = opened(path, threads=1)[1]
        wanted_in = slots(sessions[name].get_inputs())
        given[name] = fitted(Path(path), wanted_in, arrays)
    outputs = {name: _outputs(s, given[name], batch) for name, s in sessions.items()}
    few = {name: [a[:batch] for a in own] for name, own in given.items()}
    times = _times(sessions, few, rounds, np.random.default_rng(seed))
    first = next(iter(models))
    rows = []
    for name, path in models.items():
        content = Path(path).read_bytes()
        answers = _answers(outputs[name], classes)
        score, low, high = _score(answers, wanted, classes)
        q1, middle, q3 = np.quantile(times[name] / times[first], (0.25, 0.5, 0.75))
        rows.append(
            Row(
                name,
                len(content),
                len(gzip.compress(content, 6)),
                score,
                low,
                high,
                float(np.mean(answers == _answers(outputs[first], classes))),
                float(np.median(times[name])) * 1000,
                (float(middle), float(q1), float(q3)),
            )
        )
    return Comparison(tuple(rows), count, min(batch, count), rounds, classes)


def _outputs(one: Any, arrays: list[np.ndarray], batch: int) -> np.ndarray:
    """The first output for all examples."""
    names = [i.name for i in one.get_inputs()]
    first = one.get_outputs()[0].name
    parts = []
    for start in range(0, len(arrays[0]), batch):
        given = {n: a[start : start + batch] for n, a in zip(names, arrays, strict=True)}
        parts.append(one.run([first], given)[0])
    return np.concatenate(parts)


def _times(
    sessions: dict[str, Any],
    inputs: dict[str, list[np.ndarray]],
    rounds: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Processor seconds of a batch, by model and round."""
    repeats = {}
    for name, one in sessions.items():
        _timed(one, inputs[name], 2)  # the first runs reserve memory
        # Long enough for the clock, and about as long for every model.
        repeats[name] = max(1, math.ceil(0.01 / max(_timed(one, inputs[name], 3), 1e-6)))
    times = {name: np.empty(rounds) for name in sessions}
    names = list(sessions)
    for k in range(rounds):
        for i in rng.permutation(len(names)):
            times[names[i]][k] = _timed(sessions[names[i]], inputs[names[i]], repeats[names[i]])
    return times


def _timed(one: Any, arrays: list[np.ndarray], repeats: int) -> float:
    given = {i.name: a for i, a in zip(one.get_inputs(), arrays, strict=True)}
    start = time.process_time()
    for _ in range(repeats):
        one.run(None, given)
    return (time.process_time() - start) / repeats


def _answers(outputs: np.ndarray, classes: bool) -> np.ndarray:
    flat = outputs.reshape(len(outputs), -1)
    if not classes:
        return flat
    return (flat[:, 0] > 0).astype(int) if flat.shape[1] == 1 else flat.argmax(1)


def _score(answers: np.ndarray, wanted: np.ndarray, classes: bool) -> tuple[float, float, float]:
    """The score and its 95 % interval: Wilson's for a share, the normal one for a mean square
    error."""
    n = len(wanted)
    if classes:
        share = wilson(int(np.sum(answers == wanted)), n)
        assert share.low is not None and share.high is not None
        return share.value, share.low, share.high
    squares = ((answers - wanted.reshape(n, -1)) ** 2).mean(1)
    error = 1.96 * float(squares.std(ddof=1)) / math.sqrt(n) if n > 1 else math.inf
    mean = float(squares.mean())
    return math.sqrt(mean), math.sqrt(max(mean - error, 0)), math.sqrt(mean + error)
