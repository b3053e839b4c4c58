"""Sums, means, spreads, extremes and norms against PyTorch: drawn shapes, dimensions, dtypes and
memory orders; value, gradient with random cotangents, second derivative."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import FLOATS, SEEDS, SHAPES, both, check, numbers, same


@st.composite
def reduction(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape and the dimensions to reduce: none, one, or several; counted from either end."""
    shape = draw(SHAPES)
    if not shape or draw(st.booleans()):
        return shape, None
    axes = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    dims = tuple(d - len(shape) if draw(st.booleans()) else d for d in axes)
    return shape, dims[0] if len(dims) == 1 else dims


OVER_DIMS = {
    "sum": lambda t, x, d, k: t.sum(x, d, k),
    "mean": lambda t, x, d, k: t.mean(x, d, k),
    "nansum": lambda t, x, d, k: t.nansum(x, d, k),
    "nanmean": lambda t, x, d, k: t.nanmean(x, d, k),
    "logsumexp": lambda t, x, d, k: t.logsumexp(x, d if d is not None else 0, k),
    "norm": lambda t, x, d, k: t.norm(x, 2, dim=d, keepdim=k),
    "norm 1": lambda t, x, d, k: t.norm(x, 1, d, k),
    "norm 3": lambda t, x, d, k: t.norm(x, 3, d, k),
    "norm 1/2": lambda t, x, d, k: t.norm(x, 0.5, d, k),
    "NumPy's words": lambda t, x, d, k: t.sum(x, axis=d if d is not None else -1, keepdims=k),
}


@pytest.mark.parametrize("name", OVER_DIMS)
@given(drawn=reduction(), keepdim=st.booleans(), dtype=FLOATS, seed=SEEDS)
@settings(max_examples=12)
def test_over_dimensions(name: str, drawn: tuple, keepdim: bool, dtype: str, seed: int) -> None:
    shape, dim = drawn
    x = numbers(seed, shape, dtype)
    if name.startswith("norm"):  # where a norm is 0, PyTorch's second derivative is NaN
        x = np.where(x == 0, np.asarray(1.5, dtype), x)
        shape = tuple(max(n, 1) for n in shape)
        x = np.resize(x, shape).astype(dtype) if x.size else np.ones(shape, dtype)
    f = OVER_DIMS[name]
    check(lambda x: f(gobhir, x, dim, keepdim), lambda x: f(torch, x, dim, keepdim), [x], seed=seed)


SPREADS = {
    "var": lambda t, x, d, k: t.var(x, d, keepdim=k),
    "std": lambda t, x, d, k: t.std(x, d, keepdim=k),
    "biased": lambda t, x, d, k: t.var(x, d, False, k),
    "correction": lambda t, x, d, k: t.std(x, dim=d, correction=0, keepdim=k),
    "var_mean": lambda t, x, d, k: t.var_mean(x, d, keepdim=k),
    "std_mean": lambda t, x, d, k: t.std_mean(x, d, keepdim=k),
    "of everything": lambda t, x, d, k: t.std(x, unbiased=False),
}


@pytest.mark.parametrize("name", SPREADS)
@given(drawn=reduction(), keepdim=st.booleans(), dtype=FLOATS, seed=SEEDS)
@settings(max_examples=8)
def test_spreads(name: str, drawn: tuple, keepdim: bool, dtype: str, seed: int) -> None:
    shape, dim = drawn
    shape = tuple(n + 2 for n in shape) or (3,)
    x = np.random.default_rng(seed).normal(size=shape).astype(dtype)
    f = SPREADS[name]
    check(lambda x: f(gobhir, x, dim, keepdim), lambda x: f(torch, x, dim, keepdim), [x], seed=seed)


@given(shape=SHAPES, keepdim=st.booleans(), seed=SEEDS, data=st.data())
@settings(max_examples=30)
def test_products_with_zeros(shape: tuple, keepdim: bool, seed: int, data: Any) -> None:
    x = numbers(seed, shape)
    x[np.asarray(np.random.default_rng(seed).random(shape) < 0.3)] = 0
    check(gobhir.prod, torch.prod, [x], seed=seed)
    if shape:
        d = data.draw(st.integers(-len(shape), len(shape) - 1))
        check(lambda x: x.prod(d, keepdim), lambda x: x.prod(d, keepdim), [x], seed=seed)


EXTREMES = {
    "amax": lambda t, x, d, k: t.amax(x, () if d is None else d, k),
    "amin": lambda t, x, d, k: t.amin(x, () if d is None else d, k),
    "largest norm": lambda t, x, d, k: t.norm(x, math.inf, d, k),
    "smallest norm": lambda t, x, d, k: t.norm(x, -math.inf, d, k),
}


@pytest.mark.parametrize("name", EXTREMES)
@given(drawn=reduction(), keepdim=st.booleans(), seed=SEEDS)
@settings(max_examples=12)
def test_equal_extremes_share_the_gradient(
    name: str, drawn: tuple, keepdim: bool, seed: int
) -> None:
    shape, dim = drawn
    x = np.asarray(np.round(numbers(seed, tuple(max(n, 1) for n in shape))))
    f = EXTREMES[name]
    check(lambda x: f(gobhir, x, dim, keepdim), lambda x: f(torch, x, dim, keepdim), [x], seed=seed)


@pytest.mark.parametrize("name", ["max", "min", "median", "nanmedian"])
@given(shape=SHAPES, seed=SEEDS)
@settings(max_examples=10)
def test_the_one_of_all(name: str, shape: tuple, seed: int) -> None:
    x = np.asarray(np.round(numbers(seed, tuple(max(n, 1) for n in shape))))
    check(getattr(gobhir, name), getattr(torch, name), [x], seed=seed)


@pytest.mark.parametrize("name", ["max", "min"])
@given(shape=SHAPES, keepdim=st.booleans(), dtype=FLOATS, seed=SEEDS, data=st.data())
@settings(max_examples=12)
def test_extremes_along_a_dimension(
    name: str, shape: tuple, keepdim: bool, dtype: str, seed: int, data: Any
) -> None:
    shape = tuple(max(n, 1) for n in shape)
    reach = max(len(shape), 1)
    d = data.draw(st.integers(-reach, reach - 1))
    x = np.asarray(np.round(numbers(seed, shape, dtype)))
    mine, theirs = getattr(gobhir, name), getattr(torch, name)
    check(
        lambda x: tuple(mine(x, d, keepdim)), lambda x: tuple(theirs(x, d, keepdim)), [x], seed=seed
    )
    assert mine(both(x)[0], d)._fields == ("values", "indices")
    check(mine, theirs, [x, numbers(seed + 1, shape, dtype)], seed=seed)


@given(drawn=reduction(), dtype=st.sampled_from(["int64", "uint8", "bool", "int32"]), seed=SEEDS)
@settings(max_examples=20)
def test_whole_numbers(drawn: tuple, dtype: str, seed: int) -> None:
    shape, dim = drawn
    x = numbers(seed, shape, "float64", 0, 3).astype(dtype)
    check(lambda t: t.sum(dim), lambda t: t.sum(dim), [x])
    for f in (lambda t: t.sum(dim, dtype=t.dtype), lambda t: t.prod(0, dtype=t.dtype)):
        check(f, f, [x] if shape else [x.reshape(1)])
    check(lambda t: t.any(dim), lambda t: t.any(dim), [x])
    check(lambda t: t.all(dim, True), lambda t: t.all(dim, True), [x])
    check(lambda t: t.count_nonzero(dim), lambda t: t.count_nonzero(dim), [x])
    check(gobhir.prod, torch.prod, [x])
    check(lambda t: t.logsumexp(0), lambda t: t.logsumexp(0), [x])


NAN = np.array([[1.0, np.nan, -2.0], [np.nan, np.nan, np.nan], [3.0, 3.0, 0.5]])
WITH_NAN = {
    "max": lambda x: tuple(x.max(1)),
    "min": lambda x: tuple(x.min(1)),
    "argmax": lambda x: x.argmax(1),
    "amax": lambda x: x.amax(1),
    "median": lambda x: tuple(x.median(1)),
    "nanmedian": lambda x: tuple(x.nanmedian(0)),
    "nanmedian of all": lambda x: x.nanmedian(),
    "median of all": lambda x: x.median(),
    "nansum": lambda x: x.nansum(1),
    "nanmean": lambda x: x.nanmean(1),
    "any": lambda x: x.any(1),
    "sort": lambda x: tuple(x.sort(1)),
    "sorted down": lambda x: tuple(x.sort(1, descending=True)),
    "topk": lambda x: x.topk(2, 1).values,
    "cummax": lambda x: tuple(x.cummax(1)),
    "quantile": lambda x: x.quantile(0.4, 1),
    "nanquantile": lambda x: x.nanquantile(0.4, 1),
    "logsumexp": lambda x: x.logsumexp(1),
}


@pytest.mark.parametrize("name", WITH_NAN)
def test_with_nan(name: str) -> None:
    mine, theirs = both(NAN)
    got, want = WITH_NAN[name](mine), WITH_NAN[name](theirs)
    pairs = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    for a, b in pairs:
        same(a, b)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS, data=st.data())
@settings(max_examples=20)
def test_softmax(name: str, shape: tuple, dtype: str, seed: int, data: Any) -> None:
    reach = max(len(shape), 1)
    dim = data.draw(st.integers(-reach, reach - 1))
    mine, theirs = getattr(gobhir, name), getattr(torch, name)
    check(
        lambda z: mine(z, dim), lambda z: theirs(z, dim), [numbers(seed, shape, dtype)], seed=seed
    )


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_large_numbers(name: str) -> None:
    x = np.array([[1000.0, 1001.0, -1000.0], [-np.inf, 0.0, 1.0], [-np.inf] * 3])
    check(lambda z: getattr(z, name)(1), lambda z: getattr(z, name)(1), [x], [False])


def test_sum_to_size() -> None:
    for size in ((1, 4), (4,), (3, 1), (), (3, 4)):
        f = lambda x, size=size: x.sum_to_size(size)  # noqa: E731
        check(f, f, [numbers(0, (3, 4))])


ERRORS = {
    "sum to a size that does not stretch": lambda t, x: x.sum_to_size(2, 2),
    "no such dimension": lambda t, x: t.sum(x, 2),
    "a dimension twice": lambda t, x: t.sum(x, (0, -2)),
    "a dimension that is a word": lambda t, x: t.mean(x, "rows"),
    "mean of whole numbers": lambda t, x: t.mean(x.long()),
    "spread of whole numbers": lambda t, x: t.std(x.long()),
    "norm of whole numbers": lambda t, x: t.norm(x.long()),
    "max of nothing": lambda t, x: t.max(x[:0]),
    "max along nothing": lambda t, x: t.max(x[:0], 0),
    "amax of nothing": lambda t, x: t.amax(x[:0]),
    "amin along nothing": lambda t, x: t.amin(x[:0], (0, 1)),
    "argmax of nothing": lambda t, x: t.argmax(x[:0]),
    "argmin along nothing": lambda t, x: t.argmin(x[:0], 0),
    "aminmax of nothing": lambda t, x: t.aminmax(x[:0]),
    "argmax of bools": lambda t, x: t.argmax(x > 0),
    "max over two dimensions": lambda t, x: t.max(x, (0, 1)),
    "max with a number in between": lambda t, x: t.max(x, 0, x),
    "prod over two dimensions": lambda t, x: t.prod(x, (0, 1)),
    "matrix norm over three dimensions": lambda t, x: t.norm(x[None], dim=(0, 1, 2)),
    "largest of nothing": lambda t, x: t.norm(x[:0], math.inf),
    "softmax of whole numbers": lambda t, x: t.softmax(x.long(), 0),
    "softmax over two dimensions": lambda t, x: t.softmax(x, (0, 1)),
    "no tensor": lambda t, x: t.sum([1.0, 2.0]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_refused(name: str) -> None:
    mine, theirs = both(np.ones((2, 3)))
    with pytest.raises(Exception) as wanted:
        ERRORS[name](torch, theirs)
    with pytest.raises(wanted.type):
        ERRORS[name](gobhir, mine)


def test_results_have_names() -> None:
    x = gobhir.tensor([[1.0, 3.0], [2.0, 0.0]])
    assert repr(x.max(0)).startswith("gobhir.return_types.max(\nvalues=tensor([2., 3.]),\nindices=")
    assert gobhir.aminmax(x).max.item() == 3
    values, indices = x.sort(1)
    assert values.tolist() == [[1, 3], [0, 2]] and indices.tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
@pytest.mark.parametrize("dims", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_sums_of_many_numbers(axes: tuple, dims: tuple, keepdim: bool) -> None:
    """Taken as a matrix product where the memory order allows it: the same as one by one."""
    x = numbers(0, (40, 30, 50), "float32").transpose(axes)
    total = gobhir.from_numpy(x).sum(dims, keepdim)
    want = np.add.reduce(x.astype(np.float64), dims, keepdims=keepdim)
    assert total.shape == want.shape
    assert np.allclose(total.numpy(), want, rtol=0, atol=1e-5 * np.abs(x).sum() / want.size)
