"""Where in the user's program something happens, and what it is called there."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from inspect import CO_OPTIMIZED
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
ALONE = 3
"""What sys.getrefcount says of a frame's dict that has one more name, ours."""
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


def runs_in(function: str) -> bool:
    """Whether something whose qualified name begins so has called what calls this."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_qualname.startswith(function):
            return True
        frame = frame.f_back
    return False


def name_of(x: Any) -> str:
    """A variable of the user's that holds it, "" if there is none."""
    for frame in _frames():
        for names in (_locals(frame), frame.f_globals):
            for name, value in names.items():
                if value is x and not name.startswith("_") and name != "self":
                    return name
    return ""


def _locals(frame: FrameType) -> dict[str, Any]:
    """A copy of the frame's variables. Until Python 3.13 a function's frame keeps the dict that
    was asked for, and with it all that was in it, even what the function has deleted since; so it
    is emptied, unless somebody else asked for it, too (locals())."""
    kept = frame.f_locals
    names = dict(kept)
    code = frame.f_code
    if type(kept) is dict and code.co_flags & CO_OPTIMIZED and sys.getrefcount(kept) <= ALONE:
        for name in (*code.co_varnames, *code.co_cellvars, *code.co_freevars):
            kept.pop(name, None)
    return names
