"""Who may import whom: the rooms stand on floors, and a file looks only at floors below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import gobhir

HOUSE = Path(gobhir.__file__).parent
FLOORS = [
    {"lang"},
    {"engine", "derivation", "learner"},
    {
        "accelerator",
        "amp",
        "autograd",
        "backends",
        "datasets",
        "linalg",
        "mathematics",
        "random",
        "serialization",
        "signal",
        "special",
        "testing",
    },
    {"nn", "cuda"},
    {"func", "optim", "distributions", "utils"},
    {"gobhir", "examples"},
    {"training", "lift", "help", "version"},
    {"explain", "evaluation"},
    {"widgets", "deploy"},
    {"course"},
    {"studio", "projects"},
    {"cli"},
    {"__main__"},
]
"""`gobhir` itself, the names at the top, stands above what it offers."""
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
FRAMEWORKS = {"torch", "keras", "tensorflow", "jax", "scipy"}
MAY_ASK_FOR_FRAMEWORKS = ("lift/", "training/backends/", "deploy/", "projects/")

FILES = sorted(str(f.relative_to(HOUSE).as_posix()) for f in HOUSE.rglob("*.py"))


def room_of(path: str) -> str:
    first = path.split("/")[0].removesuffix(".py")
    return "gobhir" if first == "__init__" else first


@cache
def imported(path: str) -> list[tuple[int, str]]:
    """The line and the full name of everything that the file imports, also inside functions."""
    return list(_imported(path))


def _imported(path: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse((HOUSE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{path}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("room", sorted({room_of(f) for f in FILES}))
def test_arrows_run_one_way(room: str) -> None:
    assert room in FLOOR, "a new room: say on which floor it stands"
    upward = []
    for path in (f for f in FILES if room_of(f) == room):
        for line, name in imported(path):
            first, *rest = name.split(".")
            if first != "gobhir":
                continue
            other = rest[0] if rest and rest[0] in FLOOR else "gobhir"
            if other != room and FLOOR[other] >= FLOOR[room]:
                upward.append(f"{path}:{line} imports {name}")
    assert not upward


def test_frameworks_are_asked_for_in_their_own_places_only() -> None:
    asking = {
        path
        for path in FILES
        for _, name in imported(path)
        if name.split(".")[0] in FRAMEWORKS and not path.startswith(MAY_ASK_FOR_FRAMEWORKS)
    }
    assert not asking
