"""From a table to arrays: what is a number is scaled, what is a word becomes columns of 0 and 1.

All that has to be known about a table is learned from its training rows alone (`Recipe.learn`) and
then applied to any row, so that nothing of the test rows leaks into training.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from gobhir.datasets import read_table
from gobhir.lang import say

MANY = 50
"""A column of words with more kinds than this tells rows apart, not kinds of rows."""


@dataclass(frozen=True)
class Column:
    """How one column becomes numbers: scaled by mean and std after gaps are filled with the
    median, or one column of 0 and 1 for each of the words."""

    name: str
    median: float = 0.0
    mean: float = 0.0
    std: float = 1.0
    words: tuple[str, ...] = ()

    @classmethod
    def learn(cls, name: str, values: pd.Series) -> Self | None:
        """From the training rows. None for a column that tells nothing: one value in all rows,
        or a word of its own in nearly every row (a name, an address)."""
        if pd.api.types.is_numeric_dtype(values):
            numbers = values.astype(float)
            median = float(numbers.median()) if numbers.notna().any() else 0.0
            filled = numbers.fillna(median)
            std = float(filled.std(ddof=0))
            return cls(name, median, float(filled.mean()), std) if std > 0 else None
        words = tuple(sorted({str(word) for word in values.dropna()}))
        return cls(name, words=words) if 1 < len(words) <= MANY else None

    def apply(self, values: pd.Series) -> np.ndarray:
        """(rows, columns), float32. Words that were never seen are 0 in all columns."""
        if self.words:
            known = np.array(self.words, dtype=object)
            return (values.astype(object).to_numpy()[:, None] == known).astype(np.float32)
        numbers = pd.to_numeric(values, errors="coerce")
        bad = values[numbers.isna() & values.notna()]
        if len(bad):
            said = {"column": self.name, "value": bad.iloc[0], "line": int(bad.index[0]) + 2}
            raise ValueError(say("tables.bad.no_number", **said))
        scaled = (numbers.astype(float).fillna(self.median) - self.mean) / self.std
        return scaled.to_numpy(np.float32)[:, None]


@dataclass(frozen=True)
class Recipe:
    """All that turns a table into inputs and targets.

    classes: the names of the classes; empty for regression, whose target is then scaled by
    `mean` and `std`. dropped: columns that tell nothing.
    """

    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...]
    mean: float
    std: float
    dropped: tuple[str, ...] = ()

    @classmethod
    def learn(cls, frame: pd.DataFrame, target: str, classification: bool) -> Self:
        """From the training rows alone."""
        learned = {name: Column.learn(name, frame[name]) for name in frame if name != target}
        columns = tuple(c for c in learned.values() if c is not None)
        dropped = tuple(name for name, c in learned.items() if c is None)
        if not columns:
            raise ValueError(say("tables.bad.no_columns", target=target))
        goal = frame[target]
        if classification:
            classes = tuple(str(c) for c in sorted(goal.unique()))
            if len(classes) < 2:
                raise ValueError(say("tables.bad.one_class", target=target, value=classes[0]))
            return cls(columns, target, classes, 0.0, 1.0, dropped)
        mean, std = float(goal.mean()), float(goal.std(ddof=0))
        if not std > 0:
            raise ValueError(say("tables.bad.one_class", target=target, value=mean))
        return cls(columns, target, (), mean, std, dropped)

    def inputs(self, frame: pd.DataFrame) -> np.ndarray:
        """(rows, features), float32. ValueError for a column that is not there."""
        missing = [c.name for c in self.columns if c.name not in frame]
        if missing:
            known = ", ".join(map(str, frame.columns))
            raise ValueError(say("tables.bad.columns", missing=", ".join(missing), known=known))
        return np.concatenate([c.apply(frame[c.name]) for c in self.columns], axis=1)

    def targets(self, frame: pd.DataFrame) -> np.ndarray:
        """(rows,) classes by number, int64; or (rows, 1) scaled numbers, float32."""
        goal = frame[self.target]
        if self.classes:
            number = {name: k for k, name in enumerate(self.classes)}
            return np.array([number[str(value)] for value in goal], np.int64)
        scaled = (goal.to_numpy(float) - self.mean) / self.std
        return scaled.astype(np.float32)[:, None]

    def to_json(self) -> str:
        """What `from_json` reads."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        columns = tuple(Column(**{**c, "words": tuple(c["words"])}) for c in content["columns"])
        tuples = {name: tuple(content[name]) for name in ("classes", "dropped")}
        return cls(**{**content, **tuples, "columns": columns})


def own_table(path: Path, target: str | None) -> tuple[pd.DataFrame, str]:
    """The learner's own CSV file and the column to be foretold. ValueError names what is wrong
    with it: no such column, no rows, a row without a target."""
    frame = read_table(path)
    known = ", ".join(map(str, frame.columns))
    if target is None:
        raise ValueError(say("tables.bad.which", path=path, known=known))
    if target not in frame:
        raise ValueError(say("tables.bad.target", target=target, path=path, known=known))
    empty = frame.index[frame[target].isna()]
    if len(empty):
        said = {"target": target, "count": len(empty), "line": int(empty[0]) + 2}
        raise ValueError(say("tables.bad.gap", path=path, **said))
    return frame, target


def is_classification(goal: pd.Series, task: str) -> bool:
    """Whether the target is a class: words, true and false, or at most ten whole numbers that
    come back again and again."""
    if task != "auto":
        return task == "classification"
    if pd.api.types.is_bool_dtype(goal) or not pd.api.types.is_numeric_dtype(goal):
        return True
    kinds = goal.nunique()
    return bool(kinds <= 10 and kinds * 10 <= len(goal) and (goal % 1 == 0).all())


def check_numbers(goal: pd.Series) -> None:
    """ValueError for the first value of a column to be foretold that is no finite number."""
    numbers = pd.to_numeric(goal, errors="coerce")
    bad = goal[~np.isfinite(numbers.astype(float))]
    if len(bad):
        said = {"target": goal.name, "value": bad.iloc[0], "line": int(bad.index[0]) + 2}
        raise ValueError(say("tables.bad.no_goal", **said))
