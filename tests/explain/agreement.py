"""Whether a page's numbers, worked out from its printed formulas, are the engine's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.expression import indices
from gobhir.derivation.rounding import evaluate, substituted
from gobhir.explain.quantity import element
from gobhir.explain.reading import Reading
from gobhir.explain.recording import record_step


def check(model: nn.Module, x: Any, ruled: bool = True, apart: float = 0.0) -> None:
    """ruled: whether there must be a rule for every op. apart: how far four digits may lead astray
    where large numbers cancel, as a share of a quantity's
    largest number or of 1."""
    page = gobhir.explain(model, x, None, loss=cubes, mode="hand", reference="differences")
    reading = page.reading
    assert not (ruled and reading.unruled)
    for q in (*reading.computed, *reading.pulled):
        by_hand, exact = (np.ravel(np.asarray(v, float)) for v in (q.sym.value, q.exact))
        far = max(2e-4, apart * float(np.abs(exact).max(initial=1.0)))
        assert by_hand == pytest.approx(exact, rel=0.02, abs=far), q.name
    assert page.to_text("bn") and page.to_html("en")


def check_exactly(reading: Reading, most: int = 40) -> int:
    """Every expression, element by element (of large arrays `most` of them) and by floats, comes
    to the engine's float64 value. How many elements were looked at."""
    count = 0
    aside = (q for made in reading.helpers.values() for q in made)
    for q in (*reading.computed, *reading.pulled, *aside):
        if q.expr is None:
            continue
        exact = np.asarray(q.exact, float)
        scale = max(float(np.abs(exact).max(initial=0.0)), 1e-3)
        every = list(indices(q.shape))
        step = max(len(every) // most, 1)
        for i in every[::step]:
            e = element(q.expr, i, q.shape)
            worked = float(evaluate(substituted(e)))
            assert worked == pytest.approx(float(exact[i]), rel=1e-9, abs=1e-9 * scale), (q.name, i)
            assert float(np.sum(e.floats(()))) == pytest.approx(worked, rel=1e-9, abs=1e-9 * scale)
            count += 1
    return count


def read_step(model: nn.Module, x: Any, mode: str = "exact") -> Reading:
    """The step under the loss `cubes`, read."""
    return Reading(record_step(model, x, None, cubes), mode)


def cubes(out: Any) -> Any:
    """A loss for results of any shape, with another slope at each number."""
    return (out**3).sum()


def in_full(model: nn.Module) -> nn.Module:
    """The model in float64, with numbers that have all their digits."""
    model = model.double()
    with gobhir.no_grad():
        for p in model.parameters():
            p.copy_(gobhir.rand(p.shape, dtype=gobhir.float64) - 0.5)
    return model
