"""Making tensors beside PyTorch: numbers, dtypes, sizes, options, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.ops.programs import refused

MADE = """
t.arange(5) | t.arange(2, 7) | t.arange(1, 3, 0.5) | t.arange(5, 0, -1) | t.arange(3, 3)
t.arange(0, 2.5, dtype=t.int64) | t.arange(t.tensor(4)) | t.arange(start=1, end=4)
t.linspace(0, 1, 5) | t.linspace(5, -5, 4, dtype=t.float64) | t.linspace(0, 1, 0)
t.linspace(0, 10, 5, dtype=t.int64) | t.logspace(0, 3, 4) | t.logspace(-1, 1, 5, base=2)
t.eye(3) | t.eye(2, 4, dtype=t.int64) | t.eye(0)
t.full((2, 3), 7) | t.full((2,), 1.5) | t.full((), True) | t.full((2,), t.tensor(3.0))
t.zeros(2, 3) | t.zeros(size=(2, 2)) | t.zeros(()) | t.ones(2, dtype=t.bool)
t.zeros(t.ones(2, 3).shape) | t.zeros(2, device="cpu", layout=t.strided, pin_memory=False)
t.ones(2, requires_grad=True) | t.full_like(t.ones(2, 3), 5)
t.zeros_like(t.ones(2), dtype=t.int32) | t.ones_like(t.ones(2), memory_format=t.preserve_format)
t.ones(2, dtype=t.int64).new_ones(2, 3) | t.ones(2).new_full((2,), 3)
t.ones(2).new_tensor([1, 2]) | t.ones(2).new([1, 2]) | t.ones(2).double().new([2.5])
t.ones(2).new_zeros((2, 3), dtype=t.int32)
t.tensor([1, 2.0]) | t.tensor([True, 2]) | t.tensor([[]]) | t.tensor(np.float64(2))
t.tensor([np.float32(1), 2]) | t.tensor([t.tensor(1), t.tensor(2.0)])
t.tensor([1.7], dtype=t.int64) | t.tensor([[t.tensor(1.0)]])
t.tensor(-1, dtype=t.uint8) | t.tensor(2.0, requires_grad=True)
t.as_tensor([1, 2]) | t.as_tensor(np.ones(2)) | t.asarray([1, 2.0]) | t.scalar_tensor(3)
t.Tensor([1, 2]) | t.Tensor(2, 3) * 0 | t.Tensor() | t.Tensor((2, 3))
t.full((2,), -9, dtype=t.uint8) | t.zeros(2, out=t.ones(3, dtype=t.int64))
t.arange(1.0, 5.5, 2.0, dtype=t.int32) | t.arange(1.0, 5.5, 2.0, dtype=t.int64)
t.linspace(4.3, -3, 50, dtype=t.int64) | t.logspace(4.3, 0, 2, base=2, dtype=t.int64)
t.full((2,), 3, out=t.zeros(2)) | t.rand(2, out=t.zeros(2, dtype=t.float64)) * 0
t.ones(2).fill_(t.tensor(3)) | t.fill(t.ones(2), 3) | t.ones(2, dtype=t.uint8).fill_(-3)
t.range(1, 4) | t.range(0, 1, 0.3) | t.range(1, 4, dtype=t.int64) | t.range(4, 1, -1)
t.range(1.5, 4.9, 1.6, dtype=t.int64) | t.range(1, 1) | t.range(t.tensor(1), 3)
t.range(0, 10, 0.1) | t.range(0, 3, out=t.zeros(1)) | t.range(0, 3, requires_grad=True)
t.LongTensor([1, 2]) | t.FloatTensor(2, 3) * 0 | t.BoolTensor([True]) | t.DoubleTensor([1.5])
"""

PROGRAMS = [line.strip() for row in MADE.strip().splitlines() for line in row.split(" | ")]


@pytest.mark.filterwarnings("ignore:range|torch.range:UserWarning")
@pytest.mark.parametrize("code", PROGRAMS)
def test_made(code: str) -> None:
    mine, theirs = (eval(code, {"t": t, "np": np}) for t in (gobhir, torch))
    assert str(theirs.dtype) == f"torch.{mine.dtype.name}" and tuple(theirs.shape) == mine.shape
    np.testing.assert_array_equal(mine.detach().numpy(), theirs.detach().numpy())
    assert mine.requires_grad == theirs.requires_grad


@pytest.mark.filterwarnings("ignore:range|torch.range:UserWarning")
@pytest.mark.parametrize(
    "code",
    [
        "t.arange(0, 5, -1)",
        "t.range(5)",
        "t.range(4, 1)",
        "t.range(1, 4, 0)",
        "t.range(1, float('inf'))",
        "t.range(0, 3, dtype=t.bool)",
        "t.arange(1, 5, 0)",
        "t.arange(float('nan'))",
        "t.linspace(0, 1, -1)",
        "t.eye(-1)",
        "t.zeros(-1)",
        "t.zeros(2.5)",
        "t.zeros(2, nonsense=1)",
        "t.zeros(2, device='nope')",
        "t.full(3, 1)",
        "t.zeros_like([1])",
        "t.ones(2, dtype=t.int64, requires_grad=True)",
        "t.tensor('three')",
        "t.tensor(None)",
        "t.tensor([[1, 2], [3]])",
        "t.tensor(300, dtype=t.uint8)",
        "t.full((2,), 300, dtype=t.uint8)",
        "t.full((2,), 1e40)",
        "t.full((2,), float('nan'), dtype=t.int64)",
        "t.ones(2).masked_fill(t.ones(2) > 0, 1j)",
        "t.ones(2).fill_(1e40)",
        "t.zeros(2, dtype=t.float32, out=t.zeros(2, dtype=t.int64))",
        "t.arange(2, dtype=t.bool)",
        "t.arange(0, 2, 0.5, dtype=t.int64)",
        "t.linspace(0, 1, 3, dtype=t.bool)",
        "t.Tensor(2.5)",
        "t.from_numpy([1])",
        "t.device('nope')",
        "t.finfo(t.int32)",
        "t.iinfo(t.float32)",
        "t.ones(2).to('nonsense')",
        "'a' in t.ones(2)",
    ],
)
def test_refused(code: str) -> None:
    refused(code)


def test_numpy_memory() -> None:
    array = np.zeros((2, 3))
    assert gobhir.from_numpy(array).numpy() is array and gobhir.as_tensor(array).numpy() is array
    assert gobhir.asarray(array, copy=True).numpy() is not array
    with pytest.raises(ValueError, match="copy"):
        gobhir.from_numpy(array[::-1])
    with pytest.raises(ValueError, match="copied"):
        gobhir.asarray([1, 2], copy=False)
    gobhir.from_numpy(array.T)[2, 1] = 5.0
    assert array[1, 2] == 5.0


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_devices(t: Any) -> None:
    cpu = t.device("cpu")
    assert cpu == t.ones(2).device and cpu.type == "cpu" and cpu.index is None
    assert repr(cpu) == "device(type='cpu')" and str(t.device("cuda", 1)) == "cuda:1"
    assert t.device("cuda:1").index == 1 and t.device("cuda") != cpu
    device = t.device("cuda" if t.cuda.is_available() else "cpu")
    x = t.ones(2).to(device, t.float64)
    assert x.dtype == t.float64 and not x.is_cuda and t.cuda.device_count() == 0
    assert x.to(device) is x and x.to(device, copy=True) is not x and x.cpu() is x
    t.cuda.manual_seed_all(3)
    assert not t.backends.mps.is_available()


def test_there_is_no_other_device() -> None:
    for wrong in (
        lambda x: x.cuda(),
        lambda x: x.to("mps"),
        lambda x: gobhir.randn(2, device="cuda"),
    ):
        with pytest.raises(RuntimeError) as caught:
            wrong(gobhir.ones(2))
        assert "CPU" in caught.value.args[0].text("bn")


CONVERTED = """
x.half() | x.short() | x.byte() | x.char() | x.int() | x.long() | x.double() | x.bool()
x.type_as(t.ones(1, dtype=t.int64)) | x.type(t.float64) | x.type(t.LongTensor)
x.to(t.ones(1, dtype=t.int32)) | x.to("cpu", t.float64) | x.to(dtype=t.int64, copy=True)
"""


@pytest.mark.parametrize("code", " | ".join(CONVERTED.strip().splitlines()).split(" | "))
def test_converted(code: str) -> None:
    values = [eval(code, {"t": t, "x": t.tensor([1.7, -2.0, 0.0])}) for t in (gobhir, torch)]
    assert f"torch.{values[0].dtype.name}" == str(values[1].dtype)
    assert values[0].tolist() == values[1].tolist()


ABOUT = """
x.dim() | x.ndimension() | x.numel() | x.nelement() | x.element_size() | x.itemsize | x.nbytes
x.is_floating_point() | x.is_complex() | x.is_signed() | x.is_cuda | x.is_sparse | x.get_device()
list(x.size()) | x.size(-1) | x.tolist() | 3.0 in x | 2 in x | x.long().type().split(".")[1]
isinstance(x, t.FloatTensor) | isinstance(x, t.LongTensor) | t.is_tensor(x) | t.is_tensor(3)
t.finfo(t.float32).eps | t.finfo(t.float32).max | t.finfo(t.float64).tiny | t.finfo().bits
t.finfo(t.float32).resolution | t.iinfo(t.int64).max | t.iinfo(t.uint8).min | t.iinfo(t.int8).bits
t.can_cast(t.float32, t.int64) | t.can_cast(t.int32, t.float16) | t.can_cast(t.int64, t.uint8)
f"{x[0, 1]:.2f}" | complex(x[0, 0]) | [row.tolist() for row in reversed(x)] | bool(t.tensor([0.0]))
str(t.promote_types(t.int32, t.float16))[-7:] | str(t.result_type(x.long(), 1.5))[-7:]
"""


@pytest.mark.parametrize("code", " | ".join(ABOUT.strip().splitlines()).split(" | "))
def test_what_a_tensor_says_of_itself(code: str) -> None:
    mine, theirs = (eval(code, {"t": t, "x": t.arange(6.0).reshape(2, 3)}) for t in (gobhir, torch))
    assert mine == theirs


def test_copies() -> None:
    for t in (gobhir, torch):
        x = t.ones(2, requires_grad=True)
        shallow, deep = copy.copy(x), copy.deepcopy(x)
        with t.no_grad():
            x += 1
        assert shallow.tolist() == [2, 2] and deep.tolist() == [1, 1]
        assert shallow.requires_grad and deep.requires_grad
        assert x.detach().numpy().sum() == x.numpy(force=True).sum() == 4
        with pytest.raises(TypeError):
            format(t.ones(2), ".2f")


@given(
    options=st.fixed_dictionaries(
        {
            "precision": st.sampled_from([None, 2, 6]),
            "edgeitems": st.sampled_from([None, 1, 5]),
            "threshold": st.sampled_from([None, 10, 100]),
            "linewidth": st.sampled_from([None, 40, 120]),
            "sci_mode": st.sampled_from([None, True, False]),
        }
    ),
    shape=st.lists(st.integers(1, 15), max_size=3),
    seed=st.integers(0, 99),
)
@settings(max_examples=25)
def test_print_options(options: dict, shape: list, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-5, 6), np.float32)
    try:
        for t in (gobhir, torch):
            t.set_printoptions(profile="default")
            t.set_printoptions(**options)
        assert repr(gobhir.from_numpy(array)) == repr(torch.from_numpy(array))
    finally:
        for t in (gobhir, torch):
            t.set_printoptions(profile="default")


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_range_says_that_it_is_deprecated(t: Any) -> None:
    with pytest.warns(UserWarning, match="arange"):
        assert t.range(1, 4).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("steps", [2, 3, 7, 8, 28, 100, 1001])
@pytest.mark.parametrize("ends", [(-1, 1), (0, 0.3), (-3.14159, 3.14159), (1e-4, 0.02), (5, -7)])
def test_linspace_to_the_bit(ends: tuple[float, float], steps: int) -> None:
    assert gobhir.linspace(*ends, steps).tolist() == torch.linspace(*ends, steps).tolist()
