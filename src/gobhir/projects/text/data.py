"""The texts, their classes, and which are learned from, validated on and tested on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gobhir import datasets
from gobhir.evaluation import normalised, same, split
from gobhir.lang import Count, Message, say
from gobhir.projects.results import Words
from gobhir.projects.text.settings import Settings

SHIPPED = ("sazzad", "socian", "absa_cricket", "absa_restaurant", "movie_reviews")
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
FEWEST = 20


@dataclass(frozen=True)
class Task:
    """Texts with classes, divided once and for all: copies are never on two sides.

    labels: (texts,) numbers of `classes`. train, validation, test: numbers of texts. how: how they
    were divided, in words.
    """

    texts: list[str]
    labels: np.ndarray
    classes: list[Words]
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    how: Message
    dataset: datasets.Dataset | None

    def part(self, which: str) -> tuple[list[str], np.ndarray]:
        """The texts and labels of "train", "validation" or "test"."""
        rows = getattr(self, which)
        return [self.texts[row] for row in rows], self.labels[rows]


def task(settings: Settings) -> Task:
    """The texts that the settings name. ValueError where there are too few, or of one class."""
    dataset, own = None, None
    classes: list[Words]
    if settings.data in SHIPPED:
        dataset = datasets.load(settings.data)
        texts, labels, classes = dataset.texts, dataset.labels, list(dataset.card.classes)
        own = dataset.splits if dataset.has("splits") else None
    elif settings.data.lower().endswith((".csv", ".tsv")):
        texts, labels, classes = own_texts(Path(settings.data), settings)
    else:
        known = ", ".join(SHIPPED)
        raise ValueError(say("text.bad.data", name=settings.data, known=known))
    copies = same(texts, normalised)
    if own is None:
        parts = split(len(texts), SHARES, labels=labels, groups=copies, seed=settings.seed)
        how = say("text.split.drawn", count=Count(len(texts) - len(np.unique(copies))))
    else:
        parts, left_out = divided(own, copies)
        how = say("text.split.own", count=Count(left_out))
    return Task(texts, labels, classes, **parts, how=how, dataset=dataset)


def divided(own: np.ndarray, copies: np.ndarray) -> tuple[dict[str, np.ndarray], int]:
    """The source's own split ("train", "dev", "test"), whose test stays as it is: what is in it is
    taken from the others, and what is in the validation from the training. Also how many texts
    this leaves out."""
    train, validation, test = (np.flatnonzero(own == name) for name in ("train", "dev", "test"))
    kept = validation[~np.isin(copies[validation], copies[test])]
    later = np.concatenate([copies[kept], copies[test]])
    learned = train[~np.isin(copies[train], later)]
    left_out = len(train) + len(validation) - len(learned) - len(kept)
    return {"train": learned, "validation": kept, "test": test}, left_out


def own_texts(path: Path, settings: Settings) -> tuple[list[str], np.ndarray, list[Words]]:
    """The learner's own CSV or TSV file, one text a row: texts, labels, classes by alphabet.
    ValueError names what is wrong with it."""
    frame = datasets.read_table(path)
    known = ", ".join(map(str, frame.columns))
    for name, option in ((settings.text, "--text"), (settings.label, "--label")):
        if name not in frame:
            told = {"option": option, "name": name, "path": path, "known": known}
            raise ValueError(say("text.bad.column", **told))
    texts = [str(text).strip() for text in frame[settings.text].fillna("")]
    empty = [i for i, text in enumerate(texts) if not text]
    if empty or frame[settings.label].isna().any():
        gaps = [*empty, *np.flatnonzero(frame[settings.label].isna())]
        raise ValueError(say("text.bad.gap", path=path, count=len(gaps), line=min(gaps) + 2))
    names, labels = np.unique(frame[settings.label].astype(str), return_inverse=True)
    checked(path, texts, names.tolist())
    return texts, labels.astype(np.int64), [str(name) for name in names]


def checked(path: Path, texts: Sequence[str], classes: Sequence[str]) -> None:
    """ValueError where these are too few texts, or not two classes or more."""
    if len(texts) < FEWEST:
        raise ValueError(say("text.bad.few", path=path, count=len(texts), least=FEWEST))
    if not 2 <= len(classes) <= len(texts) // 5:
        raise ValueError(say("text.bad.classes", path=path, count=len(classes)))
