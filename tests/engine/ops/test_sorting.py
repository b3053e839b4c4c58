"""Sorting, ranks, running results and counting against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import FLOATS, SEEDS, SHAPES, both, check, numbers, same


def different(seed: int, shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    """Numbers of which no two are equal."""
    count = int(np.prod(shape))
    drawn = np.random.default_rng(seed).permutation(count).reshape(shape)
    return np.asarray(drawn / 4 - 1).astype(dtype)


RANKED = {
    "sort": lambda x, d, k: tuple(x.sort(d, k)),
    "stable sort": lambda x, d, k: tuple(x.sort(dim=d, descending=k, stable=True)),
    "argsort": lambda x, d, k: x.argsort(d, k),
    "topk": lambda x, d, k: tuple(x.topk(1, d, k)),
    "kthvalue": lambda x, d, k: tuple(x.kthvalue(1, d, k)),
    "median": lambda x, d, k: tuple(x.median(d, k)),
    "mode": lambda x, d, k: tuple(x.mode(d, k)),
    "cumsum": lambda x, d, k: x.cumsum(d),
    "cumprod": lambda x, d, k: x.cumprod(d),
    "cummax": lambda x, d, k: tuple(x.cummax(d)),
    "cummin": lambda x, d, k: tuple(x.cummin(d)),
    "quantile": lambda x, d, k: x.quantile(0.3, d, k),
    "nanquantile": lambda x, d, k: x.nanquantile(0.8, d, k),
}


@pytest.mark.parametrize("name", RANKED)
@given(shape=SHAPES, flag=st.booleans(), dtype=FLOATS, seed=SEEDS, data=st.data())
@settings(max_examples=10)
def test_along_a_dimension(
    name: str, shape: tuple, flag: bool, dtype: str, seed: int, data: Any
) -> None:
    shape = tuple(max(n, 1) for n in shape)
    reach = max(len(shape), 1)
    d = data.draw(st.integers(-reach, reach - 1))
    x = different(seed, shape, dtype)
    check(lambda x: RANKED[name](x, d, flag), lambda x: RANKED[name](x, d, flag), [x], seed=seed)


@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS, data=st.data())
@settings(max_examples=10)
def test_logcumsumexp(shape: tuple, dtype: str, seed: int, data: Any) -> None:
    reach = max(len(shape), 1)
    d = data.draw(st.integers(-reach, reach - 1))
    x = numbers(seed, shape, dtype)
    f = lambda x: x.logcumsumexp(d)  # noqa: E731
    check(f, f, [x], seed=seed, second=False)  # PyTorch's second derivative is NaN here and there
    check(f, lambda x: x.exp().cumsum(d).log(), [x], seed=seed)
    large = np.asarray(x + 1000, dtype)
    same(f(both(large)[0]), f(both(large)[1]))


TIED = ("stable sort", "median", "mode", "cumprod", "cummax", "cummin", "cumsum")


@pytest.mark.parametrize("name", TIED)
@given(seed=SEEDS, flag=st.booleans(), d=st.integers(-2, 1))
@settings(max_examples=10)
def test_ties_and_zeros(name: str, seed: int, flag: bool, d: int) -> None:
    x = np.random.default_rng(seed).integers(-1, 2, (4, 5)) / 2
    check(lambda x: RANKED[name](x, d, flag), lambda x: RANKED[name](x, d, flag), [x], seed=seed)


@pytest.mark.parametrize(
    "name", ["sort", "argsort", "cumsum", "cumprod", "cummax", "median", "mode"]
)
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_whole_numbers(name: str, dtype: str) -> None:
    x = np.random.default_rng(5).integers(0, 9, (3, 4)).astype(dtype)
    check(lambda x: RANKED[name](x, 1, True), lambda x: RANKED[name](x, 1, True), [x])


@pytest.mark.parametrize("name", ["sort", "cumsum", "cumprod", "cummax"])
@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_nothing(name: str, shape: tuple) -> None:
    check(
        lambda x: RANKED[name](x, -1, False),
        lambda x: RANKED[name](x, -1, False),
        [np.zeros(shape)],
    )


@pytest.mark.parametrize("k", [0, 1, 3, 4])
@pytest.mark.parametrize("largest", [True, False])
def test_topk(k: int, largest: bool) -> None:
    x = different(3, (3, 4))
    check(
        lambda x: tuple(gobhir.topk(x, k, -1, largest)),
        lambda x: tuple(torch.topk(x, k, -1, largest)),
        [x],
    )


@pytest.mark.parametrize("how", ["linear", "lower", "higher", "midpoint", "nearest"])
@pytest.mark.parametrize("dim", [None, 0, -1])
def test_quantiles(how: str, dim: int | None) -> None:
    x, q = different(2, (3, 4)), np.array([0.0, 0.21, 0.5, 0.77, 1.0])
    for keep in (False, True):
        for name in ("quantile", "nanquantile"):
            check(
                lambda x, q, f=name, k=keep: getattr(gobhir, f)(x, q, dim, k, interpolation=how),
                lambda x, q, f=name, k=keep: getattr(torch, f)(x, q, dim, k, interpolation=how),
                [x, q],
                [True, how == "linear"],
            )


@given(shape=SHAPES, n=st.integers(0, 3), seed=SEEDS, data=st.data())
@settings(max_examples=10)
def test_diff(shape: tuple, n: int, seed: int, data: Any) -> None:
    shape = shape or (3,)
    d = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = numbers(seed, shape)
    check(lambda x: gobhir.diff(x, n, d), lambda x: torch.diff(x, n, d), [x], seed=seed)
    check(
        lambda x, y: gobhir.diff(x, n, d, prepend=y, append=y),
        lambda x, y: torch.diff(x, n, d, prepend=y, append=y),
        [x, numbers(seed + 1, shape)],
        seed=seed,
    )


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@given(shape=SHAPES, dtype=FLOATS, keep=st.booleans(), seed=SEEDS, data=st.data())
@settings(max_examples=10)
def test_places(name: str, shape: tuple, dtype: str, keep: bool, seed: int, data: Any) -> None:
    shape = tuple(max(n, 1) for n in shape)
    x = np.asarray(np.round(numbers(seed, shape, dtype)))
    d = data.draw(st.none() | st.integers(-max(len(shape), 1), max(len(shape), 1) - 1))
    f = lambda x: getattr(x, name)(d, keep)  # noqa: E731
    check(f, f, [x], [False])


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_unique(dtype: str, dim: int | None) -> None:
    x = np.random.default_rng(1).integers(0, 2, (4, 3, 2)).astype(dtype)
    x[1] = x[0]
    for name in ("unique", "unique_consecutive"):
        mine, theirs = both(x)
        more = {"return_inverse": True, "return_counts": True, "dim": dim}
        got, want = getattr(mine, name)(**more), getattr(theirs, name)(**more)
        for a, b in zip(got, want, strict=True):
            same(a, b)
        same(getattr(gobhir, name)(mine, dim=dim), getattr(torch, name)(theirs, dim=dim))


def test_counting() -> None:
    for t in (gobhir, torch):
        x = t.tensor([1, 3, 1, 0])
        assert t.bincount(x).tolist() == [1, 2, 0, 1]
        assert t.bincount(x, minlength=6).tolist() == [1, 2, 0, 1, 0, 0]
        weighed = t.bincount(x, t.tensor([0.5, 1.0, 0.25, 2.0]))
        assert weighed.tolist() == [2.0, 0.75, 0.0, 1.0] and weighed.dtype == t.float32
        assert t.histc(t.tensor([1.0, 2.0, 1.0, 9.0]), 4, 0, 3).tolist() == [0, 2, 1, 0]
        hist, edges = t.histogram(t.tensor([1.0, 2.0, 1.0]), 4, range=(0.0, 3.0))
        assert hist.tolist() == [0, 2, 1, 0] and edges.tolist() == [0.0, 0.75, 1.5, 2.25, 3.0]


@pytest.mark.parametrize("right", [False, True])
def test_searching(right: bool) -> None:
    rows = np.sort(np.random.default_rng(0).integers(0, 6, (2, 5)) / 2)
    values = np.random.default_rng(1).integers(0, 6, (2, 3)) / 2
    for t, of in ((gobhir, 0), (torch, 1)):
        r, v = both(rows)[of], both(values)[of]
        found = [
            t.searchsorted(r, v, right=right),
            t.searchsorted(r[0], v, right=right, out_int32=True),
            t.searchsorted(r[0], 1.0, side="right" if right else "left"),
            t.bucketize(v, r[1], right=right),
        ]
        if t is gobhir:
            mine = found
    for a, b in zip(mine, found, strict=True):
        same(a, b)


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin"])
def test_running_results_side_by_side(name: str, dim: int) -> None:
    """Of many numbers side by side, too, what NumPy's accumulate says; NaN stays."""
    x = np.round(numbers(1, (600, 600)), 1)
    x[7, 5] = np.nan
    result = getattr(gobhir.from_numpy(x), name)(dim)
    values = result if name in ("cumsum", "cumprod") else result.values
    how = {"cumsum": np.add, "cumprod": np.multiply, "cummax": np.maximum, "cummin": np.minimum}
    np.testing.assert_array_equal(values.numpy(), how[name].accumulate(x, axis=dim))
    if values is not result:
        _, theirs = getattr(torch.from_numpy(x), name)(dim)
        np.testing.assert_array_equal(result.indices.numpy(), theirs.numpy())


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("n", [15, 16, 300])
def test_ranks_in_long_rows(n: int, largest: bool) -> None:
    """Long rows are parted, not sorted: the values are those that stand in order of size. With
    ties among them, and NaN."""
    x = np.round(numbers(2, (4, n), "float32"), 1)
    x[1, 3] = x[2, 5] = x[2, 6] = np.nan
    mine, theirs = both(x)
    for k in (1, 2, 7, n):
        found, wanted = mine.topk(k, 1, largest), theirs.topk(k, 1, largest)
        np.testing.assert_array_equal(found.values.numpy(), wanted.values.numpy())
        np.testing.assert_array_equal(np.take_along_axis(x, found.indices.numpy(), 1), found.values)
        assert all(len(set(row)) == k for row in found.indices.tolist())
        one, value = mine.kthvalue(k, 1), np.sort(x, 1)[:, k - 1]
        np.testing.assert_array_equal(one.values.numpy(), value)
        np.testing.assert_array_equal(x[range(4), one.indices.numpy()], value)
    middle = mine.median(1)
    np.testing.assert_array_equal(middle.values.numpy(), theirs.median(1).values.numpy())
    np.testing.assert_array_equal(x[range(4), middle.indices.numpy()], middle.values.numpy())
    middle = mine[::3].median(1)
    np.testing.assert_array_equal(middle.values.numpy(), theirs[::3].median(1).values.numpy())
    np.testing.assert_array_equal(x[::3][range(2), middle.indices.numpy()], middle.values.numpy())


ERRORS = {
    "topk beyond the end": lambda t, x: t.topk(x, 4),
    "topk of bools": lambda t, x: t.topk(x > 0, 1),
    "no rank 0": lambda t, x: t.kthvalue(x, 0),
    "kthvalue of nothing": lambda t, x: t.kthvalue(x[:0], 1, 0),
    "median of nothing": lambda t, x: t.median(x[:0], 0),
    "median of bools": lambda t, x: t.median(x > 0),
    "mode of nothing": lambda t, x: t.mode(x[:0], 0),
    "no such dimension": lambda t, x: t.sort(x, 2),
    "running sum along what": lambda t, x: t.cumsum(x),
    "logcumsumexp of whole numbers": lambda t, x: t.logcumsumexp(x.long(), 0),
    "a share above 1": lambda t, x: t.quantile(x, 1.5),
    "quantile of whole numbers": lambda t, x: t.quantile(x.long(), 0.5),
    "unknown interpolation": lambda t, x: t.quantile(x, 0.5, interpolation="cubic"),
    "diff of one number": lambda t, x: t.diff(x[0, 0]),
    "diff a negative number of times": lambda t, x: t.diff(x, -1),
    "bincount of negative numbers": lambda t, x: t.bincount(-x[0].long()),
    "bincount of floats": lambda t, x: t.bincount(x[0]),
    "histc of whole numbers": lambda t, x: t.histc(x.long()),
    "histc with bounds the wrong way round": lambda t, x: t.histc(x, 3, 2, 1),
    "search in other rows": lambda t, x: t.searchsorted(x, x[0]),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_refused(name: str) -> None:
    mine, theirs = both(np.ones((2, 3)))
    with pytest.raises(Exception) as wanted:
        ERRORS[name](torch, theirs)
    with pytest.raises(wanted.type):
        ERRORS[name](gobhir, mine)
