"""A batch of one is a column on the page, and a single number a number: whatever an op makes of
rows, columns and corners, the page's numbers are the engine's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import gobhir
from gobhir import nn
from tests.explain.agreement import check

linear = nn.functional.linear
OPS: dict[str, Callable[[Any], Any]] = {
    "a column": lambda h: h[:, 0],
    "a column kept": lambda h: h[:, :1],
    "a corner": lambda h: h[0, 0],
    "a row": lambda h: h[0],
    "a column times all": lambda h: h[:, :1] * h,
    "transposed": lambda h: h.t() + h[:, :1].t(),
    "sums of columns": lambda h: h.sum(0) * h,
    "sums of rows": lambda h: h * h.sum(1, keepdim=True),
    "centred": lambda h: h - h.mean(-1, keepdim=True),
    "softmax of columns": lambda h: h.t().softmax(0),
    "one long row": lambda h: h.reshape(1, -1) * 2,
    "one long column": lambda h: h.reshape(-1, 1) * h.sum(),
    "spread over rows": lambda h: h[:1].expand(3, 3),
    "times a matrix": lambda h: h[:1] * gobhir.tensor([[1.0], [2.0], [3.0]]),
    "a layer on a column": lambda h: linear(h[:, :1], gobhir.tensor([[0.5], [2.0]])),
    "a layer on a row": lambda h: linear(h[0], gobhir.full((2, 3), 0.5)),
    "a layer on columns": lambda h: linear(h.t(), gobhir.full((2, h.shape[0]), 0.5)),
    "stacked": lambda h: gobhir.stack([h, h * 2]),
    "outer": lambda h: h[:, :, None] * h[:, None, :],
}


class Then(nn.Module):
    def __init__(self, op: Callable[[Any], Any]):
        super().__init__()
        self.first, self.op = nn.Linear(2, 3), op

    def forward(self, x: Any) -> Any:
        return self.op(self.first(x))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("op", OPS)
def test_rows_columns_and_corners(op: str, batch: int) -> None:
    gobhir.manual_seed(0)
    check(Then(OPS[op]), gobhir.tensor([[0.7, -0.4], [1.1, 0.3]])[:batch], ruled=False)
