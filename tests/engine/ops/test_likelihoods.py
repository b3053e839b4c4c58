"""Negative log-probabilities against PyTorch: options, reductions, gradients, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers, same
from tests.nn.states import refused_alike

REDUCTIONS = ["mean", "sum", "none"]


def compare(name: str, inputs: list[np.ndarray], *others: Any, **options: Any) -> None:
    """With the same constants on both sides."""

    def loss(t: Any) -> Any:
        function = getattr(t.nn.functional, name)
        given = [t.from_numpy(a) if isinstance(a, np.ndarray) else a for a in others]
        named = {k: t.from_numpy(a) if isinstance(a, np.ndarray) else a for k, a in options.items()}
        return lambda *x: function(*x, *given, **named)

    check(loss(gobhir), loss(torch), inputs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("shape", [(4, 3), (3,), (2, 3, 4), (2, 3, 4, 2)])
def test_nll(reduction: str, shape: tuple) -> None:
    rng = np.random.default_rng(1)
    y = np.asarray(rng.integers(0, 3, shape[:1] + shape[2:] if len(shape) > 1 else ()))
    s, weight = numbers(2, shape), rng.uniform(0.5, 2, 3)
    compare("nll_loss", [s], y, reduction=reduction)
    compare("nll_loss", [s], y, weight, reduction=reduction)
    if len(shape) > 1:
        y.reshape(-1)[0] = 2
        compare("nll_loss", [s], y, ignore_index=2, reduction="sum")
        y.reshape(-1)[0] = -100
        compare("nll_loss", [s], y, weight, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("log_input", [True, False])
@pytest.mark.parametrize("full", [True, False])
def test_poisson(reduction: str, log_input: bool, full: bool) -> None:
    x = numbers(2, (3, 4)) if log_input else numbers(2, (3, 4), low=0.1)
    options = {"log_input": log_input, "full": full, "reduction": reduction}
    for shape in ((3, 4), (4,)):
        compare("poisson_nll_loss", [x, numbers(5, shape, low=0.2, high=5)], **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("full", [True, False])
def test_gaussian(reduction: str, full: bool) -> None:
    p, y, var = numbers(2, (3, 4)), numbers(5, (3, 4)), numbers(8, (3, 4), low=0.1)
    options = {"full": full, "reduction": reduction}
    for v in (var, var[:, :1], var[:, 0]):
        compare("gaussian_nll_loss", [p, y, v], **options)
    compare("gaussian_nll_loss", [p, y], 0.5, **options)


def test_a_tiny_variance_counts_as_eps() -> None:
    p, y = numbers(2, (3, 4)), numbers(5, (3, 4))
    options = {"eps": 0.01}
    compare("gaussian_nll_loss", [p, y], np.full((3, 4), 1e-9), **options)


def modules(t: Any) -> list[tuple[Any, Any]]:
    """Each with other settings than the defaults, and what it is asked."""
    s, y = t.tensor([[0.5, -1.0, 2.0]]), t.tensor([2])
    a, b = t.tensor([0.5, 2.0]), t.tensor([1.0, 3.0])
    return [
        (t.nn.NLLLoss(t.tensor([1.0, 2, 3]), ignore_index=1, reduction="sum"), (s, y)),
        (t.nn.PoissonNLLLoss(False, True, eps=0.1, reduction="none"), (a, b)),
        (t.nn.GaussianNLLLoss(full=True, eps=0.1, reduction="sum"), (a, b, a)),
        (
            t.nn.CTCLoss(2, "sum", True),
            (s.log_softmax(1).reshape(1, 1, 3), t.tensor([[1]]), t.tensor([1]), t.tensor([1])),
        ),
    ]


def test_modules() -> None:
    for (mine, given), (theirs, wanted) in zip(modules(gobhir), modules(torch), strict=True):
        assert repr(mine) == repr(theirs)
        same(mine(*given), theirs(*wanted))


S, Y = (3, 4), [0, 1, 3]
REFUSED: dict[str, Any] = {
    "label": lambda t: t.nn.functional.nll_loss(t.zeros(*S), t.tensor([0, 1, 4])),
    "labels": lambda t: t.nn.functional.nll_loss(t.zeros(*S), t.tensor([0, 1])),
    "labels floating": lambda t: t.nn.functional.nll_loss(t.zeros(*S), t.tensor([0.0, 1, 3])),
    "scores whole": lambda t: t.nn.functional.nll_loss(t.zeros(*S, dtype=t.int64), t.tensor(Y)),
    "a number": lambda t: t.nn.functional.nll_loss(t.zeros(()), t.tensor(0)),
    "class weights": lambda t: t.nn.functional.nll_loss(t.zeros(*S), t.tensor(Y), t.ones(3)),
    "reduction": lambda t: t.nn.functional.nll_loss(t.zeros(*S), t.tensor(Y), reduction="max"),
    "poisson shapes": lambda t: t.nn.functional.poisson_nll_loss(t.zeros(*S), t.ones(2)),
    "poisson reduction": lambda t: t.nn.functional.poisson_nll_loss(
        t.zeros(2), t.ones(2), reduction="max"
    ),
    "variance": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(2), t.ones(2), -t.ones(2)),
    "variance a number": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(2), t.ones(2), -1.0),
    "variance whole": lambda t: t.nn.functional.gaussian_nll_loss(t.ones(2), t.ones(2), 1),
    "variance shape": lambda t: t.nn.functional.gaussian_nll_loss(
        t.zeros(*S), t.zeros(*S), t.ones(2)
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])
