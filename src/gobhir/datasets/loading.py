"""load: find a data set, or fetch it, and read it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from gobhir.datasets.archives import take
from gobhir.datasets.catalogue import Archive, Entry, File, entry
from gobhir.datasets.dataset import Dataset
from gobhir.datasets.fetching import Lines, Trouble, Unreachable, alone, fetch, progress
from gobhir.datasets.finding import Found, find, is_it, own_folder, strangers
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
    False. FileNotFoundError: it is nowhere; says what to do. ConnectionError: it could not be
    fetched. ValueError: a file cannot be read.
    """
    card = entry(name)
    return read(card, obtain(card, folder, download))


def obtain(
    card: Entry, folder: str | os.PathLike[str] | None = None, download: bool = True
) -> Found:
    """Where the data set lies, after fetching it if it has to be and may be."""
    if card.package is not None and folder is not None:
        raise ValueError(say("datasets.no_folder", set=card.name, package=card.package.name))
    found = find(card, folder)
    if found is None and card.package is not None:
        raise ImportError(say("datasets.no_package", set=card.name, package=card.package.name))
    if found is None and download and folder is None and card.can_be_fetched:
        fetch_set(card)
        found = find(card)
    if found is None:
        raise FileNotFoundError(_missing(card, folder))
    return found


def read(card: Entry, found: Found) -> Dataset:
    """The data set that lies in a folder."""
    strange = strangers(card, found.paths)
    if strange:
        warn(say("datasets.strange", set=card.name, files=", ".join(strange), folder=found.folder))
    contents = reader(card.reader)(card, found.paths)
    return Dataset(card, found.folder, found.paths, not strange, contents)


def fetch_set(card: Entry) -> None:
    """Fetch those files that are not yet, or not rightly, in the learner's folder."""
    folder = own_folder(card)
    with alone(folder):
        wanted = {file.name: file for file in card.files if not is_it(file, folder / file.name)}
        troubles: list[Trouble] = []
        while wanted:
            got = _fetch_some(card, list(wanted.values()), folder, troubles)
            if not got:
                told = {"tried": Lines(troubles), "files": ", ".join(wanted), "folder": folder}
                told |= {"set": card.name, "source": card.source, "other": card.next_best}
                raise ConnectionError(say("datasets.unreachable", **told))
            wanted = {name: file for name, file in wanted.items() if file not in got}


def _fetch_some(
    card: Entry, wanted: list[File], folder: Path, troubles: list[Trouble]
) -> list[File]:
    """Fetch the first of the files by itself, else an archive with it and all that it has."""
    first = wanted[0]
    if _by_itself(first, folder, troubles):
        return [first]
    for archive in card.archives:
        inside = [file for file in wanted if file.name in archive.members]
        if first in inside and _from_archive(archive, inside, folder, troubles):
            return inside
    return []


def _by_itself(file: File, folder: Path, troubles: list[Trouble]) -> bool:
    if not file.urls:
        return False
    try:
        with progress(file.name, file.size) as advance:
            fetch(file, folder / file.name, advance)
    except Unreachable as error:
        troubles += error.troubles
        return False
    return True


def _from_archive(
    archive: Archive, files: list[File], folder: Path, troubles: list[Trouble]
) -> bool:
    """Fetch an archive, take the files out, and keep those alone."""
    packed = folder / archive.name
    try:
        with progress(archive.name, archive.size) as advance:
            fetch(archive, packed, advance)
    except Unreachable as error:
        troubles += error.troubles
        return False
    with tempfile.TemporaryDirectory(prefix=".unpacked-", dir=folder) as scratch:
        take(packed, {file.name: archive.members[file.name] for file in files}, Path(scratch))
        for file in files:
            if not is_it(file, Path(scratch) / file.name):
                raise ValueError(say("datasets.archive.other", path=packed, name=file.name))
        for file in files:
            (folder / file.name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(scratch) / file.name, folder / file.name)
    packed.unlink()
    return True


def _missing(card: Entry, folder: str | os.PathLike[str] | None) -> Message:
    """That it is nowhere, and how to get it."""
    names = [file.name for file in card.files] + list(card.tree.parts if card.tree else ())
    told = {"set": card.name, "files": ", ".join(names), "other": card.next_best}
    if folder is not None:
        return say("datasets.not_in_folder", folder=folder, **told)
    if card.can_be_fetched:
        return say("datasets.not_fetched", **told)
    return say("datasets.missing", folder=own_folder(card), source=card.source, **told)
