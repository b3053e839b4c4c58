"""Where a data set's files are: the learner's folder, GOBHIR_DATA, what was fetched, a package."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gobhir.datasets.catalogue import Entry
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
        spec = importlib.util.find_spec(entry.package.module)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place) / entry.package.inside
        return
    if folder is not None:
        yield Path(folder).expanduser()
        yield Path(folder).expanduser() / entry.folder
        return
    if shared := os.environ.get("GOBHIR_DATA"):
        yield Path(shared).expanduser() / entry.folder
    yield own_folder(entry)
    yield from map(Path, entry.places)


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
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def strangers(entry: Entry, paths: dict[str, Path]) -> list[str]:
    """The files that are not the ones that the catalogue knows, by size and checksum."""
    known = {file.name: file for file in entry.files}
    strange = [
        name
        for name, file in known.items()
        if paths[name].stat().st_size != file.size or sha256(paths[name]) != file.sha256
    ]
    if entry.tree is not None:
        rest = sorted(name for name in paths if name not in known)
        joined = "".join(sha256(paths[name]) for name in rest)
        if hashlib.sha256(joined.encode()).hexdigest() != entry.tree.sha256:
            strange += [f"{part} ({len(rest)})" for part in entry.tree.parts]
    return strange
