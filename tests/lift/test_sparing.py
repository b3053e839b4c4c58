"""A step of very many parameters: the same numbers, worked out when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from gobhir.explain.explanation import explained
from gobhir.explain.lifted import only_step
from gobhir.lift import lifting, sparing
from gobhir.lift.sparing import SparingTape
from gobhir.lift.torch_watch import TorchWatch
from gobhir.lift.trace import Backward, Stepped
from tests.lift.networks import NETWORKS


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def watched(name: str, optimizer: str, watch: Any, clip: float | None = None) -> Any:
    make, batch, loss_of = NETWORKS[name]
    model = make()
    x, y = batch()
    stepping = getattr(torch.optim, optimizer)(model.parameters(), lr=0.01)
    for k in range(2):
        with watch(model) if k else TorchWatch() as seen:
            stepping.zero_grad()
            loss_of(model(x), y).backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            stepping.step()
    return seen


@pytest.mark.parametrize("name", ["mlp", "resnet", "lstm", "encoder"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_nothing_is_another_number(
    name: str, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = watched(name, optimizer, TorchWatch, 0.1 if name == "mlp" else None)
    run = only_step(seen.trace)
    usual = explained(run, folded=True)
    monkeypatch.setattr(lifting, "MANY", 0)
    monkeypatch.setattr(sparing, "PIECE", 100)
    run = only_step(seen.trace)
    spared = explained(run, folded=True)
    assert usual.to_text("en") == spared.to_text("en")
    one, other = usual.trace, spared.trace
    assert isinstance(other.tape, SparingTape) and one.of_name.keys() == other.of_name.keys()
    for path, t in one.of_name.items():
        there = other.of_name[path]
        g, h = one.gradient(t), other.gradient(there)
        assert (g is None) == (h is None)
        np.testing.assert_array_equal(one.value(t), other.value(there))
        if g is not None:
            np.testing.assert_array_equal(g, h)
        if t in one.updates:
            u, v = one.updates[t], other.updates[there]
            np.testing.assert_array_equal(u.grad, v.grad)
            assert u.rule == v.rule and u.hyper == v.hyper and u.before.keys() == v.before.keys()
            for mine, theirs in ((u.before, v.before), (u.after, v.after)):
                assert all(np.array_equal(mine[k], theirs[k]) for k in mine)
        assert usual.why(path).to_text("en") == spared.why(path).to_text("en")
    assert all(t.grad is None for t in spared.run.parameters)


def test_whoever_wants_everything_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched("mlp", "Adam", TorchWatch)
    usual = explained(only_step(seen.trace), folded=False).to_text("en")
    monkeypatch.setattr(lifting, "MANY", 0)
    assert explained(only_step(seen.trace), folded=False).to_text("en") == usual


@pytest.mark.parametrize("kind", ["Adam", "Rprop", "Adafactor"])
def test_some_of_an_update_are_the_numbers_of_all(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an optimizer looks at all numbers together, or has no rule here."""
    monkeypatch.setattr(lifting, "MANY", 0)
    for u in only_step(watched("mlp", kind, TorchWatch).trace).tape.updates:
        last = tuple(n - 1 for n in u.parameter.shape)
        some, one = u.part(slice(1, 4)), u.at(last)
        assert some.rule == u.rule and some.hyper == u.hyper
        for kept, part, end in (
            (u.before, some.before, one.before),
            (u.after, some.after, one.after),
        ):
            assert kept.keys() == part.keys() == end.keys() and "w" in kept
            for name, whole in kept.items():
                np.testing.assert_array_equal(whole.reshape(-1)[1:4], part[name])
                assert whole[last] == end[name][0]


def test_what_is_kept_of_a_step_is_kept_once() -> None:
    """Of each parameter: before, the gradient, and after."""
    trace = watched("mlp", "Adam", TorchWatch).trace
    parameters = sum(1 for _ in NETWORKS["mlp"][0]().parameters())
    kept = set()
    for event in trace.events:
        if isinstance(event, Backward):
            kept |= {g.read for _, g in event.found.values()} | {p.read for p in event.found}
        elif isinstance(event, Stepped):
            for c in event.changes:
                kept |= {v.read for v in (c.parameter, c.before, c.grad, c.after)}
    assert len(kept) == 3 * parameters


def test_a_page_of_many_parameters_keeps_none_of_them() -> None:
    import tracemalloc

    n = 1_100
    model = torch.nn.Sequential(torch.nn.Linear(n, n), torch.nn.ReLU(), torch.nn.Linear(n, 2))
    many = n * n
    assert many > lifting.MANY
    with TorchWatch(model) as seen:
        model(torch.randn(2, n)).sum().backward()
    tracemalloc.start()
    try:
        (lifted,) = lifting.lift(seen.trace)
        lifted.tape.read = lifted.tape.received = type(lifted.tape.read)(0)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert kept < many  # bytes: an eighth of one copy in float64
