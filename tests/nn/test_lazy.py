"""Layers that find out their sizes: the same program on both."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import gobhir
from tests.engine.parity import same

LAYERS = {
    "LazyLinear": ((3,), {}, (4, 5)),
    "LazyConv1d": ((4, 3), {}, (2, 3, 7)),
    "LazyConv2d": ((4, 3), {"groups": 2, "bias": False}, (2, 6, 5, 5)),
    "LazyConv3d": ((2, 2), {}, (1, 2, 3, 3, 3)),
    "LazyConvTranspose1d": ((4, 3), {}, (2, 3, 7)),
    "LazyConvTranspose2d": ((4, 3), {"stride": 2}, (2, 3, 4, 4)),
    "LazyConvTranspose3d": ((2, 2), {}, (1, 2, 2, 2, 2)),
    "LazyBatchNorm1d": ((), {}, (4, 3)),
    "LazyBatchNorm2d": ((), {}, (4, 3, 2, 2)),
    "LazyBatchNorm3d": ((), {}, (4, 3, 2, 2, 2)),
    "LazyInstanceNorm1d": ((), {"affine": True}, (2, 3, 4)),
    "LazyInstanceNorm2d": ((), {}, (2, 3, 4, 4)),
    "LazyInstanceNorm3d": ((), {}, (2, 3, 2, 2, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_as_pytorch(name: str) -> None:
    args, kwargs, shape = LAYERS[name]
    outs: list[Any] = []
    printed = []
    for t in (gobhir, torch):
        t.manual_seed(0)
        layer = getattr(t.nn, name)(*args, **kwargs)
        printed.append(repr(layer))
        optimizer = t.optim.SGD(layer.parameters(), lr=0.1) if list(layer.parameters()) else None
        out = layer(t.rand(*shape))
        assert type(layer).__name__ == name.removeprefix("Lazy")
        printed.append(repr(layer))
        if optimizer is not None:
            (out**2).sum().backward()
            optimizer.step()
            out = layer(t.rand(*shape))
        outs.append(out)
    assert printed[:2] == printed[2:]
    same(*outs)


def test_before_the_first_input() -> None:
    for t in (gobhir, torch):
        layer = t.nn.LazyLinear(2)
        assert isinstance(layer.weight, t.nn.UninitializedParameter)
        with pytest.raises(RuntimeError):
            layer.weight.shape  # noqa: B018
    with pytest.raises(RuntimeError, match="model"):
        gobhir.nn.LazyLinear(2).load_state_dict({})
