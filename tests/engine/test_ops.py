"""Every op against PyTorch: drawn shapes, broadcasting, dtypes, memory orders; value, gradient
with random cotangents, and second derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import FLOATS, SEEDS, SHAPES, check, numbers

TF, GF = torch.nn.functional, gobhir.nn.functional


@given(
    lead=st.lists(st.integers(0, 3), max_size=2).map(tuple),
    sizes=st.tuples(st.integers(0, 4), st.integers(1, 4)),
    bias=st.booleans(),
    dtype=FLOATS,
    seed=SEEDS,
)
@settings(max_examples=40)
def test_linear(lead: tuple, sizes: tuple, bias: bool, dtype: str, seed: int) -> None:
    n, m = sizes
    inputs = [numbers(seed, (*lead, n), dtype), numbers(seed + 7, (m, n), dtype)]
    if bias:
        inputs.append(numbers(seed + 8, (m,), dtype))
    check(GF.linear, TF.linear, inputs, seed=seed)


MATRICES = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((5, 2, 3), (5, 3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (4, 3, 2)),
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)),
    ((4, 0), (0, 3)),
    ((0, 4), (4, 3)),
    ((2, 0, 4), (4, 3)),
    ((0,), (0,)),
]


@pytest.mark.parametrize(("left", "right"), MATRICES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_matmul(left: tuple, right: tuple, dtype: str) -> None:
    for seed in (0, 1, 2):
        inputs = [numbers(seed, left, dtype), numbers(seed + 9, right, dtype)]
        check(gobhir.matmul, torch.matmul, inputs, seed=seed)


REARRANGED = {
    "reshape": (lambda x: x.reshape(4, -1), (2, 3, 4)),
    "reshape to nothing": (lambda x: x.reshape(()), (1, 1)),
    "view": (lambda x: x.view(-1), (3, 2)),
    "view as": (lambda x: x.view(6, 4), (2, 3, 4)),
    "flatten": (lambda x: x.flatten(1), (2, 3, 4)),
    "flatten middle": (lambda x: x.flatten(-3, -2), (2, 3, 4, 1)),
    "flatten a number": (lambda x: x.flatten(), ()),
    "flatten nothing": (lambda x: x.flatten(1), (0, 3, 4)),
    "squeeze": (lambda x: x.squeeze(), (1, 3, 1)),
    "squeeze one": (lambda x: x.squeeze(-1), (1, 3, 1)),
    "squeeze in vain": (lambda x: x.squeeze(1), (1, 3, 1)),
    "squeeze a number": (lambda x: x.squeeze(0), ()),
    "unsqueeze": (lambda x: x.unsqueeze(1), (2, 3)),
    "unsqueeze last": (lambda x: x.unsqueeze(-1), (2, 3)),
    "unsqueeze a number": (lambda x: x.unsqueeze(0), ()),
    "permute": (lambda x: x.permute(2, 0, 1), (2, 3, 4)),
    "permute from the end": (lambda x: x.permute(-1, 0, -2), (2, 3, 4)),
    "transpose": (lambda x: x.transpose(0, -1), (2, 3, 4)),
    "t": (lambda x: x.t(), (2, 3)),
    "T": (lambda x: x.T, (2, 3)),
    "mT": (lambda x: x.mT, (2, 3, 4)),
    "expand": (lambda x: x.expand(5, 2, 3), (2, 1)),
    "expand -1": (lambda x: x.expand(4, -1, 3), (2, 1)),
    "expand a number": (lambda x: x.expand(2, 2), ()),
    "expand to nothing": (lambda x: x.expand(0, 2), (2,)),
}


@pytest.mark.parametrize("name", REARRANGED)
@pytest.mark.parametrize("seed", [0, 1])
def test_rearrangements(name: str, seed: int) -> None:
    function, shape = REARRANGED[name]
    if name.startswith("view"):
        seed = 2  # PyTorch's view wants contiguous memory; ours copies where it must
    check(function, function, [numbers(seed, shape, "float64")], seed=seed)


@given(shape=SHAPES, dtypes=st.tuples(FLOATS, FLOATS), seed=SEEDS)
@settings(max_examples=10)
def test_cast(shape: tuple, dtypes: tuple, seed: int) -> None:
    old, new = dtypes
    x = numbers(seed, shape, old)
    check(lambda t: t.to(getattr(gobhir, new)), lambda t: t.to(getattr(torch, new)), [x], seed=seed)


@pytest.mark.parametrize("method", ["float", "double", "long", "int", "bool"])
def test_to_dtypes(method: str) -> None:
    x = np.array([-1.7, 0.0, 2.5])
    check(lambda t: getattr(t, method)(), lambda t: getattr(t, method)(), [x], [False])
