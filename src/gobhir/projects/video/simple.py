"""What the network has to beat: answers that know no time, only how much moves, or only a mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.evaluation import baselines
from gobhir.lang import say
from gobhir.projects.video.data import Part, Task
from gobhir.projects.video.network import WIDTH
from gobhir.projects.video.settings import Settings

Answer = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
HELD = 0.001
"""How little the weights of a linear model on a thousand columns are let go (C)."""
GRID = 4
MOVED = 20 / 255
"""Of a pixel that has moved the grey differs by more."""


def simple(todo: Task, found: np.ndarray, settings: Settings) -> dict[str, np.ndarray]:
    """Answers to beat, (N, classes) each, of every clip by what was learned in the other folds: the
    most frequent class; logistic regression on how much moves, and on what the CNN saw of the
    single frame in the middle; a support vector machine on the mean of what it saw. found:
    (N, frames, seen)."""
    classes = len(todo.clips.classes)

    def logistic(x: np.ndarray, y: np.ndarray, asked: np.ndarray, c: float) -> np.ndarray:
        return baselines.logistic(x, y, asked, classes, c=c)

    known: dict[str, tuple[np.ndarray, Answer]] = {
        "majority": (found[:, 0], lambda x, y, z: baselines.majority(y, len(z), classes)),
        "video.moving": (motion(todo.clips.pixels), lambda x, y, z: logistic(x, y, z, 1.0)),
        "video.svm": (found.mean(1), lambda x, y, z: machine(x, y, z, classes)),
    }
    if settings.see != "changes":
        middle = found[:, found.shape[1] // 2, : WIDTH[settings.cnn]]
        known["video.single"] = (middle, lambda x, y, z: logistic(x, y, z, HELD))
    return {name: _asked(x, todo, answer, classes) for name, (x, answer) in known.items()}


def _asked(x: np.ndarray, todo: Task, answer: Answer, classes: int) -> np.ndarray:
    y = todo.clips.labels
    out = np.zeros((len(y), classes))
    for part in todo.folds:
        rows = _known(part)
        out[part.test] = answer(x[rows], y[rows], x[part.test])
    return out


def _known(part: Part) -> np.ndarray:
    """Nobody watches a baseline learn: it may learn from those clips, too."""
    return np.sort(np.concatenate([part.train, part.validation]))


def motion(pixels: np.ndarray) -> np.ndarray:
    """How much moves, where, and how evenly in time: (N, kept, h, w, 3) bytes -> (N, columns)."""
    return np.stack([_moving(clip) for clip in pixels])


def _moving(clip: np.ndarray) -> np.ndarray:
    grey = clip.astype(np.float32).mean(3) / 255
    change = np.abs(np.diff(grey, axis=0))
    each = change.mean((1, 2))
    share = (change > MOVED).mean((1, 2))
    jerk = np.abs(np.diff(each)) if len(each) > 1 else np.zeros(1)
    high, wide = (n // GRID * GRID for n in change.shape[1:])
    cells = change[:, :high, :wide].reshape(len(change), GRID, high // GRID, GRID, wide // GRID)
    where = np.sort(cells.mean((0, 2, 4)).ravel())[::-1]
    along = [f(one) for one in (each, share) for f in (np.mean, np.std, np.max)]
    # Where in the picture does not matter, how concentrated does: the cells by how much they move.
    return np.array([*along, jerk.mean(), *where])


def machine(x: np.ndarray, y: np.ndarray, asked: np.ndarray, classes: int) -> np.ndarray:
    """A support vector machine (RBF) on standardised columns, by scikit-learn: scores (n, classes).
    ImportError where scikit-learn is missing."""
    try:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC
    except ImportError:
        raise ImportError(say("evaluation.bad.sklearn")) from None
    model: Any = make_pipeline(StandardScaler(), SVC(decision_function_shape="ovr")).fit(x, y)
    scores = model.decision_function(asked)
    if scores.ndim == 1:
        scores = np.stack([-scores, scores], 1)
    out = np.full((len(asked), classes), scores.min() - 1.0)
    out[:, model.classes_] = scores
    return out
