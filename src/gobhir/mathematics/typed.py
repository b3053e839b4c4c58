"""A page asked for in words, as in a terminal: `inverse "[[2,1],[5,3]]"`, `taylor "exp(x)" n=3`."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from gobhir.lang import say, t
from gobhir.mathematics.board import SUBJECTS, Worked

ROOMS = {
    "algebra": ("products", "elimination", "orthogonal", "spectrum", "singular"),
    "calculus": ("limits", "derivatives", "integrals"),
    "probability": ("statistics", "chances", "likelihood"),
}
"""Which files' pages stand together."""
_LATIN = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")


def typed(name: str, words: Sequence[str]) -> Worked:
    """The page `name` of these arguments: Python's numbers and lists, anything else as text;
    `name=value` by name. ValueError for an unknown name, or arguments that do not fit."""
    called = name.lower().replace("-", "_")
    if called not in SUBJECTS:
        near = get_close_matches(called, SUBJECTS, n=5, cutoff=0.6) or list(SUBJECTS)
        raise ValueError(say("errors.maths.unknown", name=name, known=", ".join(near)))
    subject = SUBJECTS[called]
    signature = inspect.signature(subject)
    args: list[Any] = []
    named: dict[str, Any] = {}
    for word in (w.translate(_LATIN) for w in words):
        found = re.fullmatch(r"-*([A-Za-z_]\w*)\s*=(?!=)\s*(.+)", word, re.DOTALL)
        if found:
            named[found[1]] = _value(found[2])
        else:
            args.append(_value(word))
    try:
        signature.bind(*args, **named)
    except TypeError as error:
        shown = f"{called}({', '.join(map(_shown, signature.parameters.values()))})"
        detail = str(error)
        raise ValueError(
            say("errors.maths.arguments", name=called, signature=shown, detail=detail)
        ) from None
    return subject(*args, **named)


def _shown(p: inspect.Parameter) -> str:
    return p.name if p.default is p.empty else f"{p.name}={p.default!r}"


def _value(word: str) -> Any:
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word


def listed(width: int) -> str:
    """All pages, room by room, with their arguments and what they show, for a terminal of this
    width."""
    lines = []
    for room, files in ROOMS.items():
        lines.append(t(f"maths.room.{room}"))
        # keys: maths.room.*
        for name, subject in SUBJECTS.items():
            if subject.__module__.rpartition(".")[2] in files:
                given = " ".join(map(_named, inspect.signature(subject).parameters.values()))
                lines.append(textwrap.indent(f"{name} {given}", "    "))
                title = textwrap.fill(t(f"maths.title.{name}").replace("$", ""), width - 8)
                lines.append(textwrap.indent(title, "        "))
    return "\n".join(lines)


def _named(p: inspect.Parameter) -> str:
    return p.name if p.default is p.empty else f"[{p.name}]"
