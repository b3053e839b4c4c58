"""Error messages that draw the shapes and mark the sizes that do not fit."""

from __future__ import annotations

from typing import Any

import pytest

import gobhir
from gobhir.engine.drawing import clash, marked


def test_marked() -> None:
    assert marked((2, 3), -1) == "(2, [3])"
    assert marked((2, 3), 0, 1) == "([2], [3])"
    assert marked((), -1) == "()"


def test_clash_lines_up_at_the_right() -> None:
    assert clash((2, 3), (4, 1, 2)) == {"x": "   (2, [3])", "y": "(4, 1, [2])"}
    assert clash((5, 1), (3, 4)) == {"x": "([5], 1)", "y": "([3], 4)"}


@pytest.mark.parametrize(
    ("wrong", "lines"),
    [
        (lambda t: t.ones(2, 3) + t.ones(2), ["    (2, [3])", "       ([2])"]),
        (lambda t: t.ones(2, 3) @ t.ones(2, 4), ["    (2, [3]) @ ([2], 4)"]),
        (lambda t: t.ones(2, 3) @ t.ones(2), ["    (2, [3]) @ ([2])"]),
        (lambda t: t.ones(5, 2, 3) @ t.ones(4, 3, 2), ["    ([5])", "    ([4])"]),
        (lambda t: t.ones(2, 3) < t.ones(4), ["    (2, [3])", "       ([4])"]),
        (
            lambda t: t.nn.functional.linear(t.ones(2, 3), t.ones(1, 4)),
            ["    input   (2, [3])", "    weight  (1, [4])"],
        ),
    ],
)
def test_drawn(wrong: Any, lines: list[str]) -> None:
    with pytest.raises(RuntimeError) as caught:
        wrong(gobhir)
    text = caught.value.args[0].text("en").split("\n")
    assert [line for line in text if line.startswith("    ")] == lines
    assert len(caught.value.args[0].text("bn").split("\n")) == len(text)
