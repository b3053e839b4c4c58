"""How far a page's numbers are from an independent reference, in exact mode and float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gobhir
from gobhir.derivation.expression import Num
from gobhir.derivation.step import Fold, Line
from gobhir.engine import OPS
from gobhir.examples import network
from gobhir.explain.recording import record_step
from gobhir.explain.why.terms import of_gradient
from gobhir.explain.why.trace import Place, Trace
from gobhir.lift.torch_replay import gradients
from tests.explain.test_explain import drawn_network
from tests.lift.networks import NETWORKS

pytestmark = pytest.mark.slow

MOST = 1e-9
"""The largest distance, in parts of the largest summand."""


def drawn(options):
    if options["loss"] == "bce":
        options["activation"] = "sigmoid"
    return network(**options)


def lines_of(pieces) -> Iterator[Line]:
    for p in pieces:
        if isinstance(p, Fold):
            yield from lines_of(p.pieces)
        elif isinstance(p, Line):
            yield p


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


@pytest.mark.parametrize("name", NETWORKS)
def test_every_number_of_a_pytorch_step_is_pytorchs_in_float64(name: str) -> None:
    torch.manual_seed(1)
    make, batch, loss = NETWORKS[name]
    model = make()
    optimizer = torch.optim.Adam(model.parameters())
    page = gobhir.explain(model, *batch(), loss, optimizer, mode="exact", folded=False)
    r = page.reading
    assert r.by_pytorch
    assert all(q.reference is not None for q in (*r.computed, *r.pulled))
    assert set(r.updated) == {u.parameter for u in r.run.tape.updates}
    known = 0
    for step in page.steps:
        lines = [line for line in lines_of(step.pieces) if line.error is not None]
        # A bias in front of a batch norm has a gradient of nothing but rounding.
        scale = max(map(largest_summand, lines), default=1.0)
        assert all(line.error <= MOST * scale for line in lines), step.id
        assert not lines or step.error >= max(line.error for line in lines)
        known += len(lines)
    assert known > 20


@settings(max_examples=20, deadline=None)
@given(drawn_network)
def test_a_step_in_float32_is_worked_out_in_float64(options) -> None:
    e = drawn(options)
    e.model.float()
    e = replace(e, x=e.x.float(), y=e.y if e.y.dtype.kind != "f" else e.y.float())
    before = [p.detach().clone() for p in e.model.parameters()]
    page = gobhir.explain(e.model, e.x, e.y, e.loss, e.optimizer, mode="exact")
    whole = [line for s in page.steps for line in lines_of(s.pieces) if line.error is not None]
    for step in page.steps:
        lines = [line for line in lines_of(step.pieces) if line.error is not None]
        # Of all parameters at once only the result is written, and -0.1 + 0.1 has summands, too.
        of = whole if step.phase == "update" else lines
        scale = max(map(largest_summand, of), default=1.0)
        # NAdam keeps the product of its mu in float32, as PyTorch does.
        most = 1e-7 if options["optimizer"] == "nadam" else MOST
        assert all(line.error <= most * scale for line in lines if np.isfinite(line.error))
    assert all(p.dtype == gobhir.float32 for p in e.model.parameters())
    for p, b in zip(e.model.parameters(), before, strict=True):
        assert np.array_equal(p.detach().numpy(), b.numpy())


def test_it_would_notice_a_wrong_number(monkeypatch) -> None:
    page = gobhir.explain("4-4-1", mode="exact")
    assert max(s.error or 0 for s in page.steps) < 1e-15
    monkeypatch.setitem(OPS["sigmoid"].pullbacks, "z", lambda da, a, z: da * a * (1 - a) * 1.001)
    page = gobhir.explain("4-4-1", mode="exact")
    assert max(s.error or 0 for s in page.steps if s.phase == "backward") > 1e-6


def test_the_distances_are_shown_on_demand(capsys) -> None:
    page = gobhir.explain("4-4-1", mode="exact")
    page.show("en")
    assert "from the reference" not in capsys.readouterr().out
    page.show("en", errors=True)
    told = capsys.readouterr().out
    lines = [line for s in page.steps for line in s.lines if line.error is not None]
    assert told.count("apart from the reference by") == len(lines) > 5
    page.show("bn", errors=True)
    assert "রেফারেন্স" in capsys.readouterr().out
