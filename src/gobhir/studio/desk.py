"""What lies on the playground's desk: the steps of a training, and what a learner asks of them.

Requests and answers are plain JSON, and no web server is needed: the same desk answers for a state
of the page (playground.py) and, inside the learner's kernel, for a program (pasted.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable
from math import isfinite
from typing import Any

from gobhir.derivation.chromium import print_to_pdf
from gobhir.derivation.html import fragment, reply
from gobhir.explain.checking.answers import read, written_name
from gobhir.explain.checking.check import check_page
from gobhir.explain.explanation import Explanation
from gobhir.explain.worksheets.own_paper import paper_of
from gobhir.explain.worksheets.paper import print_page
from gobhir.lang import LANGUAGES, Message, check_language, say, t
from gobhir.studio.filling import form


def worksheet(page: Explanation, lang: str) -> str:
    """The step with blanks, and its key behind it."""
    return print_page([paper_of(page)], lang)


def printed_worksheet(page: Explanation, lang: str) -> bytes:
    """The same as a PDF. FileNotFoundError where no browser is there to print it."""
    return print_to_pdf(worksheet(page, lang))


FORMS: dict[str, tuple[str, str, Callable[[Explanation, str], str | bytes]]] = {
    "page": ("html", "text/html", Explanation.to_html),
    "pdf": ("pdf", "application/pdf", Explanation.to_pdf),
    "slides": ("slides.html", "text/html", Explanation.to_slides),
    "worksheet": ("worksheet.html", "text/html", worksheet),
    "worksheet_pdf": ("worksheet.pdf", "application/pdf", printed_worksheet),
    "markdown": ("md", "text/markdown", Explanation.to_markdown),
    "latex": ("tex", "application/x-tex", Explanation.to_latex),
    "json": ("json", "application/json", Explanation.to_json),
}
"""Ways to take a step away: how the file's name ends, what it is, what makes it."""

QUESTIONS: dict[str, dict[str, type]] = {
    "step": {},
    "why": {"name": str},
    "blanks": {},
    "check": {"text": str},
    "take": {"form": str},
}
"""What may be asked, and what goes with it besides the step and the language."""


class Desk(ABC):
    """Steps count from 0; for people, the first is step 1."""

    losses: list[float]
    """Which each step starts from."""

    @abstractmethod
    def explanation(self, step: int) -> Explanation:
        """The step, worked out. IndexError where there are not so many."""

    def network(self, step: int) -> dict[str, Any] | None:
        """The network as the page draws it; None where there is no such picture."""
        return None

    def answer(self, what: str, step: int, lang: str, **rest: Any) -> dict[str, Any]:
        """The answer to one of QUESTIONS. ValueError, LookupError and OSError say what was wrong
        with it, most of them in both languages."""
        wanted = QUESTIONS.get(what)
        if wanted is None or rest.keys() != wanted.keys() or not isinstance(step, int):
            raise ValueError(say("play.desk.question"))
        if not all(isinstance(rest[name], kind) for name, kind in wanted.items()):
            raise ValueError(say("play.desk.question"))
        answered: dict[str, Any] = getattr(self, what)(step, check_language(lang), **rest)
        return answered

    def step(self, step: int, lang: str) -> dict[str, Any]:
        """The page of a step."""
        losses = [loss if isfinite(loss) else None for loss in self.losses]  # JSON has no NaN
        return {
            "html": fragment(self.explanation(step), lang),
            "losses": losses,
            "step": step,
            "steps": len(losses),
            "network": self.network(step),
        }

    def why(self, step: int, lang: str, name: str) -> dict[str, Any]:
        """Why is this number what it is? What a panel of the step's page shows."""
        return {"html": reply(self.explanation(step), name, lang)}

    def blanks(self, step: int, lang: str) -> dict[str, Any]:
        """The step's lines to fill in, as a form."""
        return {"html": form(self.explanation(step), lang)}

    def check(self, step: int, lang: str, text: str) -> dict[str, Any]:
        """A hand calculation ("z1_1 = 0.14", a line each), checked: the report; of each number
        that was written, by its name in the form, how it stands, as a word for the styles and in
        the page's language; and the first wrong one."""
        bare = next((line for line in text.splitlines() if line.strip() and "=" not in line), None)
        if bare is not None:
            raise ValueError(say("play.desk.bare", line=bare.strip()[:40]))
        paper = read(text + "\n")  # text, and never a file's name
        report = check_page(self.explanation(step).reading, paper)
        marks = {
            written_name(*m.place): [m.status, t(f"check.mark.{m.status}", lang)]
            for m in report.marks
        }  # keys: check.mark.*
        first = report.first_wrong
        return {
            "html": fragment(report, lang),
            "marks": marks,
            "first": None if first is None else written_name(*first.place),
        }

    def take(self, step: int, lang: str, form: str) -> dict[str, Any]:
        """The step as a file: its name, its type and, in base64, what is in it."""
        if form not in FORMS:
            raise ValueError(say("play.desk.form", form=form, known=", ".join(FORMS)))
        end, kind, make = FORMS[form]
        made = make(self.explanation(step), lang)
        content = made.encode() if isinstance(made, str) else made
        name = f"gobhir-step-{step + 1}.{lang}.{end}"
        return {"name": name, "type": kind, "content": b64encode(content).decode("ascii")}


def told(error: Exception) -> dict[str, dict[str, str]]:
    """What went wrong, as a page shows it."""
    found = next((a for a in error.args if isinstance(a, Message)), None)
    if found is None:
        found = say("play.desk.trouble", reason=f"{type(error).__name__}: {error}")
    return {"message": {lang: found.text(lang) for lang in LANGUAGES}}
