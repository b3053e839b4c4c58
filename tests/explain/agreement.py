"""Whether a page's numbers, worked out from its printed formulas, are the engine's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn


def check(model: nn.Module, x: Any, ruled: bool = True) -> None:
    """ruled: whether there must be a rule for every op."""
    page = gobhir.explain(model, x, None, loss=cubes, mode="hand", reference="differences")
    reading = page.reading
    assert not (ruled and reading.unruled)
    for q in (*reading.computed, *reading.pulled):
        by_hand, exact = (np.ravel(np.asarray(v, float)) for v in (q.sym.value, q.exact))
        assert by_hand == pytest.approx(exact, rel=0.02, abs=2e-4), q.name
    assert page.to_text("bn") and page.to_html("en")


def cubes(out: Any) -> Any:
    """A loss for results of any shape, with another slope at each number."""
    return (out**3).sum()
