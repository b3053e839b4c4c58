"""torch.testing.assert_close: what passes and what does not, beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

import gobhir

Pair = Callable[[ModuleType], tuple[Any, Any]]
CLOSE: list[Pair] = [
    lambda t: (t.ones(2), t.ones(2) + 1e-6),
    lambda t: (t.ones(2).double(), t.ones(2).double() + 1e-9),
    lambda t: (t.tensor([1, 2]), t.tensor([1, 2])),
    lambda t: (t.tensor([True]), t.tensor([True])),
    lambda t: (t.tensor([1e6]), t.tensor([1e6 + 1])),
    lambda t: ([t.ones(1), 2.0], [t.ones(1), 2.0]),
    lambda t: ({"a": t.zeros(0)}, {"a": t.zeros(0)}),
    lambda t: (t.tensor([t.inf]), t.tensor([t.inf])),
]
APART: list[Pair] = [
    lambda t: (t.ones(2), t.ones(2) + 1e-4),
    lambda t: (t.ones(2).double(), t.ones(2).double() + 1e-6),
    lambda t: (t.tensor([1, 2]), t.tensor([1, 3])),
    lambda t: (t.ones(2), t.ones(2).double()),
    lambda t: (t.ones(2), t.ones(1, 2)),
    lambda t: ([t.ones(1)], [t.ones(1), t.ones(1)]),
    lambda t: ({"a": 1.0}, {"b": 1.0}),
    lambda t: ({"a": [1.0, 2.0]}, {"a": [1.0, 3.0]}),
    lambda t: (t.tensor([t.nan]), t.tensor([t.nan])),
]
BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


@BOTH
@pytest.mark.parametrize("pair", CLOSE)
def test_close(t: ModuleType, pair: Pair) -> None:
    t.testing.assert_close(*pair(t))


@BOTH
@pytest.mark.parametrize("pair", APART)
def test_apart(t: ModuleType, pair: Pair) -> None:
    with pytest.raises(AssertionError):
        t.testing.assert_close(*pair(t))


@BOTH
def test_on_wish(t: ModuleType) -> None:
    x = t.tensor([1.0, t.nan])
    t.testing.assert_close(x, x + 0.01, rtol=0, atol=0.1, equal_nan=True)
    t.testing.assert_close(x[:1], x[:1].double(), check_dtype=False)
    with pytest.raises(ValueError):
        t.testing.assert_close(x, x, rtol=0.1)
    with pytest.raises(AssertionError, match="mine"):
        t.testing.assert_close(x, x, msg="mine")
    with pytest.raises(AssertionError, match="so: "):
        t.testing.assert_close(x, x, msg=lambda said: "so: " + said)
    with pytest.raises(AssertionError):
        t.testing.assert_close(t.ones(2, 2), t.ones(2, 2).t(), check_stride=True)
    with pytest.raises(TypeError):
        t.testing.assert_close("text", "text")


@pytest.mark.parametrize("lang", ["bn", "en"])
def test_what_is_said(lang: str) -> None:
    with pytest.raises(AssertionError) as trouble:
        gobhir.testing.assert_close(
            {"w": gobhir.zeros(2, 2)}, {"w": gobhir.tensor([[0.0, 0.5], [0.0, 0.25]])}
        )
    told = trouble.value.args[0].text(lang)
    assert all(part in told for part in ("['w']", "(0, 1)", "0.5", "2", "4", "atol="))
