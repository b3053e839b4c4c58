"""The calculator itself: it passes lines that are right, and catches every digit that is not."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gobhir.derivation.expression import Expr, Name, Num
from gobhir.derivation.rounding import shown, significant, stages
from gobhir.derivation.step import Derivation, Line, Say, Section, Step
from tests.calculator import equations, problems, redone
from tests.derivation.drawn import lines


def page(*pieces: Line, mode: str = "hand") -> str:
    step = Step("forward.0", "any", "forward", "", "", {}, pieces)
    title = Say("rules.title.plain")
    return Derivation(title, (), (Section("forward", (step,)),), mode).to_markdown("en")


@given(st.lists(lines, min_size=1, max_size=4))
def test_lines_by_hand_come_out(drawn: list[Expr]) -> None:
    pieces = [Line(Name("z", index=(k,)), stages(e, significant)) for k, e in enumerate(drawn, 1)]
    printed = page(*pieces)
    assert problems(printed, "hand") == []
    assert len(equations(printed)) == len(drawn)


@given(lines)
def test_exact_lines_come_out_or_are_marked(e: Expr) -> None:
    view = shown(stages(e, lambda x: x))
    assert (
        problems(page(Line(Name("z"), view.stages, marked=view.marked), mode="exact"), "exact")
        == []
    )
    wrong_mark = Line(Name("z"), view.stages, marked=not view.marked)
    assert problems(page(wrong_mark, mode="exact"), "exact") != []


@given(lines, st.data())
def test_a_wrong_digit_is_caught(e: Expr, data: st.DataObject) -> None:
    """The last number of the page, changed by one in its last place."""
    chain = stages(e, significant)
    last = chain[-1]
    assert isinstance(last, Num)
    unit = Decimal((0, (1,), last.value.as_tuple().exponent))
    off = last.value + data.draw(st.sampled_from([unit, -unit]))
    printed = page(Line(Name("z"), (*chain[:-1], Num(off))))
    if redone(printed):
        assert problems(printed, "hand") != []


WRONG = [
    "z = 0.5(0.3) = 0.16",
    "z = 0.2345(0.5) = 0.1172",  # a tie, rounded to even
    "z = 1.0001(1.0001) = 1.0002",  # five digits
    r"z = \frac{1}{1 + e^{-0.40}} = \frac{1}{1 + 0.6704} = 0.5987",
    r"z = 0.1 + 0.2(0.3) = 0.1 + 0.06 + 0 = 0.16",
    r"z = 0.1 - (0.2 - 0.3) = 0.1 - 0.1 = 0",
    r"D = \begin{bmatrix}1&2\\3&4\end{bmatrix}\,\begin{bmatrix}1\\1\end{bmatrix}"
    r" = \begin{bmatrix}3\\8\end{bmatrix}",
    r"D = \begin{bmatrix}1&2\end{bmatrix} \odot \begin{bmatrix}3&4\end{bmatrix}"
    r" = \begin{bmatrix}3\\8\end{bmatrix}",
    r"z = \sum \begin{bmatrix}1&2\\3&4\end{bmatrix} = \begin{bmatrix}3\\7\end{bmatrix}",
]
RIGHT = [
    "z = 0.2345(0.5) = 0.1173",
    r"z = 0.1 - (0.2 - 0.3) = 0.1 - (-0.1) = 0.2",
    r"D = \begin{bmatrix}1&2\\3&4\end{bmatrix}\,\begin{bmatrix}1\\1\end{bmatrix}"
    r" = \begin{bmatrix}3\\7\end{bmatrix}",
    r"D = \begin{bmatrix}0.5\\2\end{bmatrix}\,\begin{bmatrix}3&4\end{bmatrix}"
    r" = \begin{bmatrix}1.5&2\\6&8\end{bmatrix}",
    r"D = -0.5\,\begin{bmatrix}3&4\end{bmatrix} = \begin{bmatrix}-1.5&-2\end{bmatrix}",
    r"D = \begin{bmatrix}0.12345\\2\end{bmatrix} \odot \begin{bmatrix}1\\0\end{bmatrix}"
    r" = \begin{bmatrix}0.1235\\0\end{bmatrix}",
    # Each product is rounded before it is added: 0.3333 + 0.3333, not 0.66664.
    r"D = \begin{bmatrix}0.33333&0.33333\end{bmatrix}\,\begin{bmatrix}1\\1\end{bmatrix}"
    r" = \begin{bmatrix}0.6666\end{bmatrix}",
    r"z = \sum \begin{bmatrix}1&2\\3&4\end{bmatrix} = \begin{bmatrix}4\\6\end{bmatrix}",
]


@pytest.mark.parametrize("line", WRONG)
def test_wrong_lines(line: str) -> None:
    assert problems(f"$$\n{line}\n$$\n", "hand") != []


@pytest.mark.parametrize("line", RIGHT)
def test_right_lines(line: str) -> None:
    assert problems(f"$$\n{line}\n$$\n", "hand") == []


def test_a_number_that_was_printed_otherwise_before_is_caught() -> None:
    right = "$$\na_{1} = 0.25\n$$\n\n$$\nz = 2a_{1} = 2(0.25) = 0.50\n$$\n"
    assert problems(right, "hand") == []
    wrong = re.sub(r"a_\{1\} = 0.25", "a_{1} = 0.26", right)
    (problem,) = problems(wrong, "hand")
    assert problem.startswith("a_1 was 0.26, and is put in as 0.25")
