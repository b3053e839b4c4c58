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
ABOVE_ZERO = (0.5, 3.0)
ANY = (-3.0, 3.0)

UNARY = {
    "abs": (gobhir.abs, torch.abs, ANY),
    "clone": (gobhir.clone, torch.clone, ANY),
    "exp": (gobhir.exp, torch.exp, ANY),
    "leaky_relu": (lambda x: GF.leaky_relu(x, 0.2), lambda x: TF.leaky_relu(x, 0.2), ANY),
    "log": (gobhir.log, torch.log, ABOVE_ZERO),
    "neg": (gobhir.neg, torch.neg, ANY),
    "relu": (gobhir.relu, torch.relu, ANY),
    "sigmoid": (gobhir.sigmoid, torch.sigmoid, ANY),
    "sign": (gobhir.sign, torch.sign, ANY),
    "sqrt": (gobhir.sqrt, torch.sqrt, ABOVE_ZERO),
    "tanh": (gobhir.tanh, torch.tanh, ANY),
}
BINARY = {
    "add": (gobhir.add, torch.add, ANY),
    "div": (gobhir.div, torch.div, ABOVE_ZERO),
    "maximum": (gobhir.maximum, torch.maximum, ANY),
    "minimum": (gobhir.minimum, torch.minimum, ANY),
    "mul": (gobhir.mul, torch.mul, ANY),
    "pow": (gobhir.pow, torch.pow, ABOVE_ZERO),
    "sub": (gobhir.sub, torch.sub, ANY),
}


@st.composite
def broadcastable(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast: sizes of 1 and missing leading sizes are stretched."""
    full = draw(SHAPES)
    pair = []
    for _ in range(2):
        kept = full[draw(st.integers(0, len(full))) :]
        pair.append(tuple(draw(st.sampled_from([n, 1])) for n in kept))
    return pair[0], pair[1]


@pytest.mark.parametrize("name", UNARY)
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS)
@settings(max_examples=12)
def test_one_operand(name: str, shape: tuple[int, ...], dtype: str, seed: int) -> None:
    mine, theirs, (low, high) = UNARY[name]
    check(mine, theirs, [numbers(seed, shape, dtype, low, high)], seed=seed)


@pytest.mark.parametrize("name", BINARY)
@given(shapes=broadcastable(), dtypes=st.tuples(FLOATS, FLOATS), seed=SEEDS)
@settings(max_examples=25)
def test_broadcasting(name: str, shapes: tuple, dtypes: tuple, seed: int) -> None:
    mine, theirs, (low, high) = BINARY[name]
    pairs = zip(shapes, dtypes, strict=True)
    inputs = [numbers(seed + i, s, d, low, high) for i, (s, d) in enumerate(pairs)]
    check(mine, theirs, inputs, seed=seed)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow"])
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS, number=st.sampled_from([2, 0.5, 3.0, True, 0]))
@settings(max_examples=15)
def test_python_numbers(name: str, shape: tuple, dtype: str, seed: int, number: float) -> None:
    symbol = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**"}[name]
    if number is True and name in ("sub", "pow"):
        number = 2  # PyTorch refuses to subtract a bool, and breaks on a power of one
    left = eval(f"lambda x: x {symbol} {number}")
    x = numbers(seed, shape, dtype, *ABOVE_ZERO)
    check(left, left, [x], seed=seed, second=bool(number))
    if number:
        right = eval(f"lambda x: {number} {symbol} x")
        check(right, right, [x], seed=seed)


@given(shapes=broadcastable(), dtype=FLOATS, seed=SEEDS)
@settings(max_examples=30)
def test_where(shapes: tuple, dtype: str, seed: int) -> None:
    x, y = (numbers(seed + i, s, dtype) for i, s in enumerate(shapes))
    condition = np.asarray(numbers(seed + 5, shapes[0]) > 0)
    check(gobhir.where, torch.where, [condition, x, y], seed=seed)
    check(lambda c, x: gobhir.where(c, x, 1.5), lambda c, x: torch.where(c, x, 1.5), [condition, x])


def test_where_of_numbers_and_mixed_dtypes() -> None:
    for t in (gobhir, torch):
        yes = t.tensor([True, False])
        assert t.where(yes, 1.5, 2.0).dtype == t.float32
        assert t.where(yes, t.ones(2, dtype=t.float64), 2.0).dtype == t.float64
        assert t.where(yes, t.tensor([1, 2]), t.tensor([0.5, 1.5])).dtype == t.float32
        assert t.where(yes, t.tensor([1, 2]), 3).tolist() == [1, 3]


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


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "exp", "sqrt"])
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "int32"])
def test_whole_numbers_become_floating(name: str, dtype: str) -> None:
    x = np.array([0, 1, 2]).astype(dtype)
    check(getattr(gobhir, name), getattr(torch, name), [x])
