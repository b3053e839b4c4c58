"""The gradients of convolutions by name, beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gobhir
import gobhir.nn.grad
from tests.engine.parity import same

SETTINGS = [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": 2, "groups": 2}]


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients_of_convolutions(n: int, settings: dict[str, int]) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(2, 4, *[6] * n))
    w = rng.normal(size=(6, 4 // settings.get("groups", 1), *[3] * n))
    out = getattr(torch.nn.functional, f"conv{n}d")(torch.tensor(x), torch.tensor(w), **settings)
    d = rng.normal(size=tuple(out.shape))
    found = []
    for lib in (gobhir, torch):
        above = lib.tensor(d, requires_grad=True)
        of_input = getattr(lib.nn.grad, f"conv{n}d_input")
        of_weight = getattr(lib.nn.grad, f"conv{n}d_weight")
        dx = of_input(list(x.shape), lib.tensor(w), above, **settings)
        dw = of_weight(lib.tensor(x), w.shape, above, **settings)
        second = lib.autograd.grad((dx * dx).sum() + (dw * dw).sum(), above)[0]
        found.append((dx, dw, second))
    for mine, theirs in zip(*found, strict=True):
        same(mine, theirs, 1e-10)
    plain = getattr(gobhir.nn.grad, f"conv{n}d_weight")(
        gobhir.tensor(x), w.shape, gobhir.tensor(d), **settings
    )
    assert not plain.requires_grad
