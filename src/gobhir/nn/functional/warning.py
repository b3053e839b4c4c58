"""Warnings that point at the user's own line."""

from __future__ import annotations

import sys
import warnings

from gobhir.lang import Message


def warn(message: Message) -> None:
    # Point at the first line outside of Gobhir: there the mistake stands.
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("gobhir."):
        frame, level = frame.f_back, level + 1
    warnings.warn(str(message), stacklevel=level)
