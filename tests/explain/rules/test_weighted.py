"""Products of matrices on a page, where one example is a column and not a row: the page's numbers,
worked out from the printed formulas, are the engine's."""

from __future__ import annotations

from typing import Any

import pytest

import gobhir
from gobhir import nn
from tests.explain.agreement import check


class Product(nn.Module):
    """a @ b of two parameters, each as it is or squashed (and so a quantity of its own)."""

    def __init__(self, a: tuple[int, ...], b: tuple[int, ...], squashed: str):
        super().__init__()
        self.a, self.b = nn.Parameter(gobhir.randn(a)), nn.Parameter(gobhir.randn(b))
        self.squashed = squashed

    def forward(self, x: Any) -> Any:
        a = self.a.sigmoid() if "a" in self.squashed else self.a
        b = self.b.sigmoid() if "b" in self.squashed else self.b
        return a @ b


class ByHand(nn.Module):
    """A layer as people first write it, and its outputs' products with each other."""

    def __init__(self, inner: bool):
        super().__init__()
        self.w = nn.Parameter(gobhir.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]))
        self.bias = nn.Parameter(gobhir.tensor([0.1, -0.2, 0.3]))
        self.inner = inner

    def forward(self, x: Any) -> Any:
        h = x @ self.w + self.bias
        return h @ h.t() if self.inner else h.t() @ h


SHAPES = [
    ((1, 1), (1, 1)), ((1, 3), (3, 2)), ((3,), (3, 2)), ((1, 3), (3,)), ((2, 3), (3,)),
    ((2, 1), (1, 3)), ((2, 1), (1,)), ((1, 1), (1, 3)), ((1,), (1, 3)), ((2, 3), (3, 1)),
    ((3,), (3,)),
]  # fmt: skip


@pytest.mark.parametrize("squashed", ["", "a", "b", "ab"])
@pytest.mark.parametrize(("a", "b"), SHAPES)
def test_of_every_shape(a: tuple[int, ...], b: tuple[int, ...], squashed: str) -> None:
    gobhir.manual_seed(0)
    check(Product(a, b, squashed), gobhir.ones(1))


@pytest.mark.parametrize("inner", [True, False])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_layer_by_hand(batch: int, inner: bool) -> None:
    check(ByHand(inner), gobhir.tensor([[0.5, -1.0], [1.0, 2.0]])[:batch])
