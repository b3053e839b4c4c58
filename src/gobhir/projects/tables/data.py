"""The table, and which of its rows are for training, for validation and for the test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gobhir import datasets
from gobhir.evaluation import split
from gobhir.lang import say
from gobhir.projects.tables.frame import check_numbers, is_classification, own_table
from gobhir.projects.tables.settings import Settings

SHIPPED = ("diabetes", "breast_cancer", "wine")
SHARES = {"train": 0.6, "validation": 0.2, "test": 0.2}
FEWEST = 50


@dataclass(frozen=True)
class Table:
    """A table whose rows are divided once and for all.

    train, validation, test: numbers of rows; three fifths, one fifth, one fifth.
    """

    frame: pd.DataFrame
    target: str
    classification: bool
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    dataset: datasets.Dataset | None

    def rows(self, which: str) -> pd.DataFrame:
        """The rows of "train", "validation" or "test"."""
        return self.frame.iloc[getattr(self, which)]


def table(settings: Settings) -> Table:
    """The table that the settings name, divided by their seed."""
    dataset = None
    if settings.data in SHIPPED:
        dataset = datasets.load(settings.data)
        frame, target = dataset.frame, "target"
    elif settings.data.lower().endswith((".csv", ".tsv")):
        frame, target = own_table(Path(settings.data), settings.target)
    else:
        known = ", ".join(SHIPPED)
        raise ValueError(say("tables.bad.data", name=settings.data, known=known))
    if len(frame) < FEWEST:
        raise ValueError(say("tables.bad.few", count=len(frame), least=FEWEST))
    classification = is_classification(frame[target], settings.task)
    labels = None
    if classification:
        labels = frame[target].astype(str)
    else:
        check_numbers(frame[target])
    parts = split(frame, SHARES, labels=labels, seed=settings.seed)
    if labels is not None:
        _check_classes(labels, parts["train"])
    return Table(frame, target, classification, **parts, dataset=dataset)


def _check_classes(labels: pd.Series, train: np.ndarray) -> None:
    """ValueError for a class that no row of the training shows."""
    unseen = sorted(set(labels) - set(labels.iloc[train]))
    if not unseen:
        return
    if (numbers := pd.to_numeric(labels, errors="coerce")).notna().mean() > 0.5:
        check_numbers(numbers.where(numbers.notna(), labels))  # a number, but for a few slips
    said = {"target": labels.name, "kinds": labels.nunique(), "count": len(labels)}
    raise ValueError(say("tables.bad.rare", value=unseen[0], **said))


class Batches:
    """Batches of (x, y) in a new order each epoch, the same order for every framework.

    x: (rows, features), y: (rows, ...).
    """

    alike = True
    """Every process of several (torchrun) is given the same batches."""

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int, seed: int):
        self.x, self.y, self.batch_size = x, y, batch_size
        self.seed, self.epoch = seed, 1

    def set_epoch(self, epoch: int) -> None:
        """The order follows from the seed and the number of the epoch, also after a kill."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.x))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.x[rows], self.y[rows]
