"""A learner's own training program, run in their kernel while somebody looks on: afterwards its
steps lie on a desk, and can be asked like those of the playground's own networks.

The page sends `run(code)` and then `answer(request)`; neither needs a web server.
"""

from __future__ import annotations

import json
import linecache
import traceback
from dataclasses import dataclass, field
from typing import Any

from gobhir.explain.explanation import Explanation
from gobhir.explain.script import load_frameworks, own_lines
from gobhir.explain.watching import Watch
from gobhir.lang import say
from gobhir.studio.desk import Desk, told
from gobhir.studio.graph import graph
from gobhir.studio.picture import picture

KEPT = 1000
"""Steps that can be opened, the last ones; of those before, the loss."""
FILE = "<program>"
"""What the program is called in tracebacks and in places on the page."""


@dataclass(eq=False)
class Program(Desk):
    """What was seen of a program. ended: "end", "failed" or "interrupted"; trouble: what it
    failed with, as the page shows it; code: its text."""

    code: str = ""
    watch: Watch = field(default_factory=lambda: Watch(keep=KEPT))
    ended: str = "end"
    trouble: dict[str, Any] | None = None

    @property
    def losses(self) -> list[float]:  # type: ignore[override]
        return self.watch.losses

    def explanation(self, step: int) -> Explanation:
        return self.watch.explain(step + 1)

    def network(self, step: int) -> dict[str, Any] | None:
        page = self.explanation(step)
        return picture(page) or graph(page)

    def run(self, code: str) -> None:
        """Run the program as a script of its own; whatever it does, what was seen is kept."""
        self.code = code
        lines = code.splitlines(keepends=True)
        linecache.cache[FILE] = (len(code), None, lines, FILE)
        try:
            compiled = compile(code, FILE, "exec")
            load_frameworks(code)
            with self.watch:
                exec(compiled, {"__name__": "__main__", "__file__": FILE})
        except KeyboardInterrupt:
            self.ended = "interrupted"
        except SystemExit as leaving:
            self.ended = "failed" if leaving.code else "end"
        except BaseException as error:
            self.ended, self.trouble = "failed", _trouble(error, lines)

    def seen(self) -> dict[str, Any]:
        """How it went, for the page: how it ended, with what trouble, how many steps it took and
        the first of them that can be looked at; why there are none; and which program it was."""
        found: dict[str, Any] = {"ended": self.ended, "trouble": self.trouble, "code": self.code}
        steps, kept = len(self.watch.losses), self.watch.kept
        if not kept:
            return found | {"steps": 0, **told(ValueError(say("play.desk.no_steps")))}
        return found | {"steps": steps, "first": kept.start - 1}


def _trouble(error: BaseException, lines: list[str]) -> dict[str, Any]:
    if isinstance(error, SyntaxError) and error.filename == FILE:
        number, shown = error.lineno, "".join(traceback.format_exception_only(error))
    else:
        places = traceback.extract_tb(error.__traceback__)
        own = [place.lineno for place in places if place.filename == FILE]
        number, shown = (own[-1] if own else None), own_lines(error, FILE)
    line = lines[number - 1].strip() if number and number <= len(lines) else ""
    name = type(error).__name__
    return {"name": name, "says": str(error), "line": number, "code": line, "traceback": shown}


class Answer(dict[str, Any]):
    """What the kernel hands to the page as JSON."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"application/json": dict(self)}


_last: Program | None = None
"""The program that ran last: the page asks one after another."""


def run(code: str) -> None:
    """Run a program; what it prints goes where the cell's output goes."""
    global _last
    _last = None  # what the one before held is free before the next begins
    program = _last = Program()
    program.run(code)


def answer(request: str) -> Answer:
    """`request`: {"do": "seen"}, or one of desk.QUESTIONS as "do" with step, lang and the rest."""
    asked = json.loads(request)
    do = asked.pop("do")
    if _last is None:
        return Answer(told(RuntimeError(say("play.desk.not_run"))))
    try:
        return Answer(_last.seen() if do == "seen" else _last.answer(do, **asked))
    except Exception as error:  # said on the page
        return Answer(told(error))
