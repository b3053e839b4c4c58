"""Tensor as a thing: made, printed, promoted, compared, turned into Python and NumPy."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import SEEDS, both

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


# -- printing ----

KINDS = {
    "plain": lambda rng, shape: rng.normal(size=shape),
    "whole": lambda rng, shape: rng.integers(-50, 50, shape) * 1.0,
    "wide": lambda rng, shape: 10 ** rng.normal(scale=4, size=shape),
    "scaled": lambda rng, shape: rng.normal(size=shape) * 10.0 ** rng.integers(-6, 9),
    "odd": lambda rng, shape: rng.choice([0.0, np.nan, np.inf, -np.inf, 1.5, -2.0], shape),
    "odd whole": lambda rng, shape: rng.choice([0.0, np.nan, -np.inf, 3.0], shape),
}


@pytest.mark.parametrize("kind", KINDS)
@given(
    seed=SEEDS,
    shape=st.one_of(
        st.lists(st.integers(0, 9), max_size=3), st.lists(st.integers(1, 40), max_size=3)
    ),
    dtype=st.sampled_from(["float32", "float32", "float64", "int64", "bool", "uint8"]),
    grad=st.booleans(),
)
@settings(max_examples=30)
def test_prints_as_pytorch(kind: str, seed: int, shape: list, dtype: str, grad: bool) -> None:
    values = np.asarray(KINDS[kind](np.random.default_rng(seed), shape))
    if dtype in ("int64", "uint8"):
        values = np.nan_to_num(values, posinf=9, neginf=-9) % 200
    with np.errstate(all="ignore"):
        values = np.asarray(values, dtype)
    mine, theirs = both(values, grad and values.dtype.kind == "f")
    got, want = repr(mine), repr(theirs).replace("torch.", "")
    if dtype in ("float64", "uint8"):  # "dtype=torch." is longer: lines break elsewhere
        got, want = " ".join(got.split()), " ".join(want.split())
    assert got == want


def test_prints_where_it_came_from() -> None:
    x = gobhir.ones(2, requires_grad=True)
    assert repr(x.sigmoid()) == "tensor([0.7311, 0.7311], grad_fn=<SigmoidBackward0>)"
    assert f"{gobhir.tensor(2.34567):.2f}" == "2.35"
    assert repr(gobhir.nn.Parameter(gobhir.ones(1))).startswith("Parameter containing:\ntensor(")


# -- promotion ----

SCALARS: list[Any] = [True, 2, 1.5]


@pytest.mark.parametrize("first", DTYPES)
def test_promotion_table(first: str) -> None:
    mine, theirs = (t.ones(2, dtype=getattr(t, first)) for t in (gobhir, torch))
    for second in DTYPES:
        for shape in ((2,), ()):
            other, other_t = (t.ones(shape, dtype=getattr(t, second)) for t in (gobhir, torch))
            want = str(torch.result_type(theirs, other_t)).removeprefix("torch.")
            assert (mine * other).dtype == want, (first, second, shape)
            assert (other * mine).dtype == want
    for number in SCALARS:
        want = str(torch.result_type(theirs, number)).removeprefix("torch.")
        assert (mine * number).dtype == want
        assert (number * mine).dtype == want


def test_numbers_without_dimensions_count_less() -> None:
    for t in (gobhir, torch):
        narrow = t.ones(2, dtype=t.float32)
        assert (narrow * t.tensor(2.0, dtype=t.float64)).dtype == t.float32
        assert (t.ones(2, dtype=t.int64) * t.tensor(1.5)).dtype == t.float32
        assert (t.tensor(1) * t.tensor(1.5)).dtype == t.float32
        assert (t.tensor(2) / t.tensor(3)).dtype == t.float32


@BOTH
def test_default_dtype(t: Any) -> None:
    try:
        t.set_default_dtype(t.float64)
        assert t.tensor(0.5).dtype == t.zeros(1).dtype == t.rand(1).dtype == t.float64
        assert t.nn.Linear(1, 1).weight.dtype == t.float64
        assert repr(t.tensor(0.5)) == "tensor(0.5000)"
        with pytest.raises(TypeError):
            t.set_default_dtype(t.int64)
    finally:
        t.set_default_dtype(t.float32)


# -- making ----

MADE = {
    "numbers": lambda t: t.tensor([[1, 2], [3, 4]]),
    "floats": lambda t: t.tensor([1.0, 2]),
    "bools": lambda t: t.tensor([True, False]),
    "number": lambda t: t.tensor(3),
    "nothing": lambda t: t.tensor([]),
    "dtype": lambda t: t.tensor([1, 2], dtype=t.float64),
    "array": lambda t: t.tensor(np.array([1.0, 2.0])),
    "list of arrays": lambda t: t.tensor(np.stack([np.ones(2, np.float32)] * 2)),
    "nested tensors": lambda t: t.tensor([t.tensor(1.0), t.tensor(2.0)]),
    "copy": lambda t: t.tensor([1.0]).clone(),
    "zeros": lambda t: t.zeros(2, 3),
    "zeros by tuple": lambda t: t.zeros((2, 3), dtype=t.int64),
    "ones": lambda t: t.ones(()),
    "full": lambda t: t.full((2, 2), 1.5),
    "full of whole numbers": lambda t: t.full((2,), 7),
    "full of truth": lambda t: t.full((2,), True),
    "eye": lambda t: t.eye(2, 3),
    "arange": lambda t: t.arange(5),
    "arange by halves": lambda t: t.arange(1, 3, 0.5),
    "arange down": lambda t: t.arange(5, 1, -2),
    "linspace": lambda t: t.linspace(0, 1, 5),
    "linspace of one": lambda t: t.linspace(2, 3, 1),
    "zeros like": lambda t: t.zeros_like(t.tensor([1, 2])),
    "ones like": lambda t: t.ones_like(t.tensor([1, 2]), dtype=t.float64),
    "as tensor": lambda t: t.as_tensor(np.array([1, 2], np.int32)),
    "from numpy": lambda t: t.from_numpy(np.array([1.0])),
    "where": lambda t: t.where(t.tensor([1.0, -1.0]) > 0)[0],
    "isnan": lambda t: t.isnan(t.tensor([1.0, float("nan")])),
    "isinf": lambda t: t.isinf(t.tensor([1.0, float("-inf")])),
    "isfinite": lambda t: t.isfinite(t.tensor([1.0, float("inf")])),
    "all": lambda t: t.all(t.tensor([[1, 0], [2, 3]]), 1),
    "all of them": lambda t: t.tensor([True, False]).all(),
    "all of a number": lambda t: t.tensor(1.5).all(0),
    "any": lambda t: t.any(t.tensor([[0.0, 0.0], [2, 3]]), -1, True),
    "any of nothing": lambda t: t.tensor([]).any(),
    "less": lambda t: t.tensor([1, 2]) < 2,
    "not equal": lambda t: t.tensor([1, 2]) != t.tensor([1, 3]),
    "and": lambda t: (t.tensor([1, 2]) > 1) & (t.tensor([1, 2]) < 3),
    "xor": lambda t: (t.tensor([1, 2]) > 1) ^ True,
    "and of whole numbers": lambda t: t.tensor([6, 5]) & 3,
    "at most": lambda t: t.tensor([1.0, 2.0]) <= t.tensor(1.5),
    "swapped": lambda t: t.tensor([1.0, 2.0]) < 1.5,
    "or not": lambda t: ~(t.tensor([1, 2]) > 1) | t.tensor([False, False]),
}


@pytest.mark.parametrize("name", MADE)
def test_made_as_by_pytorch(name: str) -> None:
    mine, theirs = MADE[name](gobhir), MADE[name](torch)
    assert str(theirs.dtype) == f"torch.{mine.dtype.name}"
    assert tuple(theirs.shape) == mine.shape
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_memory_shared_and_not() -> None:
    array = np.zeros(2)
    assert gobhir.from_numpy(array).numpy() is array
    assert gobhir.as_tensor(array).numpy() is array
    assert gobhir.tensor(array).numpy() is not array
    t = gobhir.zeros(2)
    assert gobhir.as_tensor(t) is t


@BOTH
def test_into_python(t: Any) -> None:
    x = t.tensor([[1.5, 2.0]])
    assert x.tolist() == [[1.5, 2.0]]
    assert [row.tolist() for row in x] == [[1.5, 2.0]]
    assert len(x) == 1 and x.numel() == 2 and x.dim() == x.ndim == 2 and x.size(1) == 2
    assert t.tensor(2.5).item() == float(t.tensor(2.5)) == 2.5
    assert int(t.tensor(3)) == 3 and [10, 20][t.tensor(1)] == 20
    assert bool(t.tensor([1.0])) and not t.tensor(0)
    assert np.asarray(x).shape == (1, 2)
    assert x.data.requires_grad is False and x.data.tolist() == x.tolist()


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        lambda t: t.ones(2).item(),
        lambda t: bool(t.ones(2)),
        lambda t: len(t.tensor(1.0)),
        lambda t: list(t.tensor(1.0)),
        lambda t: [0, 1][t.tensor(1.0)],
        lambda t: t.ones(2, requires_grad=True).numpy(),
        lambda t: t.tensor("three"),
        lambda t: t.tensor([[1, 2], [3]]),
        lambda t: t.from_numpy([1, 2]),
        lambda t: t.ones(2) + t.ones(3),
        lambda t: t.ones(2, 3) @ t.ones(2, 3),
        lambda t: t.ones(2, 3).reshape(4),
        lambda t: t.ones(2, 3).sum(2),
        lambda t: t.ones(2, 3).softmax(-3),
        lambda t: t.ones(2, 3).squeeze(5),
        lambda t: t.ones(2, 3).unsqueeze(4),
        lambda t: t.ones(2, 3).transpose(0, 2),
        lambda t: t.ones(2, 3).permute(0, 0),
        lambda t: t.ones(2, 3).expand(3, 3),
        lambda t: t.ones(2, 3).flatten(0, 5),
        lambda t: t.ones(2, 3, 4).t(),
        lambda t: t.ones(2)[3],
        lambda t: t.ones(2)[0, 0],
        lambda t: t.tensor([1, 2]).mean(),
        lambda t: t.nn.functional.linear(t.ones(2, 3), t.ones(4, 2)),
        lambda t: t.nn.functional.linear(t.ones(2, 3), t.ones(4, 3, dtype=t.float64)),
        lambda t: copy.deepcopy(t.ones(1, requires_grad=True) * 2),
        lambda t: t.ones(2).to("nonsense"),
        lambda t: t.ones(1).register_hook(print),
        lambda t: t.ones(1).retain_grad(),
        lambda t: t.ones(2) < t.ones(3),
        lambda t: t.ones(2, 3).argmax(2),
    ],
)
def test_refused(t: Any, wrong: Any) -> None:
    with pytest.raises((RuntimeError, TypeError, ValueError, IndexError)) as caught:
        wrong(t)
    if t is gobhir:
        message = caught.value.args[0]
        assert message.text("bn") != message.text("en")


def test_same_kind_of_error_as_pytorch() -> None:
    for wrong, kind in {
        (lambda t: t.ones(2).sum(1), IndexError),
        (lambda t: t.ones(2)[3], IndexError),
        (lambda t: t.ones(2) + t.ones(3), RuntimeError),
        (lambda t: t.ones(2).reshape(3), RuntimeError),
    }:
        for t in (gobhir, torch):
            with pytest.raises(kind):
                wrong(t)


def test_never_pickled() -> None:
    with pytest.raises(TypeError, match="gobhir.save"):
        pickle.dumps(gobhir.ones(1))


@BOTH
def test_data_is_a_tensor_outside_autograd(t: Any) -> None:
    w = t.ones(2, requires_grad=True)
    w.data -= 0.5
    w.data[0] = 7.0
    assert w.tolist() == [7.0, 0.5] and w.requires_grad
    w.data = t.zeros(2)
    assert w.tolist() == [0.0, 0.0]


@BOTH
def test_there_is_one_device(t: Any) -> None:
    x = t.ones(2)
    assert x.to("cpu") is x and x.cpu() is x and str(x.device) == "cpu"
    assert x.to(device="cpu", dtype=t.float64).dtype == t.float64
    assert x.to(t.ones(1, dtype=t.float64)).dtype == t.float64
    assert t.zeros(1, device="cpu").tolist() == [0.0]


def test_other_devices_are_refused() -> None:
    for wrong in (
        lambda: gobhir.ones(2).to("cuda"),
        lambda: gobhir.zeros(2, device="cuda:0"),
        lambda: gobhir.nn.Linear(1, 1).to("mps"),
    ):
        with pytest.raises(RuntimeError) as caught:
            wrong()
        assert "CPU" in caught.value.args[0].text("en")


@BOTH
def test_compared_with_something_else(t: Any) -> None:
    x = t.tensor([1, 2])
    assert (x == None) is False  # noqa: E711
    assert (x != "two") is True
    with pytest.raises(TypeError):
        x < "two"  # noqa: B015


@BOTH
def test_deepcopy(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    y = copy.deepcopy(x)
    with t.no_grad():
        y += 1
    assert x.tolist() == [1.0, 1.0] and y.grad.tolist() == [2.0, 2.0] and y.requires_grad
    twins = copy.deepcopy([x, x])
    assert twins[0] is twins[1]


@BOTH
def test_what_a_program_hangs_on_a_tensor(t: Any) -> None:
    x = t.ones(2)
    x.g, x.note = t.zeros(2), ["seen"]
    copied, deeply = copy.copy(x), copy.deepcopy(x)
    assert copied.g is x.g and deeply.note == ["seen"] and deeply.note is not x.note
    assert not hasattr(x + 1, "g") and not hasattr(x.detach(), "g")
    del x.g
    with pytest.raises(AttributeError):
        _ = x.g


@BOTH
def test_deepcopy_of_a_layer_leaves_gradients_behind(t: Any) -> None:
    layer = t.nn.Linear(2, 2)
    layer.weight.note = 1
    layer(t.ones(1, 2)).sum().backward()
    twin = copy.deepcopy(layer)
    assert twin.weight.tolist() == layer.weight.tolist() and twin.weight.requires_grad
    assert twin.weight.grad is None and not hasattr(twin.weight, "note")


def test_comparing_whole_tensors() -> None:
    for t in (gobhir, torch):
        a, b = t.tensor([1.0, 2.0]), t.tensor([1.0, 2.0 + 1e-9])
        assert t.equal(a, a.clone()) and not t.equal(a, t.ones(2, 1))
        assert t.allclose(a, b) and not t.allclose(a, a + 1)
        nan = t.tensor([float("nan")])
        assert not t.allclose(nan, nan) and t.allclose(nan, nan, equal_nan=True)


def test_numpy_gives_way_to_tensors() -> None:
    x = gobhir.ones(2, requires_grad=True)
    y = np.array([1.0, 2.0], np.float32) * x
    assert isinstance(y, gobhir.Tensor)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 2.0]
    assert isinstance(np.float32(2.0) * x, gobhir.Tensor)


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_numpys_functions_of_a_tensor_give_tensors(t: Any) -> None:
    x = t.tensor([[1.0, 4.0], [9.0, 0.0]])
    for y in (np.sqrt(x), np.maximum(x, x.numpy() / 2).sqrt(), np.abs(x) ** 0.5):
        assert isinstance(y, t.Tensor) and y.tolist() == [[1.0, 2.0], [3.0, 0.0]]
    assert isinstance(np.sin(x[0, 0]), t.Tensor)
    with pytest.raises(RuntimeError):
        np.sqrt(x.requires_grad_())
