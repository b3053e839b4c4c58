"""What practice shows: lines of text with a style's name each. Nothing here reads keys or files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gobhir.course.practice.bench import Bench, Placed, State
from gobhir.course.verdict import Verdict, format_verdict
from gobhir.derivation.text import width
from gobhir.help import room
from gobhir.lang import digits

BAR = 20
STYLES = {
    "head": "bold",
    "path": "cyan underline",
    "right": "green",
    "wrong": "red",
    "quiet": "dim",
    "chosen": "reverse",
    "bar": "green",
    "": "",
}


@dataclass(frozen=True)
class Line:
    """A line; `link`: the file that a click on it opens, where the terminal can."""

    text: str = ""
    style: str = ""
    link: Path | None = None


@dataclass
class View:
    """What is on the screen: an exercise, the last verdict on it, and what was asked for."""

    entry: Placed
    verdict: Verdict | None = None
    asked: list[Line] = field(default_factory=list)
    """The answer to the last key: hints, the working, the traceback, a question."""
    picking: int | None = None
    """The place of the cursor while the list is open."""


def page(bench: Bench, view: View) -> list[Line]:
    """The whole screen, without its last two lines (see `foot`)."""
    if view.picking is not None:
        return listed(bench, bench.entries[view.picking])
    entry, file = view.entry, bench.file(view.entry)
    lines = [Line(heading(bench, entry), "head"), Line(str(file), "path", file), Line()]
    if view.verdict is None:
        lines += [*map(Line, bench.task(entry).splitlines()), Line()]
        lines.append(Line(bench.t("practice.watch.begin", file=file.name), "quiet"))
    else:
        lines += judged(bench, view.verdict, file.name)
    if view.verdict and view.verdict.passed:
        lines += [Line(), Line(bench.t("practice.watch.passed"), "right")]
    return [*lines, *([Line()] if view.asked else []), *view.asked]


def heading(bench: Bench, entry: Placed) -> str:
    # keys: course.exercise.easy course.exercise.medium course.exercise.hard
    level = bench.t(f"course.exercise.{entry.exercise.difficulty}")
    return f"{bench.where(entry)} · {bench.title(entry)} · {level}"


def judged(bench: Bench, verdict: Verdict, name: str) -> list[Line]:
    """The verdict as the checker says it, and what the program printed."""
    colour = {"✓": "right", "✗": "wrong"}
    told = format_verdict(verdict, bench.lang, name, room()).splitlines()
    lines = [Line(line, colour.get(line[:1], "")) for line in told]
    lines[-1] = Line(told[-1], "right" if verdict.passed else "wrong")
    if verdict.printed:
        lines += [Line(), Line(bench.t("studio.exercise.printed"), "quiet")]
        lines += [Line(f"  {line}") for line in verdict.printed.rstrip().splitlines()[:20]]
    return lines


def listed(bench: Bench, chosen: Placed | None = None) -> list[Line]:
    """Every exercise with its mark; the days as headings."""
    lines: list[Line] = []
    passed, slug = bench.passed(), ""
    wide = max(len(entry.id) for entry in bench.entries)
    for entry in bench.entries:
        if entry.slug != slug:
            where, title = bench.where(entry), entry.lesson.title[bench.lang]
            lines += [Line()] if slug else []
            lines.append(Line(" · ".join(dict.fromkeys((where, title))), "head"))
            slug = entry.slug
        done = (entry.slug, entry.id) in passed
        # keys: course.exercise.easy course.exercise.medium course.exercise.hard
        level = bench.t(f"course.exercise.{entry.exercise.difficulty}")
        text = f"  {'✓' if done else '○'} {entry.id:<{wide}}  {bench.title(entry)} · {level}"
        style = "chosen" if entry == chosen else "right" if done else ""
        lines.append(Line(text, style))
    return lines


def bar(bench: Bench, entry: Placed | None = None) -> Line:
    """[#####-----] 12/168 · Day 3"""
    done, count = len(bench.passed()), len(bench.entries)
    full = BAR * done // max(count, 1)
    share = f"{digits(done, bench.lang)}/{digits(count, bench.lang)}"
    parts = [f"[{'#' * full}{'-' * (BAR - full)}] {share}"]
    if entry is not None:
        parts.append(bench.where(entry))
    return Line(" · ".join(parts), "bar")


def keys(bench: Bench, view: View) -> list[Line]:
    """The keys that do something now, on the last line (or lines, where it is narrow)."""
    if view.picking is not None:
        names = ["up_down", "enter", "back"]
    else:
        names = ["n", "h", "l", "c", "r", "t", "v", "s", "x", "q"]
        state = bench.state(view.entry)
        names = [name for name in names if _useful(name, view, state)]
    lines = [""]
    for said in (_key(name, bench, view) for name in names):
        longer = f"{lines[-1]} · {said}" if lines[-1] else said
        if width(longer) < room():
            lines[-1] = longer
        else:
            lines.append(said)
    return [Line(line, "quiet") for line in lines]


def _useful(name: str, view: View, state: State) -> bool:
    if name == "h":
        return bool(view.entry.exercise.hints)
    if name == "v":
        return trace_of(view.verdict) != ""
    return name != "s" or state.may_see(view.entry.exercise)


def _key(name: str, bench: Bench, view: View) -> str:
    # keys: practice.key.*
    said = bench.t(f"practice.key.{name}")
    if name != "h":
        return said
    read, count = bench.state(view.entry).hints, len(view.entry.exercise.hints)
    return f"{said} ({digits(read, bench.lang)}/{digits(count, bench.lang)})"


def hinted(bench: Bench, entry: Placed, number: int, text: str) -> list[Line]:
    count = digits(len(entry.exercise.hints), bench.lang)
    label = bench.t("course.exercise.hint", number=digits(number, bench.lang), count=count)
    return [Line(label, "head"), *map(Line, text.splitlines())]


def solved(bench: Bench, solution: str) -> list[Line]:
    return [
        Line(bench.t("course.exercise.solution"), "head"),
        *(Line(f"    {line}") for line in solution.rstrip().splitlines()),
    ]


def trace_of(verdict: Verdict | None, name: str = "") -> str:
    """All of the traceback of the first task that stopped, with the learner's file in it."""
    traces = [task.trace for task in verdict.tasks if task.trace] if verdict else []
    return traces[0].replace('"answer.py"', f'"{name}"') if traces else ""
