"""What the checker says: data for the page, and the same as lines for the terminal."""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any

from gobhir.lang import digits, t


@dataclass(frozen=True)
class Task:
    """One call of an exercise. `got` and `want` as they are shown; `cause` at most one sentence;
    `line` in the learner's file; `wrong` the id of the listed wrong program it behaves like;
    `trace` all of the traceback, where the program stopped."""

    title: str
    call: str
    ok: bool
    got: str
    want: str
    tolerance: float
    cause: str = ""
    by_hand: str = ""
    where: str = ""
    line: int | None = None
    wrong: str = ""
    trace: str = ""


@dataclass(frozen=True)
class Verdict:
    """`passed` when every task is ok; `printed` is what the program printed."""

    exercise: str
    passed: bool
    tasks: tuple[Task, ...]
    printed: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def format_verdict(verdict: Verdict, lang: str, file: str = "", room: int = 100) -> str:
    """The verdict for a terminal: a line for every task, the first wrong one in full.

    `file` names the learner's file in the last line (`ex2.py:7`); `room` is how many columns wide.
    """
    count = digits(len(verdict.tasks), lang)
    lines: list[str] = []
    wrong_before = False
    for number, task in enumerate(verdict.tasks, 1):
        name = t("course.verdict.task", lang, number=digits(number, lang), count=count)
        lines.append(f"{'✓' if task.ok else '✗'} {name} · {task.call}")
        if not task.ok and not wrong_before:
            lines += _explained(task, lang, file, room)
            wrong_before = True
    right = digits(sum(task.ok for task in verdict.tasks), lang)
    if verdict.passed:
        lines.append(t("course.verdict.all_right", lang, count=count))
    else:
        lines.append(t("course.verdict.passed", lang, passed=right, count=count))
    return "\n".join(lines)


def _explained(task: Task, lang: str, file: str, room: int) -> list[str]:
    tolerance = f"   (±{task.tolerance:g})" if task.tolerance else ""
    where = f"{file}:{task.line}" if file and task.line else task.where
    # keys: course.verdict.*
    facts = {
        "got": task.got,
        "want": task.want + tolerance,
        "difference": task.cause,
        "by_hand": task.by_hand,
        "where": where,
    }
    labels = {name: t(f"course.verdict.{name}", lang) for name in facts}
    wide = max(_width(label) for label in labels.values())
    lines: list[str] = []
    for name, fact in facts.items():
        first, *more = textwrap.wrap(fact, max(room - wide - 4, 20)) or [""]
        if fact:
            lines.append(f"  {labels[name]}{' ' * (wide - _width(labels[name]))}: {first}")
            lines += [f"{' ' * (wide + 4)}{line}" for line in more]
    return lines


def _width(text: str) -> int:
    """Columns in a terminal: signs that sit on another letter take none."""
    return sum(unicodedata.category(sign) not in ("Mn", "Cf") for sign in text)
