"""L-BFGS beside PyTorch, evaluation by evaluation, and its line search by its conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.optim.line_search import ENOUGH_DOWN, ENOUGH_GENTLE, Point, strong_wolfe

OPTIONS: list[dict[str, Any]] = [
    {"lr": 0.01},
    {"lr": 0.1, "max_iter": 4, "history_size": 2},
    {"lr": 0.5, "max_iter": 6, "max_eval": 3},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7},
    {"line_search_fn": "strong_wolfe", "lr": 5, "max_eval": 3},
    {"tolerance_grad": 1.0},
    {"lr": 0.1, "tolerance_change": 1e-2},
]


def valley(t: Any, x: Any) -> Any:
    """Rosenbrock's function: its minimum, at ones, lies in a long bent valley."""
    return ((1 - x[:-1]) ** 2 + 100 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def bowl(t: Any, x: Any) -> Any:
    return (x * t.tensor([1.0, 2.0, 3.0, 4.0], dtype=x.dtype) ** 2 * x).sum() + x.sum()


def run(t: Any, loss: Callable[..., Any], options: dict[str, Any], steps: int = 3) -> Any:
    x = t.nn.Parameter(t.tensor([-1.2, 1.0, 0.5, 2.0], dtype=t.float64))
    unused = t.nn.Parameter(t.ones(2, dtype=t.float64))
    optimizer = t.optim.LBFGS([x, unused], **options)
    seen: list[float] = []

    def closure() -> Any:
        optimizer.zero_grad()
        value = loss(t, x)
        value.backward()
        seen.append(value.item())
        return value

    returned = [optimizer.step(closure).item() for _ in range(steps)]
    return x, optimizer, seen, returned, closure, unused


@pytest.mark.parametrize("loss", [valley, bowl])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_as_pytorch(loss: Callable[..., Any], options: dict[str, Any]) -> None:
    mine, theirs = run(gobhir, loss, options), run(torch, loss, options)
    assert repr(mine[1]) == repr(theirs[1])
    assert len(mine[2]) == len(theirs[2])
    np.testing.assert_allclose(mine[2], theirs[2], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(mine[3], theirs[3], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(mine[0].tolist(), theirs[0].tolist(), rtol=1e-6)
    assert mine[5].tolist() == [1, 1]
    own, want = mine[1].state[mine[0]], theirs[1].state[theirs[0]]
    assert set(want) - set(own) <= {"al"}  # scratch memory of PyTorch
    for key in ("n_iter", "func_evals"):
        assert own[key] == want[key]


def test_finds_the_bottom_of_the_valley() -> None:
    x, *_ = run(gobhir, valley, {"line_search_fn": "strong_wolfe"}, steps=5)
    np.testing.assert_allclose(x.tolist(), [-0.7757, 0.6131, 0.3821, 0.1460], atol=1e-4)


@pytest.mark.parametrize("options", [OPTIONS[1], OPTIONS[3]], ids=str)
def test_goes_on_from_pytorchs_state(options: dict[str, Any]) -> None:
    theirs, mine = run(torch, valley, options, 2), run(gobhir, valley, options, 1)
    with gobhir.no_grad():
        mine[0].copy_(gobhir.tensor(theirs[0].detach().numpy()))
    mine[1].load_state_dict(theirs[1].state_dict())
    for _ in range(3):
        mine[1].step(mine[4])
        theirs[1].step(theirs[4])
    np.testing.assert_allclose(mine[0].tolist(), theirs[0].tolist(), rtol=1e-6)


REFUSED: dict[str, Callable[[Any, Any, Any], Any]] = {
    "two groups": lambda t, a, b: t.optim.LBFGS([{"params": [a]}, {"params": [b]}]),
    "lr": lambda t, a, b: t.optim.LBFGS([a], lr=-1),
    "line search": lambda t, a, b: t.optim.LBFGS([a], line_search_fn="x").step(
        lambda: (a**2).sum().backward() or (a**2).sum()
    ),
    "no closure": lambda t, a, b: t.optim.LBFGS([a]).step(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    with pytest.raises((ValueError, RuntimeError, TypeError)) as theirs:
        REFUSED[name](torch, *(torch.nn.Parameter(torch.ones(1)) for _ in range(2)))
    with pytest.raises(theirs.type):
        REFUSED[name](gobhir, *(gobhir.nn.Parameter(gobhir.ones(1)) for _ in range(2)))


@pytest.mark.parametrize("first", [1e-3, 0.1, 1.0, 7.0, 100.0])
@pytest.mark.parametrize("shape", ["quartic", "waves", "far"])
def test_the_line_search_keeps_its_word(first: float, shape: str) -> None:
    value, slope = {
        "quartic": (lambda x: x**4 - 3 * x, lambda x: 4 * x**3 - 3),
        "waves": (lambda x: np.sin(3 * x) + x**2 / 9, lambda x: 3 * np.cos(3 * x) + 2 * x / 9),
        "far": (lambda x: np.sqrt(1 + (x - 40) ** 2), lambda x: (x - 40) / np.hypot(1, x - 40)),
    }[shape]
    at = -0.7 if shape == "quartic" else 1.0
    direction = np.array([-np.sign(slope(at))])
    evaluations: list[float] = []

    def evaluate(t: Any) -> tuple[float, np.ndarray]:
        evaluations.append(t)
        x = at + t * direction[0]
        return float(value(x)), np.array([slope(x)])

    start = Point(0, float(value(at)), np.array([slope(at)]), slope(at) * direction[0])
    end, count = strong_wolfe(evaluate, start, first, direction, 25)
    assert count == len(evaluations) <= 26
    assert end.loss <= start.loss + ENOUGH_DOWN * end.t * start.slope
    assert abs(end.slope) <= ENOUGH_GENTLE * abs(start.slope)
