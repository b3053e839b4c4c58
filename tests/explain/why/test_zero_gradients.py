"""Why a gradient is zero, or missing: each reason on a network made for it, and on no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.step import Say
from gobhir.explain.explanation import explained
from tests.explain.networks import recorded

X = gobhir.tensor([[1.0, 2.0], [0.5, 1.0], [2.0, 0.25]]).double()
Y = gobhir.tensor([[1.0], [0.0], [2.0]]).double()


def linear(weights: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weights[0]), len(weights)).double()
    with gobhir.no_grad():
        layer.weight.copy_(gobhir.tensor(weights))
        layer.bias.copy_(gobhir.tensor(bias))
    return layer


def bent(activation: nn.Module, bias: list[float]) -> nn.Module:
    """Two hidden units of which the bias decides."""
    first = linear([[0.5, -0.3], [0.2, 0.4]], bias)
    return nn.Sequential(first, activation, linear([[0.7, -0.6]], [0.1]))


class Cut(nn.Module):
    """A layer whose result goes through `how` before the next takes it."""

    def __init__(self, how: Callable[[Any], Any]) -> None:
        super().__init__()
        self.first, self.last = linear([[0.5, 0.3]], [0.1]), linear([[0.7]], [0.1])
        self.how = how

    def forward(self, x: Any) -> Any:
        return self.last(self.how(self.first(x)))


class Spare(Cut):
    """A layer that is there but not used, and one whose result goes nowhere."""

    def __init__(self) -> None:
        super().__init__(lambda h: h)
        self.unused, self.aside = linear([[1.0]], [0.0]), linear([[1.0]], [0.0])

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        self.aside(h)
        return self.last(h)


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.out = nn.Embedding(4, 2).double(), linear([[0.7, 0.2]], [0.1])

    def forward(self, x: Any) -> Any:
        return self.out(self.embed(x).mean(1))


def without_history(h: Any) -> Any:
    with gobhir.no_grad():
        return h * 2.0


def frozen() -> nn.Module:
    model = Cut(lambda h: h)
    model.first.weight.requires_grad_(False)
    return model


def reasons(model: nn.Module, asked: str, x: Any = X, y: Any = Y) -> list[str]:
    page = gobhir.explain(model, x, y, nn.MSELoss(), mode="exact")
    told = page.why(asked)
    assert told.to_text("bn") and told.to_markdown("en")
    said = [p for s in told.steps for p in s.pieces if isinstance(p, Say)]
    return [s.key.removeprefix("rules.closed.") for s in said if s.key.startswith("rules.closed.")]


def drop_all() -> nn.Module:
    return nn.Sequential(linear([[0.5, 0.3]], [0.1]), nn.Dropout(1.0), linear([[0.7]], [0.1]))


def pooled() -> nn.Module:
    """Windows of two hidden units, of which the first is always larger."""
    first = linear([[0.5, 0.3], [0.5, 0.3]], [5.0, -5.0])
    pool = nn.Sequential(nn.Unflatten(1, (1, 2)), nn.MaxPool1d(2), nn.Flatten())
    return nn.Sequential(first, pool, linear([[0.7]], [0.1]))


CASES: dict[str, tuple[Callable[[], nn.Module], str, str]] = {
    "dead for the whole batch": (lambda: bent(nn.ReLU(), [-9, 9]), "0.weight[0, 1]", "dead_batch"),
    "dead, asked at an example": (lambda: bent(nn.ReLU(), [-9, 9]), "0.grad[1, 0]", "dead_batch"),
    "dead for this example": (lambda: bent(nn.ReLU(), [-0.3, 9]), "0.grad[0, 0]", "dead_example"),
    "saturated without a slope": (
        lambda: bent(nn.Sigmoid(), [900, 0]), "0.bias[0]", "saturated_flat",
    ),
    "saturated": (lambda: bent(nn.Tanh(), [4, 0]), "0.bias[0]", "saturated"),
    "detached": (lambda: Cut(lambda h: h.detach()), "first.weight[0, 1]", "detached"),
    "detached later": (lambda: Cut(lambda h: h.tanh().detach()), "first.bias", "detached"),
    "no_grad": (lambda: Cut(without_history), "first.weight[0, 0]", "no_grad"),
    "a comparison": (lambda: Cut(lambda h: (h > 0).double()), "first.bias", "not_for_loss"),
    "frozen": (frozen, "first.weight[0, 0]", "frozen"),
    "unused": (Spare, "unused.weight[0, 0]", "unused"),
    "not for the loss": (Spare, "aside.bias", "not_for_loss"),
    "dropped": (drop_all, "0.weight[0, 0]", "dropped"),
    "not the largest": (pooled, "0.bias[1]", "not_largest"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_reason_is_told(name: str) -> None:
    network, asked, reason = CASES[name]
    assert reasons(network(), asked) == [reason]


def test_a_row_that_was_never_looked_up() -> None:
    x = gobhir.tensor([[0, 1], [1, 3], [0, 0]])
    assert reasons(Words(), "embed.weight[2, 1]", x) == ["never_drawn"]
    assert reasons(Words(), "embed.weight[3, 1]", x) == []


def test_an_input_that_is_zero_in_every_example() -> None:
    x = gobhir.tensor([[0.0, 2.0], [0.0, 1.0], [0.0, 0.25]]).double()
    assert reasons(bent(nn.Tanh(), [0, 0]), "0.weight[0, 0]", x) == ["input_zero"]


def test_an_answer_that_is_exactly_right() -> None:
    model = bent(nn.Tanh(), [0, 0])
    assert reasons(model, "0.weight[0, 0]", X, model(X).detach()) == ["loss"]


def test_an_open_unit_of_a_network_with_a_dead_one_has_no_such_reason() -> None:
    assert reasons(bent(nn.ReLU(), [-9, 9]), "0.weight[1, 1]") == []


def test_a_dead_unit_of_one_example_alone() -> None:
    model = bent(nn.ReLU(), [-9, 9])
    assert reasons(model, "0.weight[0, 1]", X[:1], Y[:1]) == ["dead_one"]


@pytest.mark.parametrize("name", ["plain", "lenet", "lstm", "painting"])
def test_a_gradient_that_is_not_zero_has_no_reason_to_be(name: str) -> None:
    page = explained(recorded(name), folded=True)
    for path in page.run.parameters.values():
        told = page.why(path)  # of each the greatest gradient
        keys = {p.key for s in told.steps for p in s.pieces if isinstance(p, Say)}
        assert not {k for k in keys if k.startswith("rules.closed.")}


def test_what_the_input_is_not_asked_for() -> None:
    assert reasons(bent(nn.Tanh(), [0, 0]), "x.grad[0, 0]") == ["given"]
