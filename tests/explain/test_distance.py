"""How far a page's numbers are from an independent reference, in exact mode and float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import gobhir
from gobhir.derivation.expression import Num
from gobhir.derivation.step import Line
from gobhir.examples import network
from gobhir.explain.recording import record_step
from gobhir.explain.terms import of_gradient
from gobhir.explain.trace import Place, Trace
from gobhir.lift.torch_replay import gradients
from tests.explain.test_explain import drawn_network

pytestmark = pytest.mark.slow

MOST = 1e-9
"""The largest distance, in parts of the largest summand."""


def drawn(options):
    if options["loss"] == "bce":
        options["activation"] = "sigmoid"
    return network(**options)


def largest_summand(line: Line) -> float:
    sizes = [
        abs(float(v))
        for stage in line.stages
        for n in stage.walk()
        if isinstance(n, Num)
        for v in np.ravel(n.value)
    ]
    return max([*sizes, 1e-300])


@settings(max_examples=30, deadline=None)
@given(drawn_network)
def test_every_line_in_full_precision_is_the_engines_float64(options) -> None:
    e = drawn(options)
    page = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, mode="exact", reference="torch")
    known = 0
    # NAdam keeps the product of its mu in float32, as PyTorch does.
    most = 1e-7 if options["optimizer"] == "nadam" else MOST
    for step in page.steps:
        for line in step.lines:
            if line.error is not None and np.isfinite(line.error):
                assert line.error <= most * largest_summand(line), (step.id, line.error)
                known += 1
        errors = [line.error for line in step.lines if line.error is not None]
        assert not errors or step.error == pytest.approx(max(errors))
    assert known >= 4


@settings(max_examples=30, deadline=None)
@given(drawn_network)
def test_every_gradient_is_pytorchs(options) -> None:
    e = drawn(options)
    run = record_step(e.model, e.x, e.y, e.loss, e.optimizer)
    trace = Trace(run)
    theirs = gradients(run.tape, run.loss, list(run.parameters))
    assert theirs is not None
    for t, reference in theirs.items():
        ours = trace.gradient(t)
        assert ours is not None
        for index in np.ndindex(*ours.shape):
            size = of_gradient(trace, Place(t, index)).size
            assert abs(ours[index] - reference[index]) <= MOST * max(size, 1e-300)


def test_the_distances_are_shown_on_demand(capsys) -> None:
    page = gobhir.explain("4-4-1", mode="exact")
    page.show("en")
    assert "from the reference" not in capsys.readouterr().out
    page.show("en", errors=True)
    told = capsys.readouterr().out
    lines = [line for s in page.steps for line in s.lines if line.error is not None]
    assert told.count("apart from the reference by") == len(lines) > 5
    page.show("bn", errors=True)
    assert "নির্ভরমান" in capsys.readouterr().out
