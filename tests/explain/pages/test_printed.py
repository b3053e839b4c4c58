"""What is printed comes out: every line of a page of each op, redone by calculator from the printed
digits, in hand mode and in exact mode."""

from __future__ import annotations

import numpy as np
import pytest

import gobhir
from tests.calculator import problems, redone
from tests.explain.rules import test_every_op, test_spatial

pytestmark = pytest.mark.slow

NO_KEY = {"erf", "erfc", "erfcx", "erfinv", "log_ndtr", "ndtri", "lgamma", "digamma", "polygamma"}
NO_KEY |= {"gelu", "gelu_slope", "i0", "i1", "i0e", "i1e", "gammainc", "gammaincc", "zeta"}
"""Functions that no calculator has a key for."""
NOT_READ = {"prod", "cumprod", "logcumsumexp", "scatter_reduce", "permute"}
"""The reader knows no product sign, and no transposed bracket."""
LEARN, CASES = test_every_op.LEARN, list(test_spatial.CASES)
OPS = [n for n in LEARN[: LEARN.index("softmax")] if n not in NO_KEY and n not in NOT_READ]
OPS += ["ctc_loss", "det", "inv", "solve", "cofactor", "qr"]
LAYERS = CASES[: CASES.index("flatten")]
"""Up to where the reader meets a sum sign inside a line of matrices, which it cannot redo yet."""


@pytest.mark.parametrize("mode", ["hand", "exact"])
@pytest.mark.parametrize("name", OPS)
def test_of_an_op_alone(name: str, mode: str) -> None:
    x = gobhir.ones(1, dtype=gobhir.float64)
    model = test_every_op.Alone(name)
    page = gobhir.explain(
        model, x, None, test_every_op.cubes, mode=mode, reference="differences"
    ).to_markdown("en")
    assert problems(page, mode) == []
    assert redone(page) >= 1


@pytest.mark.parametrize("mode", ["hand", "exact"])
@pytest.mark.parametrize("name", LAYERS)
def test_of_a_layer(name: str, mode: str) -> None:
    model, x = test_spatial.made(name)
    for p in model.parameters():
        p.array[...] = np.round(np.clip(p.array, -2, 2), 1)
    x = gobhir.tensor(np.round(np.clip(x.numpy(), -2, 2), 1))
    page = gobhir.explain(
        model, x, None, test_spatial.cubes, mode=mode, reference="differences"
    ).to_markdown("en")
    assert problems(page, mode) == []
    assert redone(page) >= 3
