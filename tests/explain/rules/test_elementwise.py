"""A step through any elementwise function is worked out in full: formula, numbers, slope, and the
same gradients from PyTorch."""

from __future__ import annotations

import re
from typing import Any

import pytest

import gobhir
from gobhir import nn

F = nn.functional
FUNCTIONS: dict[str, tuple[Any, str]] = {
    "atan": (lambda z: z.atan(), "arctan"),
    "clamp": (lambda z: z.clamp(-0.5, 0.5), "min"),
    "elu": (F.elu, "bends smoothly"),
    "erf": (lambda z: z.erf(), "erf"),
    "gelu": (F.gelu, "erf"),
    "gelu by tanh": (lambda z: F.gelu(z, approximate="tanh"), "π"),
    "hardswish": (F.hardswish, "hardsigmoid"),
    "lgamma": (lambda z: (z * z + 1).lgamma(), "ψ"),
    "mish": (F.mish, "tanh"),
    "remainder": (lambda z: z % 0.7, "floor"),
    "sin": (lambda z: z.sin(), "cos"),
    "softplus": (F.softplus, "ln"),
    "where": (lambda z: gobhir.where(z > 0, z, 2 * z), "≠ 1"),
}


class Through(nn.Module):
    def __init__(self, f: Any):
        super().__init__()
        self.first, self.last, self.f = nn.Linear(2, 2), nn.Linear(2, 1), f

    def forward(self, x: Any) -> Any:
        return self.last(self.f(self.first(x)))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hand", "exact"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_step_through_it(name: str, mode: str) -> None:
    f, word = FUNCTIONS[name]
    gobhir.manual_seed(3)
    model = Through(f)
    x, y = gobhir.tensor([[0.3, -0.8]]), gobhir.tensor([[0.5]])
    page = gobhir.explain(model, x, y, loss=nn.MSELoss(), mode=mode, reference="torch").to_text(
        "en"
    )
    assert word in page
    assert "nan" not in page.lower()
    found = re.search(r"PyTorch \(float64\)[^.]*\. All 9 gradients agree([^\n]*)", page)
    assert found, page[-800:]
    near = re.search(r"is [\d.]+×10⁻([⁶⁷⁸⁹]|¹.)", found[1])
    assert "to the last bit" in found[1] or near, found[1]
