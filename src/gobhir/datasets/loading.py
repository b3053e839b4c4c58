"""load: find a data set, or fetch it, and read it."""

from __future__ import annotations

import os

from gobhir.datasets.catalogue import Entry, entry
from gobhir.datasets.dataset import Dataset
from gobhir.datasets.finding import Found, find, own_folder, strangers
from gobhir.datasets.readers import reader
from gobhir.lang import Message, say, warn


def load(name: str, folder: str | os.PathLike[str] | None = None, download: bool = True) -> Dataset:
    """The data set `name` (`gobhir data` lists them), with its card.

        digits = load("numta")
        digits.images.shape, digits.labels.shape        # (55267, 28, 28), (55267,)

    folder: your own folder with its files; then no other place is looked at. Without it:
        $GOBHIR_DATA, what was fetched before, a package that ships it.
    download: whether it may be fetched where it is nowhere.

    Files that differ from the catalogue's are read all the same, with a warning: `genuine` is
    False. FileNotFoundError: it is nowhere; says what to do. ValueError: a file cannot be read.
    """
    card = entry(name)
    if card.package is not None and folder is not None:
        raise ValueError(say("datasets.no_folder", set=name, package=card.package.name))
    found = find(card, folder)
    if found is None and card.package is not None:
        raise ImportError(say("datasets.no_package", set=name, package=card.package.name))
    if found is None:
        raise FileNotFoundError(missing(card, folder))
    return read(card, found)


def read(card: Entry, found: Found) -> Dataset:
    """The data set that lies in a folder."""
    strange = strangers(card, found.paths)
    if strange:
        warn(say("datasets.strange", set=card.name, files=", ".join(strange), folder=found.folder))
    contents = reader(card.reader)(card, found.paths)
    return Dataset(card, found.folder, found.paths, not strange, contents)


def missing(card: Entry, folder: str | os.PathLike[str] | None = None) -> Message:
    """That it is nowhere, and how to get it by hand."""
    names = ", ".join(
        [file.name for file in card.files] + list(card.tree.parts if card.tree else ())
    )
    return say(
        "datasets.missing",
        set=card.name,
        files=names,
        folder=own_folder(card) if folder is None else folder,
        source=card.source,
        other=card.next_best,
    )
