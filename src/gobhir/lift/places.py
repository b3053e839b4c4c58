"""Where in the user's program something happens, and what it is called there."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

_OTHERS = (
    *(
        str(Path(spec.origin).parent) + "/"
        for name in ("gobhir", "torch", "keras", "tensorflow")
        if (spec := find_spec(name)) is not None and spec.origin is not None
    ),
    "<frozen",
)
_PYTHON = sysconfig.get_path("stdlib") + "/"


def _frames() -> Iterator[FrameType]:
    """The user's own frames, innermost first."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if not _foreign(frame.f_code.co_filename):
            yield frame
        frame = frame.f_back


@cache
def _foreign(file: str) -> bool:
    return file.startswith(_OTHERS) or (file.startswith(_PYTHON) and "site-packages" not in file)


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
