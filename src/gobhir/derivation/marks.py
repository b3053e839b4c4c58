"""Marks in a page's formulas: which part of a formula is which number of the model, so that it can
be asked about. Inside of an ink a mark is three signs that no formula holds; in the page it is
where the marked part begins and ends, beside a formula that stays plain LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable

from gobhir.derivation.expression import Name
from gobhir.derivation.latex import Latex

OPEN, BETWEEN, CLOSE = "\ue000", "\ue001", "\ue002"
_SIGN = re.compile(f"{OPEN}([^{BETWEEN}]*){BETWEEN}|{CLOSE}")
Asked = Callable[[Name | str], str | None]


class Marked(Latex):
    """Formulas with a mark around each number of the model, and around each of their names."""

    def __init__(self, lang: str | None, asked: Asked, inline: bool = False):
        super().__init__(lang, inline)
        self.asked = asked

    def marked(self, ink: str, name: Name | None) -> str:
        question = None if name is None else self.asked(name)
        return ink if question is None or not is_one(question) else mark(ink, question)

    def beside(self, left: str, between: str, right: str) -> str:
        a, b = bare(left), bare(right)
        return left + super().beside(a, between, b)[len(a) :].removesuffix(b) + right

    def alike(self, a: str, b: str) -> bool:
        return bare(a) == bare(b)


def is_one(question: str) -> bool:
    """Whether it is about one number and not about a whole array."""
    return question.endswith("]") or question == "loss"


def mark(ink: str, question: str) -> str:
    return f"{OPEN}{question}{BETWEEN}{ink}{CLOSE}"


def bare(ink: str) -> str:
    """Without marks."""
    return _SIGN.sub("", ink)


def changed(ink: str) -> str:
    """Of a parameter after the step it is asked why it changed, not what its value is."""
    return re.sub(rf"\.value(\[[^{BETWEEN}]*{BETWEEN})", r".change\1", ink)


def told_apart(ink: str) -> tuple[str, str]:
    """The formula, and its marks as a page carries them: "3 6 x[0];9 12 0[1]" (from, to, what)."""
    found, open_marks, text, end = [], [], "", 0
    for sign in _SIGN.finditer(ink):
        text += ink[end : sign.start()]
        end = sign.end()
        if sign[1] is not None:
            open_marks.append((len(text), sign[1]))
        elif open_marks:
            start, question = open_marks.pop()
            found.append(f"{start} {len(text)} {question}")
    return text + ink[end:], ";".join(found)
