"""Lines to be put in order: everything that the solution needs, some that it does not."""

from __future__ import annotations

from gobhir.course.lesson import load
from gobhir.course.parsons import WRONG, pieces, split


def test_the_lines_make_the_solution_and_are_never_in_its_order():
    for exercise in load("day09-backpropagation").exercises:
        mixed, right = pieces(exercise), split(exercise.solution)
        assert set(right) < set(mixed)
        assert len(mixed) == len(right) + WRONG
        assert mixed[: len(right)] != right
        assert mixed == pieces(exercise)
        assert compile("\n".join(right), "solution", "exec")


def test_a_long_statement_is_one_line_and_every_clause_is_its_own():
    code = """\
def f(x):
    # why
    y = max(
        x,
        0,
    )

    if y:
        return y
    else:
        return 1
"""
    assert split(code) == [
        "def f(x):",
        "    y = max(\n        x,\n        0,\n    )",
        "    if y:",
        "        return y",
        "    else:",
        "        return 1",
    ]
