"""Where in the user's program something happens, and what it is called there."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

_OTHERS = tuple(
    str(Path(spec.origin).parent) + "/"
    for name in ("gobhir", "torch", "keras", "tensorflow")
    if (spec := find_spec(name)) is not None and spec.origin is not None
)


def _frames() -> Iterator[FrameType]:
    """The user's own frames, innermost first."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if not frame.f_code.co_filename.startswith((*_OTHERS, "<frozen")):
            yield frame
        frame = frame.f_back


def user_line() -> str:
    """File and line of the user's program that is at work."""
    frame = next(_frames(), None)
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def name_of(x: Any) -> str:
    """A variable of the user's that holds it, "" if there is none."""
    for frame in _frames():
        for names in (frame.f_locals, frame.f_globals):
            for name, value in names.items():
                if value is x and not name.startswith("_") and name != "self":
                    return name
    return ""
