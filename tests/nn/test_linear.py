"""Bilinear and Unflatten against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.parity import check, numbers

F, TF = gobhir.nn.functional, torch.nn.functional


@pytest.mark.parametrize("lead", [(4,), (2, 3), (), (0,)])
@pytest.mark.parametrize("bias", [True, False])
def test_bilinear(lead: tuple[int, ...], bias: bool) -> None:
    inputs = [numbers(1, (*lead, 3)), numbers(2, (*lead, 2)), numbers(3, (5, 3, 2))]
    check(F.bilinear, TF.bilinear, [*inputs, numbers(4, (5,))] if bias else inputs)


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear_layer(bias: bool) -> None:
    told = []
    for t in (gobhir, torch):
        t.manual_seed(3)
        layer = t.nn.Bilinear(3, 2, 4, bias=bias)
        told.append((repr(layer), {k: v.numpy() for k, v in layer.state_dict().items()}))
    assert told[0][0] == told[1][0] and list(told[0][1]) == list(told[1][1])
    for key, value in told[1][1].items():
        np.testing.assert_array_equal(told[0][1][key], value)


def test_unflatten() -> None:
    for t in (gobhir, torch):
        layer = t.nn.Unflatten(1, (3, -1))
        assert repr(layer) == "Unflatten(dim=1, unflattened_size=(3, -1))"
        assert tuple(layer(t.ones(2, 12)).shape) == (2, 3, 4)
        with pytest.raises(TypeError):
            t.nn.Unflatten(1, 3.5)


def test_what_does_not_fit() -> None:
    for t, f in ((torch, TF), (gobhir, F)):
        with pytest.raises(RuntimeError):
            f.bilinear(t.ones(2, 3), t.ones(2, 1), t.ones(4, 3, 2))
        with pytest.raises(RuntimeError):
            f.bilinear(t.ones(2, 3), t.ones(3, 2), t.ones(4, 3, 2))
