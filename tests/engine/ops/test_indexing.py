"""Indexing and assignment, gathering and scattering against PyTorch: values, gradients with
random cotangents, second derivatives, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import SEEDS, SHAPES, both, check, numbers, same

ROWS, COLUMNS = np.array([0, 2, 0]), np.array([[1], [3]])
MASK = np.array([True, False, True])
SQUARE = np.array([[True, False, True, False], [False] * 4, [False, True, True, True]])

INDICES = {
    "number": lambda x, i, j, m, s: x[1],
    "negative": lambda x, i, j, m, s: x[-1, 2],
    "slice": lambda x, i, j, m, s: x[1:, ::2],
    "everything": lambda x, i, j, m, s: x[...],
    "empty tuple": lambda x, i, j, m, s: x[()],
    "new dimension": lambda x, i, j, m, s: x[:, None, 1],
    "ellipsis": lambda x, i, j, m, s: x[..., 0],
    "ellipsis for nothing": lambda x, i, j, m, s: x[0, ..., 1, 1],
    "list": lambda x, i, j, m, s: x[[0, 2, 0]],
    "two lists": lambda x, i, j, m, s: x[[0, 2, 0], [1, 1, 1]],
    "list of lists": lambda x, i, j, m, s: x[[[0, 2], [1, 1]]],
    "range": lambda x, i, j, m, s: x[range(2)],
    "nothing": lambda x, i, j, m, s: x[2:2],
    "no rows": lambda x, i, j, m, s: x[[]],
    "tensor": lambda x, i, j, m, s: x[i],
    "tensor of one number": lambda x, i, j, m, s: x[i[1]],
    "tensors that broadcast": lambda x, i, j, m, s: x[i, j],
    "tensors apart": lambda x, i, j, m, s: x[i, :, i[:1]],
    "number beside tensor": lambda x, i, j, m, s: x[0, :, i],
    "numbers and tensor": lambda x, i, j, m, s: x[1, j, -1],
    "tensor, slice, number": lambda x, i, j, m, s: x[i, 1:, 0],
    "tensors with None between": lambda x, i, j, m, s: x[i, None, i],
    "tensors with ... between": lambda x, i, j, m, s: x[i, ..., i],
    "tensors with ... for nothing": lambda x, i, j, m, s: x[:, i, ..., i],
    "negative places": lambda x, i, j, m, s: x[i - 3, -1],
    "mask": lambda x, i, j, m, s: x[x.detach() > 0.5],
    "rows by mask": lambda x, i, j, m, s: x[m],
    "mask of two dimensions": lambda x, i, j, m, s: x[s],
    "mask and number": lambda x, i, j, m, s: x[s, 0],
    "mask beside tensor": lambda x, i, j, m, s: x[m, i[:2]],
    "one bool": lambda x, i, j, m, s: x[True],
    "one bool that is false": lambda x, i, j, m, s: x[False, 0],
}


OLD_HABITS = (
    "ignore:Using a non-tuple sequence:UserWarning",
    "ignore:The reduce argument:UserWarning",
    "ignore:index_reduce:UserWarning",
)
pytestmark = [pytest.mark.filterwarnings(w) for w in OLD_HABITS]


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("seed", [0, 1])
def test_reading(name: str, seed: int) -> None:
    f = INDICES[name]
    check(f, f, [numbers(seed, (3, 4, 3)), ROWS, COLUMNS, MASK, SQUARE], seed=seed)


def _assigned(name: str, number: bool = False) -> Any:
    """x with v (broadcast from its last dimension) at the index of that name."""

    class Recorder:
        def __getitem__(self, index: Any) -> Any:
            return index

        def detach(self) -> Any:
            return Above()

    class Above:
        def __gt__(self, other: float) -> Any:
            return lambda x: x > other

    def f(x: Any, v: Any, i: Any, j: Any, m: Any, s: Any) -> Any:
        index = INDICES[name](Recorder(), i, j, m, s)
        index = index(x.detach()) if callable(index) else index
        y = x * 1
        y[index] = 2.5 if number else v
        return y

    return f


@pytest.mark.parametrize("name", INDICES)
def test_assigning(name: str) -> None:
    x, v = numbers(2, (3, 4, 3)), np.asarray(1.25)
    for f in (_assigned(name), _assigned(name, number=True)):
        check(f, f, [x, v, ROWS, COLUMNS, MASK, SQUARE])


ASSIGNMENTS = {
    "a row": (lambda x, v: x.__setitem__(1, v), (4,)),
    "a row for all": (lambda x, v: x.__setitem__(slice(1, None), v), (4,)),
    "ones in front": (lambda x, v: x.__setitem__(0, v), (1, 1, 4)),
    "a column": (lambda x, v: x.__setitem__((slice(None), 2), v), (3,)),
    "by list": (lambda x, v: x.__setitem__(([0, 2], [1, 1]), v), (2,)),
    "by mask": (lambda x, v: x.__setitem__(x.detach() < 99, v), (12,)),
    "added": (lambda x, v: x.__setitem__([0, 1], x[[0, 1]] + v), (2, 4)),
}


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_assigning_tensors(name: str, seed: int) -> None:
    assign, shape = ASSIGNMENTS[name]

    def f(x: Any, v: Any) -> Any:
        y = x * 2
        assign(y, v)
        return y * y

    check(f, f, [numbers(seed, (3, 4)), numbers(seed + 1, shape)], seed=seed)


def test_adding_in_place_at_an_index() -> None:
    def f(x: Any, v: Any) -> Any:
        y = x * 1
        y[1:] += v
        y[[0, 2], 1] *= v[0, :2]
        y[0, 0] -= v[0, 0]
        return y * v.sum()

    check(f, f, [numbers(3, (3, 4)), numbers(4, (2, 4))])


def test_filling_in_a_loop_keeps_no_copies() -> None:
    """Each step's gradient needs only where it wrote, so no step copies the whole."""
    h, out = gobhir.ones(3, requires_grad=True), gobhir.zeros(50, 3)
    memory = out.array
    for t in range(50):
        out[t] = h * t
        out[t] += h
        out[t, 0] *= 2
    assert out.array is memory
    todo, seen = [out.grad_fn], set()
    while todo:
        record = todo.pop()
        if record is None or id(record) in seen or not hasattr(record, "edges"):
            continue
        seen.add(id(record))
        assert record.value.size < 50 * 3 or record.value.base is memory or record.value is memory
        todo += record.edges
    (out * out).sum().backward()
    want = sum(2.0 * (t + 1) ** 2 for t in range(50))
    assert h.grad.tolist() == [4 * want, want, want]


def test_an_index_may_be_written_to_before_backward() -> None:
    x, i = gobhir.zeros(3, requires_grad=True), gobhir.tensor([0, 1])
    y = x[i] + x.gather(0, i) + x.index_select(0, i) + x.take(i)
    i += 1
    y.sum().backward()
    assert x.grad.tolist() == [4, 4, 0]


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool"])
def test_values_take_the_dtype_of_the_tensor(dtype: str) -> None:
    def f(x: Any, v: Any) -> Any:
        x = x.clone()
        x[0] = v  # a whole row
        x[1] = 1.75
        x[x == 2] = v[0]
        x[2, 0] = True
        return x

    check(f, f, [np.arange(6).reshape(3, 2).astype(dtype), np.array([2.5, 0.0])], [False, False])


@given(rows=st.integers(1, 5), count=st.integers(0, 12), seed=SEEDS)
@settings(max_examples=15)
def test_repeated_places_add_up(rows: int, count: int, seed: int) -> None:
    x = numbers(seed, (rows, 3))
    at = np.random.default_rng(seed).integers(-rows, rows, count)
    f = lambda x, i: x[i] * x[i].sum(0)  # noqa: E731
    check(f, f, [x, at], seed=seed)
    g = lambda x, i: (x[i, i % 3] ** 2, x[:, i % 3])  # noqa: E731
    check(g, g, [x, at], seed=seed)


@given(
    cuts=st.lists(
        st.integers(-6, 6) | st.tuples(st.integers(-6, 6), st.integers(-6, 6)), max_size=6
    ),
    lead=st.sampled_from(["first", "last", "second"]),
    seed=SEEDS,
)
@settings(max_examples=60)
def test_pieces_side_by_side_apart_and_over_one_another(
    cuts: list[Any], lead: str, seed: int
) -> None:
    shape = {"first": (6, 2), "second": (2, 6, 3), "last": (2, 3, 6)}[lead]
    before = {"first": (), "second": (slice(None),), "last": (...,)}[lead]
    places = [slice(*c) if type(c) is tuple else min(c, 5) for c in cuts]

    def read(x: Any) -> Any:
        whole = [x[(*before, at)] for at in (slice(0, 2), 2, slice(3, None))]
        return tuple((k + 1) * part for k, part in enumerate(whole)), [
            x[(*before, at)] ** 2 for at in places
        ]

    f = lambda x: (*read(x)[0], *read(x)[1])  # noqa: E731
    check(f, f, [numbers(seed, shape)], seed=seed)
    tile = lambda x: read(x)[0]  # noqa: E731
    check(tile, tile, [numbers(seed, shape)], seed=seed)


# -- along a dimension ----


@st.composite
def gathering(draw: st.DrawFn) -> tuple[Any, ...]:
    """x, a dimension of it, an index for gather along it that repeats, one that does not."""
    shape = tuple(max(n, 1) for n in draw(SHAPES)) or (3,)
    dim = draw(st.integers(-len(shape), len(shape) - 1))
    seed = draw(SEEDS)
    rng = np.random.default_rng(seed)
    sizes = [draw(st.integers(0, n)) for n in shape]
    sizes[dim] = draw(st.integers(0, 4))
    index = rng.integers(0, shape[dim], sizes)
    sizes[dim] = min(sizes[dim], shape[dim])
    once = np.argsort(rng.random(shape), axis=dim)[tuple(slice(n) for n in sizes)]
    return numbers(seed, shape), dim, index, once.copy(), seed


@given(drawn=gathering())
@settings(max_examples=20)
def test_gather_and_scatter(drawn: tuple) -> None:
    x, d, index, once, seed = drawn
    src, other = numbers(seed + 1, index.shape), numbers(seed + 2, once.shape)
    check(lambda x, i: x.gather(d, i), lambda x, i: x.gather(d, i), [x, index], seed=seed)
    for name, at, values in (("scatter", once, other), ("scatter_add", index, src)):
        f = lambda x, i, v, name=name: getattr(x, name)(d, i, v)  # noqa: E731
        check(f, f, [x, at, values], seed=seed)
        g = lambda x, i, v, name=name: getattr(x * 1, name + "_")(d, i, v)  # noqa: E731
        check(g, g, [x, at, values], seed=seed)
    f = lambda x, i: x.scatter(d, i, 1.5)  # noqa: E731
    check(f, f, [x, index], seed=seed)


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
@given(drawn=gathering(), include=st.booleans())
@settings(max_examples=10)
def test_scatter_reduce(reduce: str, drawn: tuple, include: bool) -> None:
    x, d, index, _, seed = drawn
    src = numbers(seed + 1, index.shape)
    f = lambda x, i, v: x.scatter_reduce(d, i, v, reduce, include_self=include)  # noqa: E731
    zeros_met = reduce == "prod" and (not x.all() or not src.all())
    check(f, f, [x, index, src], seed=seed, second=not zeros_met)


def test_scatter_with_reduce() -> None:
    x, i, v = numbers(0, (3, 4)), np.array([[0, 0, 2]]), numbers(1, (2, 3))
    for how in ("add", "multiply"):
        f = lambda x, i, v, how=how: x.scatter(1, i, v, reduce=how)  # noqa: E731
        check(f, f, [x, i, v], [False] * 3)
        g = lambda x, i, how=how: x.scatter(1, i, 1.5, reduce=how)  # noqa: E731
        check(g, g, [x, i], [False] * 2)


ALONG = {
    "index_select": lambda t, x, i, v: t.index_select(x, 1, i),
    "index_add": lambda t, x, i, v: t.index_add(x, 1, i, v, alpha=2),
    "index_copy": lambda t, x, i, v: t.index_copy(x, -2, i[:2], v[:, :2]),
    "index_fill": lambda t, x, i, v: t.index_fill(x, 1, i, v[0, 0, 0]),
    "index_fill by a number": lambda t, x, i, v: t.index_fill(x, 1, i, 2),
    "index_put": lambda t, x, i, v: t.index_put(x, (i[:2], i[1:]), v[:2, 0]),
    "index_put, added": lambda t, x, i, v: t.index_put(x, (i[:2], i[1:]), v[0, :2], True),
    "index_add_": lambda t, x, i, v: (x * 1).index_add_(1, i, v),
    "index_fill_": lambda t, x, i, v: (x * 1).index_fill_(1, i, 0),
    "index_copy_": lambda t, x, i, v: (x * 1).index_copy_(1, i[:2], v[:, :2]),
    "index_put_": lambda t, x, i, v: (x * 1).index_put_((i,), v[0, 0]),
    "take": lambda t, x, i, v: t.take(x, i.reshape(1, -1) - 9),
    "put": lambda t, x, i, v: x.put(i, v[0, :, 0], accumulate=True),
    "put_": lambda t, x, i, v: (x * 1).put_(i[:2], v[0, :2, 0]),
    "take_along_dim": lambda t, x, i, v: t.take_along_dim(x, i.reshape(1, 3, 1) - 3, 1),
    "take_along_dim, flat": lambda t, x, i, v: t.take_along_dim(x.contiguous(), i * 5),
    "take_along_dim, argsort": lambda t, x, i, v: t.take_along_dim(x, x.argsort(-1), -1),
    "select_scatter": lambda t, x, i, v: t.select_scatter(x, v[:, 0], 1, -1),
    "slice_scatter": lambda t, x, i, v: t.slice_scatter(x, v[:, :2], 1, 0, None, 2),
    "masked_fill": lambda t, x, i, v: t.masked_fill(x, x.detach() > 0, 2),
    "masked_fill by a tensor": lambda t, x, i, v: t.masked_fill(x, x[0].detach() > 0, v[0, 0, 0]),
    "masked_fill_": lambda t, x, i, v: (x * 1).masked_fill_(x.detach() > 0, -1.5),
    "masked_select": lambda t, x, i, v: t.masked_select(x, x[:1].detach() > 0),
    "masked_scatter": lambda t, x, i, v: (
        t.masked_scatter(x, x.detach() > 9, v) + (t.masked_scatter(v, v.detach() > 0, x)[:, :1])
    ),
    "fill_diagonal_": lambda t, x, i, v: (x[0] * v[0, 0]).fill_diagonal_(3),
    "fill_diagonal_, wrapped": lambda t, x, i, v: (x[:, :, :1].reshape(-1, 2) * 1).fill_diagonal_(
        3, wrap=True
    ),
    "where": lambda t, x, i, v: t.where(x[:, :3].detach() > 0, x[:, :3], v),
    "where with a number": lambda t, x, i, v: x.where(x.detach() > 0, 2.0),
    "where all are numbers": lambda t, x, i, v: t.where(x > 0, 1, 0.5),
    "where it holds": lambda t, x, i, v: t.where(x > 0),
    "nonzero": lambda t, x, i, v: t.nonzero(x > 0),
    "nonzero as tuple": lambda t, x, i, v: x.nonzero(as_tuple=True),
    "index_reduce": lambda t, x, i, v: t.index_reduce(x.detach(), 1, i, v.detach(), "amax"),
    "diagonal_scatter": lambda t, x, i, v: t.diagonal_scatter(x, v[:, :1, 0], 1, 1, 2),
    "unravel_index": lambda t, x, i, v: t.unravel_index(i, (2, 2)),
    "argwhere": lambda t, x, i, v: t.argwhere(x > 1),
}


@pytest.mark.parametrize("name", ALONG)
def test_along_and_under_masks(name: str) -> None:
    f, inputs = ALONG[name], [numbers(1, (3, 4, 2)), np.array([2, 0, 2]), numbers(4, (3, 3, 2))]
    check(lambda *a: f(gobhir, *a), lambda *a: f(torch, *a), inputs)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_whole_numbers(dtype: str) -> None:
    x, i = np.arange(6).reshape(2, 3).astype(dtype), np.array([[0, 2], [1, 1]])
    v = np.ones((2, 2), dtype)
    for f in (
        lambda x, i, v: x.gather(1, i),
        lambda x, i, v: x.scatter(1, i, v),
        lambda x, i, v: x.scatter_add(1, i, v),
        lambda x, i, v: x.scatter_reduce(1, i, v, "amax", include_self=False),
        lambda x, i, v: x[:, i],
        lambda x, i, v: x.masked_fill(x == 1, 0),
        lambda x, i, v: x.index_add(0, i[0, :1], x[:1]),
    ):
        check(f, f, [x, i, v])


def test_one_number_and_no_numbers() -> None:
    zero = np.zeros((), np.int64)
    for f in (
        lambda x, i: x.gather(0, i),
        lambda x, i: x.scatter_add(0, i, x),
        lambda x, i: x.index_select(0, i),
        lambda x, i: x.take(i),
        lambda x, i: x[None][i],
    ):
        check(f, f, [np.asarray(2.5), zero])
    for shape in ((0, 3), (3, 0)):
        x, none = np.zeros(shape), np.zeros((0,), np.int64)
        for f in (lambda x, i: x[i], lambda x, i: x[:, i], lambda x, i: x.index_select(0, i)):
            check(f, f, [x, none])


def test_a_view_of_many_elements_is_written_through() -> None:
    for t in (gobhir, torch):
        x = t.zeros(3, 4)
        x[1][2] = 5
        x[1:, 0] += 2
        x.select(1, 3).fill_(7)
        x[0, t.tensor([1, 2])] = 9.0
        assert x.tolist() == [[0, 9, 9, 7], [2, 0, 5, 7], [2, 0, 0, 7]]


ERRORS = {
    "number out of range": lambda t, x, i: x[2],
    "negative out of range": lambda t, x, i: x[0, -4],
    "too many": lambda t, x, i: x[0, 0, 0],
    "tensor out of range": lambda t, x, i: x[i],
    "mask of another size": lambda t, x, i: x[i > 0],
    "tensors that clash": lambda t, x, i: x[i[:1] - i[:1], i - i][i[:2], i],
    "float": lambda t, x, i: x[1.0],
    "tensor of floats": lambda t, x, i: x[x[0]],
    "word": lambda t, x, i: x["a"],
    "backwards": lambda t, x, i: x[::-1],
    "no step": lambda t, x, i: x[::0],
    "number of a number": lambda t, x, i: x[0, 0][0],
    "slice of a number": lambda t, x, i: x[0, 0][:],
    "assigning out of range": lambda t, x, i: x.__setitem__(2, 1.0),
    "assigning a wrong shape": lambda t, x, i: x.__setitem__(0, x[:, 0]),
    "assigning a wrong count": lambda t, x, i: x.__setitem__(x > 0, x[0]),
    "assigning a list": lambda t, x, i: x.__setitem__(0, [1.0, 2.0, 3.0]),
    "assigning another dtype": lambda t, x, i: x.__setitem__(i - i, x[0].long()),
    "gather out of range": lambda t, x, i: x.gather(0, i[None]),
    "gather from the end": lambda t, x, i: x.gather(0, i[None] * 0 - 1),
    "gather with fewer dimensions": lambda t, x, i: x.gather(0, i),
    "gather by floats": lambda t, x, i: x.gather(0, x),
    "gather wider than it is": lambda t, x, i: x.gather(0, t.zeros(1, 4).long()),
    "scatter of another dtype": lambda t, x, i: x.scatter(0, i[None] * 0, i[None]),
    "scatter from too little": lambda t, x, i: x.scatter(0, i[None] * 0, x[:, :1]),
    "scatter with an unknown reduce": lambda t, x, i: x.scatter(0, i[None] * 0, x, reduce="mean"),
    "scatter_reduce in an unknown way": lambda t, x, i: x.scatter_reduce(
        0, i[None] * 0, x, "median"
    ),
    "index_select out of range": lambda t, x, i: x.index_select(0, i),
    "index_select by a matrix": lambda t, x, i: x.index_select(0, i[None]),
    "index_add of another size": lambda t, x, i: x.index_add(0, i * 0, x),
    "index_fill with several": lambda t, x, i: x.index_fill(0, i * 0, x[0]),
    "take out of range": lambda t, x, i: x.take(i + 9),
    "take by int32": lambda t, x, i: x.take(i.int()),
    "masked_fill by numbers": lambda t, x, i: x.masked_fill(i, 1.0),
    "masked_fill with several": lambda t, x, i: x.masked_fill(x > 0, x[0]),
    "masked_select by numbers": lambda t, x, i: x.masked_select(i),
    "masked_scatter from too little": lambda t, x, i: x.masked_scatter(x > 0, x[0]),
    "where by numbers": lambda t, x, i: t.where(i, x, x),
    "where with one choice": lambda t, x, i: t.where(x > 0, x),
    "where of other shapes": lambda t, x, i: t.where(x > 0, x, t.zeros(5)),
    "a diagonal of a row": lambda t, x, i: x[0].fill_diagonal_(1),
}


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_refused(name: str) -> None:
    (mine, theirs), (i, i_t) = both(np.ones((2, 3))), both(np.array([0, 1, 5]))
    with pytest.raises(Exception) as wanted:
        ERRORS[name](torch, theirs, i_t)
    with pytest.raises(wanted.type):
        ERRORS[name](gobhir, mine, i)


def test_the_message_names_the_index_and_the_size() -> None:
    x = gobhir.zeros(2, 3)
    gobhir.use_language("en")
    try:
        with pytest.raises(IndexError, match=r"Index 5 .* dimension 1, which has size 3"):
            x[0:1, 5]
        with pytest.raises(IndexError, match=r"Index -4 .* dimension 1"):
            x[:, gobhir.tensor([0, -4])]
        with pytest.raises(IndexError, match="3 indices for 2 dimensions"):
            x[0, 0, 0]
        with pytest.raises(ValueError, match="flip"):
            x[::-1]
    finally:
        gobhir.use_language(None)


def test_same_as_before_under_no_grad() -> None:
    x, x_t = both(numbers(0, (3, 3)), grad=True)
    with gobhir.no_grad():
        x[0] = 1
        x[x > 1] -= 1
    with torch.no_grad():
        x_t[0] = 1
        x_t[x_t > 1] -= 1
    same(x, x_t)
    with pytest.raises(RuntimeError):
        x[0] = 1  # a leaf under autograd
