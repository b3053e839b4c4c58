"""How much work something is, without a clock: how many functions of Python it calls."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def calls(work: Callable[[], object]) -> int:
    """The number of calls, generators' turns among them; the same on any machine."""
    count = 0

    def heard(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    outer = sys.getprofile()
    sys.setprofile(heard)
    try:
        work()
    finally:
        sys.setprofile(outer)
    return count
