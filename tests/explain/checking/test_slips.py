"""Every slip on drawn networks: a program with the mistake in it gets that message, the right one
none. The programs are student.py's, which knows nothing of the rules that `check` bends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import gobhir
from gobhir import examples
from gobhir.explain.checking.check import Report
from tests.explain.student import MISTAKES, Student

TWINS = {
    "no_mean": {"factor_two"},  # of two
    "factor_two": {"no_mean"},
    "no_slope": {"other_slope"},  # a ReLU's, where the unit is alive
    "no_activation": {"other_activation"},
    "other_activation": {"no_activation"},
}
"""Slips that numbers alone cannot always tell apart."""


@st.composite
def networks(draw: Any) -> tuple[examples.Example, str, str]:
    """A small network of the course: sizes, activation, loss, one example or three."""
    sizes = draw(st.sampled_from(["2-2-1", "2-2-2", "2-3-2", "2-2-2-1"]))
    activation = draw(st.sampled_from(["sigmoid", "tanh", "relu"]))
    loss = draw(st.sampled_from(["half", "mse", "cross_entropy"]))
    batch = draw(st.sampled_from([1, 2]))
    if sizes.endswith("-1") and loss == "cross_entropy":
        loss = "half"
    seed = draw(st.integers(0, 10_000))
    return examples.network(sizes, activation, loss, batch=batch, seed=seed), activation, loss


def student(drawn: tuple[examples.Example, str, str], mistake: str = "") -> Student:
    e, activation, loss = drawn
    parameters = [np.asarray(p.detach().numpy(), float) for p in e.model.parameters()]
    x, y = np.atleast_2d(e.x.numpy()), np.asarray(e.y.numpy())
    y = y.reshape(-1) if loss == "cross_entropy" else np.atleast_2d(y)
    return Student(parameters[::2], parameters[1::2], x, y, activation, loss, 0.5, mistake)


def written(paper: dict[str, np.ndarray], digits: int) -> dict[str, Any]:
    """The numbers as they are put on paper."""

    def put(v: float) -> str:
        v = 0.0 if abs(v) < 1e-12 else v  # what is 0 but for the machine's rounding
        return f"{v:#.{digits}g}" if v else "0"

    return {name: np.vectorize(put, otypes=[object])(v).tolist() for name, v in paper.items()}


def checked(drawn: tuple[examples.Example, str, str], paper: dict[str, np.ndarray]) -> Report:
    e = drawn[0]
    answers = written(paper, 6)
    shaped = {k: np.squeeze(np.array(v, object)).tolist() for k, v in answers.items()}
    return gobhir.check(
        {k: answers[k] if k.startswith(("w", "dw")) else v for k, v in shaped.items()},
        e.model, e.x, e.y, e.loss, e.optimizer,
    )  # fmt: skip


def same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> bool:
    return all(np.allclose(a[k], b[k], rtol=1e-4, atol=1e-12) for k in a)


@given(networks())
@settings(max_examples=8)
def test_a_right_calculation_gets_no_message(drawn: Any) -> None:
    report = checked(drawn, student(drawn).work())
    assert report.right and not report.slips
    assert {m.status for m in report.marks} == {"right"}
    assert report.points == len(report.marks)


@pytest.mark.parametrize("mistake", MISTAKES)
@given(drawn=networks())
@settings(max_examples=3)
def test_a_wrong_calculation_gets_its_message(mistake: str, drawn: Any) -> None:
    right, wrong = student(drawn).work(), student(drawn, mistake).work()
    report = checked(drawn, wrong)
    if same(right, wrong):  # the mistake changes nothing here
        assert report.right
        return
    # What the rounding to six digits hides cannot be found.
    assume(any(np.any(~np.isclose(right[k], wrong[k], rtol=0.02, atol=1e-4)) for k in right))
    alike = {mistake} | TWINS.get(mistake, set())
    assert not alike.isdisjoint(report.slips)
    # Round numbers coincide: by chance one of them comes out by another slip too. Not most.
    later = [m for m in report.marks if m.status == "wrong"]
    named = sum(not alike.isdisjoint({g.name for g in m.guesses}) for m in later)
    assert named >= 0.6 * len(later)
