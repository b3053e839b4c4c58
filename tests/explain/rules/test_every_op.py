"""Every op of the engine on a page: what its lines come to is the engine's float64 value, its
gradients are PyTorch's, and the few that have no rule are shown by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.engine import OPS, apply
from gobhir.explain.reading import Reading
from gobhir.explain.recording import Recording, record_step
from tests.engine.test_formulas import CASES, WITHOUT_GRADIENT
from tests.explain.agreement import check_exactly

OPAQUE = {"cofactor_change", "matrix_exp", "lu", "recurrence"}
"""Shown by name, shapes and values, and listed at the end of the page."""
OPENED = ["attention", "rnn_layer", "lstm_layer", "gru_layer"]
"""A page is written of the ops that these are made of, when a module runs them."""
NO_GRADIENT = ["read_as", "part", "cast"]
"""Ops that pass nothing back, or only hand on what others made."""
LEARN = [n for n, op in OPS.items() if op.pullbacks and n not in (*NO_GRADIENT, *OPENED)]


class Alone(nn.Module):
    """One op on its case's inputs, which learn where a gradient comes back to them."""

    def __init__(self, name: str):
        super().__init__()
        self.op = OPS[name]
        inputs, self.settings = CASES[name]
        words = (*self.op.inputs, *[""] * len(inputs))
        self.inputs: list[Any] = []
        for k, (x, word) in enumerate(zip(inputs, words, strict=False)):
            t = gobhir.from_numpy(x.copy()) if isinstance(x, np.ndarray) else x
            if isinstance(x, np.ndarray) and x.dtype.kind == "f":
                constant = word in WITHOUT_GRADIENT.get(name, ())
                t = t if constant else nn.Parameter(t)
                setattr(self, f"p{k}", t)
            self.inputs.append(t)

    def forward(self, x: Any) -> Any:
        out = apply(self.op, *self.inputs, **self.settings)
        parts = out if isinstance(out, tuple) else (out,)
        return next(t for t in parts if t.dtype.kind == "f" and t.requires_grad)


def cubes(out: Any) -> Any:
    return (out**3).sum() if out.numel() > 1 else out**2


def step(name: str) -> Recording:
    return record_step(Alone(name), gobhir.ones(1, dtype=gobhir.float64), None, cubes)


@pytest.mark.parametrize("name", LEARN)
def test_every_line_is_the_engines_value(name: str) -> None:
    reading = Reading(step(name), "exact")
    assert set(reading.unruled) == ({name} if name in OPAQUE else set())
    assert check_exactly(reading, most=16) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARN)
def test_it_has_a_page(name: str) -> None:
    model = Alone(name)
    x = gobhir.ones(1, dtype=gobhir.float64)
    for mode, lang in (("hand", "bn"), ("exact", "en")):
        page = gobhir.explain(model, x, None, cubes, mode=mode, reference="differences")
        assert page.to_text(lang) and page.to_json(lang)
        assert (f"`{name}`" in page.to_markdown(lang)) == (name in OPAQUE)


def test_no_op_is_left_out() -> None:
    assert set(CASES) >= set(LEARN)
    assert set(OPAQUE) <= set(LEARN) and len(LEARN) > 170
