"""The bench: every exercise of the course, the learner's own file for each, and how far they are.

The files are the learner's (`practice/<lesson>/<exercise>.py` in their folder): written once, never
overwritten. How far they are is kept by the exercises' names, in the store that the studio uses.
"""

from __future__ import annotations

import difflib
import os
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

from gobhir.course.checking import by_hand_of, check_exercise, filled
from gobhir.course.exercises import Exercise, read_exercises
from gobhir.course.lesson import load
from gobhir.course.plan import Day, Entry, entries, lesson_folders
from gobhir.course.verdict import Verdict
from gobhir.course.working import WIDTH, working
from gobhir.lang import LANGUAGES, digits, say, t
from gobhir.learner.refusal import refusal_of
from gobhir.learner.store import Store

TRIES = 3
"""Failed tries after which, with all hints read, the solution may be seen."""
COMMENT = 86


@dataclass(frozen=True)
class Placed:
    """An exercise where it stands in the course. `slug`: its lesson's folder name."""

    lesson: Entry
    slug: str
    exercise: Exercise

    @property
    def id(self) -> str:
        return self.exercise.id


@dataclass(frozen=True)
class State:
    """How far one exercise is. `hints`: how many were read; `failed`: tries that failed."""

    passed: bool
    hints: int
    failed: int
    seen: bool

    def may_see(self, exercise: Exercise) -> bool:
        """Whether the solution was earned."""
        tried = self.failed >= TRIES and self.hints >= len(exercise.hints)
        return self.passed or self.seen or tried


class Bench:
    """The learner at work: `store` is theirs, `lang` the language of texts and verdicts."""

    def __init__(self, store: Store, lang: str):
        self.store, self.lang = store, lang
        folders = lesson_folders()
        self.entries = tuple(
            Placed(lesson, lesson.slug, exercise)
            for lesson in entries()
            if lesson.slug
            for exercise in read_exercises(folders[lesson.slug] / "exercises.toml")
        )

    # -- which ----------------------------------------------------------------------------------

    def find(self, name: str) -> Placed:
        """The exercise `id`, or `lesson/id` where two lessons have one of that name."""
        slug, _, wanted = name.strip().rpartition("/")
        found = [e for e in self.entries if e.id == wanted and e.slug.startswith(slug)]
        if not found:
            ids = [entry.id for entry in self.entries]
            near = ", ".join(difflib.get_close_matches(wanted, ids) or ids[:5])
            raise LookupError(say("practice.unknown", name=name, near=near))
        return found[0]

    def next_undone(self, after: Placed | None = None) -> Placed | None:
        """The first exercise after `after` (then from the top) that is not passed yet."""
        at = self.entries.index(after) + 1 if after else 0
        passed = self.passed()
        ahead = (*self.entries[at:], *self.entries[:at])
        return next((e for e in ahead if (e.slug, e.id) not in passed and e != after), None)

    def passed(self) -> set[tuple[str, str]]:
        """(lesson, exercise) of everything that is passed."""
        known = self.store.all_progress()
        done = {slug: about["done"] for slug, about in known.items()}
        return {(e.slug, e.id) for e in self.entries if done.get(e.slug, {}).get(e.id) is True}

    def state(self, entry: Placed) -> State:
        done = self.store.all_progress().get(entry.slug, {"done": {}})["done"]
        answers = [a for a in self.store.answers(entry.slug) if a["item"] == entry.id]
        return State(
            passed=done.get(entry.id) is True,
            hints=int(done.get(f"{entry.id}.hints", 0)),
            failed=sum(not answer["correct"] for answer in answers),
            seen=bool(done.get(f"{entry.id}.seen", False)),
        )

    # -- the learner's file ---------------------------------------------------------------------

    def path(self, entry: Placed) -> Path:
        return self.store.folder / "practice" / entry.slug / f"{entry.id}.py"

    def file(self, entry: Placed) -> Path:
        """The learner's file, written with the task and the stub where there is none yet. A
        Refusal where it cannot be written."""
        path = self.path(entry)
        try:
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8", newline="\n") as new:
                    new.write(self.beginning(entry))
        except OSError as error:
            raise refusal_of(error, self.store.folder) from error
        return path

    def untouched(self, entry: Placed, code: str) -> bool:
        """Whether the file is still as it was first written, in whichever language."""
        return any(code == self.beginning(entry, lang) for lang in LANGUAGES)

    def beginning(self, entry: Placed, lang: str | None = None) -> str:
        """The file as it is first written: the task as a comment, what is given, the stub."""
        exercise, lang = entry.exercise, lang or self.lang
        title, task = exercise.title[lang], exercise.task[lang]
        head = [
            f"{self.where(entry, lang)} · {self.said(entry, title)}",
            "",
            *self.said(entry, task).splitlines(),
        ]
        lines = [wrapped for line in head for wrapped in textwrap.wrap(line, COMMENT) or [""]]
        comment = "\n".join(f"# {line}".rstrip() for line in lines)
        given = f"\n{exercise.given}\n\n" if exercise.given else ""
        return f"{comment}\n\nimport numpy as np\n{given}\n\n{exercise.stub}"

    def reset(self, entry: Placed) -> Path | None:
        """Begin the file anew. What was in it is kept under the name that is given back."""
        path = self.path(entry)
        backup = None
        if path.exists():
            folder = path.parent / "backups"
            folder.mkdir(exist_ok=True)
            stamp, number = time.strftime("%Y%m%d-%H%M%S"), 0
            while backup is None or backup.exists():
                backup = folder / f"{entry.id}-{stamp}{f'-{number}' if number else ''}.py"
                number += 1
            os.replace(path, backup)
        self.file(entry)
        return backup

    # -- what is said ---------------------------------------------------------------------------

    def t(self, key: str, **values: object) -> str:
        return t(key, self.lang, **values)

    def counted(self, **counts: int) -> dict[str, str]:
        """Counts as the language writes them."""
        return {name: digits(count, self.lang) for name, count in counts.items()}

    def left(self, entry: Placed) -> dict[str, str]:
        """What is still to be done before the solution may be seen: tries and hints."""
        state = self.state(entry)
        hints = len(entry.exercise.hints) - state.hints
        return self.counted(tries=max(0, TRIES - state.failed), hints=hints)

    def where(self, entry: Placed, lang: str | None = None) -> str:
        """The day on which the exercise stands; on the plus track, its lesson."""
        lang = lang or self.lang
        if isinstance(entry.lesson, Day):
            return t("course.lesson.day", lang, day=digits(entry.lesson.number, lang))
        return entry.lesson.title[lang]

    def title(self, entry: Placed) -> str:
        return self.said(entry, entry.exercise.title[self.lang])

    def task(self, entry: Placed) -> str:
        return self.said(entry, entry.exercise.task[self.lang])

    def said(self, entry: Placed, text: str) -> str:
        bound = "{v}`" in text or r"\v{" in text
        return filled(text, self.values(entry) if bound else {})

    def values(self, entry: Placed) -> dict[str, str]:
        return by_hand_of(load(entry.slug), entry.exercise, self.lang)

    # -- what is done ---------------------------------------------------------------------------

    def check(self, entry: Placed) -> Verdict:
        """Run the learner's file; the try is kept. ValueError: the file cannot be read."""
        code = self.code(entry)
        verdict = check_exercise(entry.exercise, code, self.lang, self.values(entry))
        if not self.untouched(entry, code) and code != self._last(entry):  # else not a new try
            self.store.add_answer(entry.slug, entry.id, code, verdict.passed)
        if verdict.passed:
            self.store.merge_progress(entry.slug, {entry.id: True})
        return verdict

    def code(self, entry: Placed) -> str:
        """What stands in the learner's file. ValueError with a sentence where it cannot be read."""
        file = self.file(entry)
        try:
            return file.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(say("practice.not_text", file=file)) from None
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(say("practice.no_file", file=file, reason=reason)) from None

    def _last(self, entry: Placed) -> str | None:
        tries = [a["answer"] for a in self.store.answers(entry.slug) if a["item"] == entry.id]
        return tries[-1] if tries else None

    def hint(self, entry: Placed, number: int | None = None) -> tuple[int, str]:
        """The next hint, or the one that is asked for where all before it were read:
        (its number from 1, its text)."""
        hints, read = entry.exercise.hints, self.state(entry).hints
        if not hints:
            raise LookupError(say("practice.no_hints", name=entry.id))
        number = min(number or read + 1, read + 1, len(hints))
        self.store.merge_progress(entry.slug, {f"{entry.id}.hints": max(number, read)})
        return number, self.said(entry, hints[number - 1][self.lang])

    def solution(self, entry: Placed) -> str | None:
        """One solution, where it was earned; it counts as seen when it was not passed before."""
        state = self.state(entry)
        if not state.may_see(entry.exercise):
            return None
        if not state.passed:
            self.store.merge_progress(entry.slug, {f"{entry.id}.seen": True})
        return entry.exercise.solution

    def working(self, entry: Placed, verdict: Verdict | None, width: int = WIDTH) -> str:
        """The learner's program line by line with its numbers put in, and the right way's numbers,
        on the input of the first task that failed (else of the first)."""
        code = self.code(entry)
        tasks = verdict.tasks if verdict else ()
        failed = next((k for k, task in enumerate(tasks) if not task.ok), 0)
        return working(entry.exercise, entry.exercise.tests[failed], code, self.lang, width)
