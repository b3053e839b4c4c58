"""Rules about numbers and formulas: a typed number is one of the data's, a symbol is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gobhir.course.exercises import Exercise
from gobhir.course.lesson import Lesson
from gobhir.course.rubric.finding import Finding, at, leaves
from gobhir.course.rubric.reading import first_column, formulas_of, typed_numbers

GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta kappa lambda mu nu xi pi rho sigma"
    " tau phi varphi chi psi omega Gamma Delta Theta Lambda Sigma Phi Psi Omega ell odot nabla top"
)
ACCENTS = "hat bar tilde vec dot"
UNSAID = {"e", "d"}
"""Euler's number and the d of a derivative need no line in a formula card."""
OPERATORS = {r"\odot", r"\nabla", r"\top"}
"""These have a meaning and no shape."""


def typed(lesson: Lesson) -> Iterator[Finding]:
    """A decimal or a percentage in a text is bound to code, or one of the data cell's numbers."""
    given = data_numbers(lesson)
    wish = "is typed: bind it to code, or take one of the data cell's"
    for block in lesson.blocks:
        for line, number in typed_numbers(block.source) if block.lang else []:
            if float(number) not in given:
                yield at(lesson, block, "number", f"{number} {wish}", line)
    exercises = {exercise.id: exercise for exercise in lesson.exercises}
    for leaf in leaves(lesson):
        known = given | _own_numbers(exercises.get(leaf.place))
        for text in leaf.text.values():
            for _, number in typed_numbers(text):
                if float(number) not in known:
                    yield Finding(leaf.file, leaf.line, "number", f"{number} {wish}")


def data_numbers(lesson: Lesson) -> set[float]:
    """The short numbers that the data cells hold, as code and as values, without sign."""
    found: set[str] = set()
    stored = lesson.outputs("bn")
    for block in lesson.blocks:
        if "data" in block.tags:
            found |= set(re.findall(r"\d+\.\d+|\d+", block.source))
            found |= set(stored.get(block.id, {}).get("numbers", []))
    return set(map(float, found))


def _own_numbers(exercise: Exercise | None) -> set[float]:
    """An exercise's texts may quote its own calls, wanted values and programs."""
    if exercise is None:
        return set()
    code = [exercise.stub, exercise.solution, exercise.given]
    for test in exercise.tests:
        code += [test.call, str(test.want)]
    return set(map(float, re.findall(r"\d+\.\d+|\d+", " ".join(code))))


def symbols(tex: str) -> set[str]:
    """The symbols of a formula that a card explains: letters, Greek, hats; indices left out."""
    tex = re.sub(r"\\(text|mbox|mathrm|operatorname)\*?\{[^{}]*\}", " ", tex)
    tex = re.sub(r"\\(begin|end)\{[^{}]*\}", " ", tex)
    tex = re.sub(r"\\v\{[^{}]*\}", " ", tex)
    tex = re.sub(r"\^\{?\s*(\\top|T|\\intercal)\b\s*\}?", r" \\top ", tex)
    tex = re.sub(r"_\s*(\{[^{}]*\}|\\[a-zA-Z]+|.)", " ", tex)
    found = set()
    for accent, letter in re.findall(rf"\\({ACCENTS.replace(' ', '|')})\s*\{{?\s*(\w)", tex):
        found.add(f"\\{accent} {letter}")
    tex = re.sub(rf"\\({ACCENTS.replace(' ', '|')})\s*(\{{\s*\w\s*\}}|\w)", " ", tex)
    for command in re.findall(r"\\([a-zA-Z]+)", tex):
        if command in GREEK.split():
            found.add(f"\\{command}")
    found |= set(re.findall(r"[A-Za-z]", re.sub(r"\\[a-zA-Z]+", " ", tex)))
    return found - UNSAID


def explained(lesson: Lesson) -> Iterator[Finding]:
    """A formula card explains every symbol, with its shape, and puts numbers in."""
    for block in lesson.blocks:
        if block.kind != "formula":
            continue
        rows = first_column(block.source)[1:]
        table = rows[0][0] if rows else 0
        displayed = [(n, tex) for n, tex, big in formulas_of(block.source) if big and n < table]
        if not displayed:
            yield at(lesson, block, "formula", f"{block.id} displays no formula above a table")
            continue
        listed: set[str] = set()
        for line, cells in rows:
            listed |= symbols(cells[0].replace("$", " "))
            operator = symbols(cells[0].replace("$", " ")) <= OPERATORS
            if len(cells) != 3 or not all(cells[:2] if operator else cells):
                yield at(lesson, block, "formula", "symbol, meaning and shape, all filled", line)
        for symbol in sorted(symbols(displayed[0][1]) - listed):
            yield at(lesson, block, "formula", f"{symbol} is not explained", displayed[0][0])
        last = rows[-1][0] if rows else 0
        after = [tex for line, tex, _ in formulas_of(block.source) if line > last]
        if not any(re.search(r"\d|\\v\{", tex) for tex in after):
            yield at(lesson, block, "formula", f"{block.id}: numbers are put in after the table")


RULES = (typed, explained)
