"""The checker: runs a learner's program in a process of its own and compares what comes back.

The terminal and the studio call the same `check`. Values are compared, with the exercise's stated
tolerance; a program that behaves like one of the listed wrong programs gets that program's message.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from gobhir.course.exercises import Exercise, Test
from gobhir.course.lesson import Lesson, load
from gobhir.course.markdown import fill_formula
from gobhir.course.plan import Text
from gobhir.course.verdict import Task, Verdict
from gobhir.derivation.text import plain
from gobhir.lang import t

SECONDS = 10.0
CODE_LIMIT = 20_000
JUDGE = Path(__file__).with_name("judge.py")


@dataclass(frozen=True)
class Outcome:
    """How one program went: `results` a call, `error` when it never came to the calls (or stopped
    half-way), `lines` where each function gives its result back."""

    results: tuple[dict[str, Any], ...]
    error: dict[str, Any] | None
    lines: dict[str, int]
    printed: str


def check(slug: str, exercise_id: str, code: str, lang: str) -> Verdict:
    """Run `code` against an exercise of a lesson. KeyError for an unknown lesson or exercise."""
    lesson = load(slug)
    exercise = next((e for e in lesson.exercises if e.id == exercise_id), None)
    if exercise is None:
        raise KeyError(exercise_id)
    return check_exercise(exercise, code, lang, by_hand_of(lesson, exercise, lang))


def by_hand_of(lesson: Lesson, exercise: Exercise, lang: str) -> dict[str, str]:
    """The numbers that the exercise's texts bind to the lesson's code."""
    stored = lesson.outputs(lang)
    for block in lesson.blocks:
        if block.options.get("exercise") == exercise.id:
            return dict(stored.get(block.id, {}).get("values", {}))
    return {}


def check_exercise(
    exercise: Exercise,
    code: str,
    lang: str,
    values: dict[str, str] | None = None,
    seconds: float = SECONDS,
) -> Verdict:
    """The verdict on one program. `values` fill the texts' bound numbers."""
    calls = [test.call for test in exercise.tests]
    if len(code) > CODE_LIMIT:
        problem = {"cause": "too_long", "limit": CODE_LIMIT, "line": None}
        outcome = Outcome((), problem, {}, "")
    else:
        outcome = run_programs([code], calls, lang, seconds, exercise.given)[0]
    return verdict_on(exercise, outcome, lang, values, seconds)


def verdict_on(
    exercise: Exercise,
    outcome: Outcome,
    lang: str,
    values: dict[str, str] | None = None,
    seconds: float = SECONDS,
) -> Verdict:
    """The verdict on a program that has run already."""
    right = [
        i < len(outcome.results) and _agrees(outcome.results[i].get("got"), test)
        for i, test in enumerate(exercise.tests)
    ]
    wrong = "" if all(right) else _behaves_like(exercise, outcome)
    say = _Sayer(lang, values or {}, seconds)
    tasks: list[Task] = []
    for i, test in enumerate(exercise.tests):
        result = outcome.results[i] if i < len(outcome.results) else {}
        first = all(right[:i]) and not right[i]
        tasks.append(say.task(test, result, right[i], first, outcome, exercise, wrong))
    return Verdict(exercise.id, all(right), tuple(tasks), outcome.printed)


def run_programs(
    programs: list[str],
    calls: list[str],
    lang: str,
    seconds: float = SECONDS,
    given: str = "",
    trace: bool = False,
) -> list[Outcome]:
    """Run each program and the calls after it, all in one process without network or input.
    With trace, every result tells its lines one by one (see stepping.py)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = {"programs": programs, "calls": calls, "given": given, "seconds": seconds}
        request["trace"] = trace
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-P", "-B", "-X", "utf8", str(JUDGE)],
            cwd=folder,
            env=_surroundings(lang),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _running.add(process)
        try:
            code: int | None = process.wait(seconds + 5)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _running.discard(process)
            _end(process)
        return _outcomes(folder, len(programs), len(calls), code)


_running: set[subprocess.Popen[bytes]] = set()


def stop_programs() -> None:
    """End every program that is being run at the moment: the learner does not want to wait."""
    for process in tuple(_running):
        _end(process)


def _surroundings(lang: str) -> dict[str, str]:
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    kept = {k: v for k, v in os.environ.items() if "TOKEN" not in k and "PASSWORD" not in k}
    return {**kept, **threads, "GOBHIR_LANG": lang, "PYTHONHASHSEED": "0"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing that the program started outlives it."""
    if hasattr(os, "killpg"):
        import contextlib
        import signal

        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _outcomes(folder: Path, programs: int, calls: int, code: int | None) -> list[Outcome]:
    """What the judge wrote, a program at a time; what is missing, explained by how it ended."""
    lines = _read_lines(folder / "results.jsonl")
    found: list[Outcome] = []
    while len(found) < programs:
        head = lines.pop(0) if lines else None
        if head is None:
            found.append(Outcome((), _ending(folder, code), {}, ""))
        elif not head.get("loaded"):
            found.append(Outcome((), head.get("error"), {}, str(head.get("printed", ""))))
        else:
            results, lines = lines[:calls], lines[calls:]
            error = _ending(folder, code) if len(results) < calls else None
            printed = "".join(str(result.get("printed", "")) for result in results[:1])
            found.append(Outcome(tuple(results), error, dict(head.get("lines", {})), printed))
    return found


def _read_lines(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if file.exists():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                break
            if not isinstance(value, dict):
                break
            found.append(value)
    return found


def _ending(folder: Path, code: int | None) -> dict[str, Any]:
    """Why results are missing: too slow (with the line where it stood), ended by itself, killed."""
    stuck = folder / "stuck.txt"
    trace = stuck.read_text(errors="replace") if stuck.exists() else ""
    if trace or code is None:
        line = re.search(r'File "answer.py", line (\d+)', trace)
        return {"cause": "timeout", "line": int(line[1]) if line else None}
    return {"cause": "exited" if code >= 0 else "killed", "line": None}


# comparing


def _agrees(got: dict[str, Any] | None, test: Test) -> bool:
    return got is not None and same(got, test.want, test.tolerance)


def same(got: dict[str, Any], want: Any, tolerance: float) -> bool:
    """Whether a described value is the wanted one: kinds and shapes equal, numbers within it."""
    kind = kind_of(want)
    if got.get("kind") != kind:
        return False
    if kind in ("bool", "text", "texts"):
        return bool(got["value"] == want)
    ours, theirs = np.asarray(got["value"], float), np.asarray(want, float)
    if ours.shape != theirs.shape:
        return False
    return bool(np.all(np.abs(ours - theirs) <= tolerance + 1e-12))


def kind_of(want: Any) -> str:
    if isinstance(want, bool):
        return "bool"
    if isinstance(want, str):
        return "text"
    if isinstance(want, list):
        return "texts" if want and isinstance(want[0], str) else "array"
    return "number"


@cache
def _wrong_outcomes(
    programs: tuple[str, ...], calls: tuple[str, ...], given: str
) -> tuple[Outcome, ...]:
    """How the listed wrong programs behave; they are ours, so one process does for all."""
    return tuple(run_programs(list(programs), list(calls), "en", 30.0, given))


def own_outcomes(exercise: Exercise) -> tuple[Outcome, Outcome, tuple[Outcome, ...]]:
    """How the exercise's own programs behave, in one process: solution, stub, the wrong ones."""
    programs = [exercise.solution, exercise.stub, *(wrong.code for wrong in exercise.wrong)]
    calls = [test.call for test in exercise.tests]
    solution, stub, *wrong = run_programs(programs, calls, "en", 30.0, exercise.given)
    return solution, stub, tuple(wrong)


def expected(exercise: Exercise) -> tuple[Outcome, ...]:
    """How the exercise's listed wrong programs behave, in their order. Asked for ahead of time, it
    makes the first verdict quicker."""
    programs = tuple(wrong.code for wrong in exercise.wrong)
    return _wrong_outcomes(programs, tuple(test.call for test in exercise.tests), exercise.given)


def _behaves_like(exercise: Exercise, outcome: Outcome) -> str:
    """The id of the listed wrong program that gives the same results on all calls, else ""."""
    if outcome.error or not exercise.wrong:
        return ""
    for wrong, other in zip(exercise.wrong, expected(exercise), strict=True):
        pairs = zip(outcome.results, other.results, exercise.tests, strict=False)
        alike = [_alike(ours, theirs, test.tolerance) for ours, theirs, test in pairs]
        if len(alike) == len(exercise.tests) and all(alike):
            return wrong.id
    return ""


def _alike(ours: dict[str, Any], theirs: dict[str, Any], tolerance: float) -> bool:
    if "got" in ours and "got" in theirs:
        a, b = ours["got"], theirs["got"]
        if a["kind"] != b["kind"]:
            return False
        if a["kind"] in ("number", "array"):
            x, y = np.asarray(a["value"], float), np.asarray(b["value"], float)
            close = x.shape == y.shape and np.allclose(x, y, 1e-9, tolerance / 10, equal_nan=True)
            return bool(close)
        return bool(a["value"] == b["value"])
    if "error" in ours and "error" in theirs:
        a, b = ours["error"], theirs["error"]
        return all(a.get(k) == b.get(k) for k in ("cause", "type", "reason", "name"))
    return False


# saying it


class _Sayer:
    """Turns results into sentences of one language."""

    def __init__(self, lang: str, values: dict[str, str], seconds: float):
        self.lang, self.values, self.seconds = lang, values, seconds

    def t(self, key: str, **values: object) -> str:
        return t(key, self.lang, **values)

    def task(
        self,
        test: Test,
        result: dict[str, Any],
        ok: bool,
        first: bool,
        outcome: Outcome,
        exercise: Exercise,
        wrong: str,
    ) -> Task:
        got = result.get("got")
        error = result.get("error") or (outcome.error if first and not got else None)
        cause, line = "", None
        if not ok and error:
            cause, line = self.error(error), error.get("line")
        elif not ok and got:
            cause = self.difference(got, test)
            line = outcome.lines.get(result.get("name") or "")
        if first and wrong:
            cause = self.fill(next(w.message for w in exercise.wrong if w.id == wrong))
        return Task(
            title=self.fill(test.title),
            call=test.call,
            ok=ok,
            got=show(got["value"]) if got else "",
            want=show(test.want),
            tolerance=test.tolerance,
            cause=cause,
            by_hand="" if ok else self.fill(test.by_hand),
            where=self.t("course.verdict.place", line=line) if line else "",
            line=line,
            wrong=wrong if first else "",
            trace="" if ok or not error else str(error.get("trace", "")),
        )

    def fill(self, text: Text) -> str:
        return filled(text.get(self.lang, ""), self.values)

    def error(self, error: dict[str, Any]) -> str:
        # keys: course.cause.* course.blocked.*
        cause = error["cause"]
        facts = {k: v for k, v in error.items() if k != "cause"}
        facts.setdefault("seconds", f"{self.seconds:g}")
        facts.setdefault("kind", error.get("type", ""))
        if cause == "blocked":
            facts["what"] = self.t(f"course.blocked.{error['what']}")
        return self.t(f"course.cause.{cause}", **facts)

    def difference(self, got: dict[str, Any], test: Test) -> str:
        """The one most telling difference between what came back and what was wanted."""
        kind = kind_of(test.want)
        if got["kind"] == "none":
            return self.t("course.cause.none")
        if got["kind"] not in ("number", "array") or kind not in ("number", "array"):
            if got["kind"] == kind:
                return self.t("course.cause.different")
            names = {"got": self.kind(got["kind"], got), "want": self.kind(kind, {})}
            return self.t("course.cause.kind", **names)
        ours, want = np.asarray(got["value"], float), np.asarray(test.want, float)
        if np.isnan(ours).any():
            if ours.ndim == 0:
                return self.t("course.cause.nan_scalar")
            place = [int(i) for i in np.argwhere(np.isnan(ours))[0]]
            return self.t("course.cause.nan", place=place)
        if np.isinf(ours).any():
            return self.t("course.cause.infinite")
        return self.compare(ours, want, test.tolerance)

    def compare(self, ours: Any, want: Any, tolerance: float) -> str:
        def close(a: Any) -> bool:
            return bool(np.all(np.abs(a - want) <= tolerance + 1e-12))

        if ours.shape != want.shape:
            if ours.ndim == 2 and ours.T.shape == want.shape and close(ours.T):
                return self.t("course.cause.transposed")
            return self.t("course.cause.shape", got=str(ours.shape), want=str(want.shape))
        if close(-ours):
            return self.t("course.cause.sign")
        if close(ours / 2):
            return self.t("course.cause.double")
        if close(ours * 2):
            return self.t("course.cause.half")
        if ours.ndim == 2 and ours.T.shape == want.shape and close(ours.T):
            return self.t("course.cause.transposed")
        return self.t("course.cause.different")

    def kind(self, kind: str, got: dict[str, Any]) -> str:
        # keys: course.kinds.*
        name = kind if kind in ("number", "array", "bool", "text", "none") else "other"
        return self.t(f"course.kinds.{name}", name=got.get("name", kind))


def filled(text: str, values: dict[str, str]) -> str:
    """A text with its bound numbers put in and its formulas in plain letters."""

    def value(expression: str) -> str:
        return values.get(expression.strip(), "?")

    said = fill_formula(text, value)
    said = re.sub(r"\{v\}`([^`]*)`", lambda m: value(m[1]), said)
    return re.sub(r"\$([^$]+)\$", lambda m: plain(m[1]), said)


def show(value: Any) -> str:
    """A value as the verdict prints it: numbers with six digits."""
    if isinstance(value, list):
        return "[" + ", ".join(show(part) for part in value) + "]"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
