"""Where a data set's files are: the learner's folder, GOBHIR_DATA, what was fetched, a package."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gobhir.datasets.catalogue import Entry, File
from gobhir.lang import say
from gobhir.learner.store import learner_folder


@dataclass(frozen=True)
class Found:
    """A folder that has the whole data set; `paths`: its files by their names in the catalogue."""

    folder: Path
    paths: dict[str, Path]


def own_folder(entry: Entry) -> Path:
    """Where this learner's copy of the data set goes: data/<folder> in the learner's folder."""
    return learner_folder() / "data" / entry.folder


def candidates(entry: Entry, folder: str | os.PathLike[str] | None = None) -> Iterator[Path]:
    """The folders to look into, in their order. A folder that is asked for is the only one, and
    so is a package that reads its own files."""
    if entry.package is not None:
        inside = entry.package.inside
        yield from (place / inside for place in folders_of(entry.package.module))
        return
    if folder is not None:
        yield Path(folder).expanduser()
        yield Path(folder).expanduser() / entry.folder
        return
    if shared := os.environ.get("GOBHIR_DATA"):
        yield Path(shared).expanduser() / entry.folder
    yield own_folder(entry)
    for place in entry.places:
        module, _, inside = place.partition(":")
        if inside:
            yield from (folder / inside for folder in folders_of(module))
        else:
            yield Path(place)


def folders_of(module: str) -> list[Path]:
    """Where an installed package lies, without importing it; nowhere where it is not installed."""
    spec = importlib.util.find_spec(module)
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []


def find(entry: Entry, folder: str | os.PathLike[str] | None = None) -> Found | None:
    """The first folder with all of the files; None where there is none."""
    for place in candidates(entry, folder):
        paths = paths_in(entry, place)
        if all(path.is_file() for path in paths.values()) and paths:
            return Found(place, paths)
    return None


def paths_in(entry: Entry, folder: Path) -> dict[str, Path]:
    """Each file's path in `folder`, whether it is there or not; of a tree, those that are there."""
    paths = {file.name: folder / file.name for file in entry.files}
    for part in entry.tree.parts if entry.tree else ():
        top = folder / part
        inside = sorted(top.rglob("*")) if top.is_dir() else [top]
        files = {p.relative_to(folder).as_posix(): p for p in inside if not p.is_dir()}
        if not files:
            return {}
        paths |= files
    return paths


def sha256(path: Path) -> str:
    """The checksum of a file, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        reason = error.strerror or error
        raise FileNotFoundError(say("datasets.no_file", path=path, reason=reason)) from error


def is_it(file: File, path: Path) -> bool:
    """Whether the file at `path` is the one that the catalogue knows."""
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256


def strangers(entry: Entry, paths: dict[str, Path]) -> list[str]:
    """The files that are not the ones that the catalogue knows, by size and checksum."""
    known = {file.name: file for file in entry.files}
    strange = [name for name, file in known.items() if not is_it(file, paths[name])]
    if entry.tree is not None:
        rest = sorted(name for name in paths if name not in known)
        joined = "".join(sha256(paths[name]) for name in rest)
        if hashlib.sha256(joined.encode()).hexdigest() != entry.tree.sha256:
            strange += entry.tree.parts  # which of the many it is, one checksum does not tell
    return strange
