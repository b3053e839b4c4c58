"""Texts with labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gobhir.datasets.catalogue import Entry
from gobhir.datasets.readers.tables import read_rows, read_text
from gobhir.lang import say


def read_split(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """A table a split (`options.splits`: file -> split), with the columns `options.text` and
    `options.label`."""
    texts: list[str] = []
    labels: list[int] = []
    splits: list[str] = []
    for name, split in card.options["splits"].items():
        names, rows = read_rows(paths[name])
        for column in (card.options["text"], card.options["label"]):
            if column not in names:
                told = {"name": column, "known": ", ".join(names)}
                raise ValueError(say("datasets.table.no_column", path=paths[name], **told))
        text, label = names.index(card.options["text"]), names.index(card.options["label"])
        for line, row in rows:
            texts.append(row[text].strip())
            labels.append(_class(card, row[label].strip(), paths[name], line))
            splits.append(split)
    return {"texts": texts, "labels": np.array(labels, np.int64), "splits": np.array(splits)}


def _class(card: Entry, label: str, path: Path, line: int) -> int:
    if label not in card.labels:
        known = ", ".join(card.labels)
        raise ValueError(say("datasets.text.label", path=path, line=line, label=label, known=known))
    return card.labels.index(label)


def read_by_class(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """A file a class (`labels` names the files), a text a line, perhaps in quotes. Whatever is
    there twice stays there twice: whoever splits has to keep equal texts together."""
    texts: list[str] = []
    labels: list[int] = []
    for k, name in enumerate(card.labels):
        for line in read_text(paths[name]).split("\n"):
            text = line.strip().removeprefix('"').removesuffix('"').strip()
            if text:
                texts.append(text)
                labels.append(k)
    return {"texts": texts, "labels": np.array(labels, np.int64)}


def read_rated(card: Entry, paths: dict[str, Path]) -> dict[str, Any]:
    """Lines of id, mean rating and text, separated by tabs, without names. Rated below 0 is the
    first class, above 0 the second; what people were exactly undecided about is left out."""
    import pandas

    (path,) = paths.values()
    ratings: list[float] = []
    texts: list[str] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        cells = line.rstrip("\r").split("\t")
        if len(cells) != 3:
            raise ValueError(say("datasets.text.rated", path=path, line=number, got=len(cells)))
        try:
            rating = float(cells[1])
        except ValueError as error:
            told = {"name": "rating", "line": number, "text": cells[1][:40]}
            raise ValueError(say("datasets.table.not_number", path=path, **told)) from error
        if rating:
            ratings.append(rating)
            texts.append(cells[2].strip())
    labels = (np.array(ratings) > 0).astype(np.int64)
    frame = pandas.DataFrame({"text": texts, "rating": ratings})
    return {"texts": texts, "labels": labels, "frame": frame}
