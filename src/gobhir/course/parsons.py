"""An exercise without typing: its lines, to be put in order (D. Parsons and P. Haden, "Parson's
programming puzzles", 2006). Some lines are wrong ones, taken from the listed wrong programs, so
that a mistake meets its own message. What is put together is checked like any other program.
"""

from __future__ import annotations

import ast
import random
import re

from gobhir.course.exercises import Exercise

WRONG = 2
"""At most so many lines that do not belong."""
CLAUSE = re.compile(r"\s*(else|elif|except|finally)\b")


def pieces(exercise: Exercise) -> list[str]:
    """The lines of the solution and some wrong ones, mixed (always alike); a statement that takes
    several lines stays in one piece, and every piece keeps its indentation."""
    right = split(exercise.solution)
    others = [line for wrong in exercise.wrong for line in split(wrong.code) if line not in right]
    mixed = [*right, *list(dict.fromkeys(others))[:WRONG]]
    draw = random.Random(exercise.id)
    while mixed[: len(right)] == right and len(mixed) > 1:
        draw.shuffle(mixed)
    return mixed


def split(code: str) -> list[str]:
    """A program's statements as they are written, without comments on lines of their own."""
    lines = code.splitlines()
    begins = {node.lineno for node in ast.walk(ast.parse(code)) if isinstance(node, ast.stmt)}
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if number in begins or CLAUSE.match(line) or not found:
            found.append(line)
        else:
            found[-1] += f"\n{line}"
    return found
