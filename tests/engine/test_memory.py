"""Memory read as other numbers, given other sizes, and taken from Python's own, beside PyTorch."""

from __future__ import annotations

import array
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.ops.programs import refused

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])

READ = """
t.arange(6.0).view(t.int32) | t.arange(6.0).reshape(2, 3).view(t.uint8)
t.ones(2, 4).view(t.float64) | t.ones(()).view(t.int32) | t.ones(2, 4).t().view(t.int32)
t.ones(3, 4)[1:].view(t.float64) | t.ones(2).view(t.bool) | t.ones(2).view(dtype=t.float16)
t.ones(2, requires_grad=True).view(t.float16) | t.ones(2, 3).view(t.float32)
t.ones(3, 4)[:, 2:].view(t.float64) | t.ones(0).view(t.int16) | t.ones(0, 4).view(t.float64)
t.arange(8, dtype=t.uint8).view(t.int64) | t.arange(3).view(t.int8) | t.ones(2).view(float)
(t.ones(2, 3).t() + 1).contiguous().view(t.int16) | t.arange(4.0).view(2, 2).view(t.int32)
"""


@pytest.mark.parametrize("code", [c.strip() for c in READ.replace("\n", " | ")[3:-3].split(" | ")])
def test_read_as_other_numbers(code: str) -> None:
    mine, theirs = (eval(code, {"t": t}) for t in (gobhir, torch))
    assert str(theirs.dtype) == f"torch.{mine.dtype.name}"
    assert mine.requires_grad == theirs.requires_grad
    np.testing.assert_array_equal(mine.detach().numpy(), theirs.detach().numpy())


@pytest.mark.parametrize(
    "code",
    [
        "x.view(t.float32)[:, :3].view(t.float64)",
        "x.view(t.float32)[:, 1:5].view(t.float64)",
        "x.t().view(t.float32)",
        "x[0, 0].view(t.int16)",
        "x[:, ::2].view(t.int8)",
        "x.view(t.float32)[:, :7][:, :6].contiguous()[:, :5].view(t.float64)",
        "x.requires_grad_().resize_(2)",
        "(x.requires_grad_() * 2).resize_(3, 4)",
        "x.resize_(-1)",
        "x.resize_()",
    ],
)
def test_what_cannot_be(code: str) -> None:
    refused(code, np.ones((3, 4)))


@BOTH
def test_the_memory_is_shared(t: Any) -> None:
    x = t.ones(2, dtype=t.float32)
    bits = x.view(t.int32)
    bits[0] = 0
    assert x.tolist() == [0.0, 1.0] and x._version == 1
    y = x.clone().requires_grad_()
    z = y * 2
    s = z.sigmoid()
    z.detach().view(t.int32).zero_()
    s.sum().backward()
    w = (y * 2).exp()
    w.detach().view(t.int32).zero_()
    with pytest.raises(RuntimeError):
        w.sum().backward()


def test_a_compiled_step_reads_it_anew() -> None:
    step = gobhir.compile(lambda x: (x * 2).view(gobhir.int32) & 0xFFFF)
    for seed in range(4):
        gobhir.manual_seed(seed)
        x = gobhir.rand(5)
        assert step(x).tolist() == ((x * 2).view(gobhir.int32) & 0xFFFF).tolist()


@BOTH
def test_resized(t: Any) -> None:
    x = t.arange(6.0)
    row = x[4:]
    assert x.resize_(2, 3) is x and x.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert x.resize_((2, 2)).tolist() == [[0, 1], [2, 3]] and x.stride() == (2, 1)
    x[0, 0] = 9
    assert x.resize_(6).tolist() == [9, 1, 2, 3, 4, 5] and row.tolist() == [4, 5]
    row.fill_(7)
    assert x.tolist() == [9, 1, 2, 3, 7, 7]
    part = x[2:]
    assert part.resize_(1, 2).tolist() == [[2, 3]] and part.storage_offset() == 2
    larger = x.resize_(3, 3)
    assert larger.shape == (3, 3) and larger.flatten()[:6].tolist() == [9, 1, 2, 3, 7, 7]
    assert t.ones(2, 3).t().resize_(2, 2).is_contiguous()
    assert t.arange(4.0).resize_as_(t.ones(2, 2)).tolist() == [[0, 1], [2, 3]]
    assert t.resize_as_(t.arange(4.0), t.ones(3)).tolist() == [0, 1, 2]
    y = t.arange(4.0).resize_(2, 2)
    w = t.ones(2, requires_grad=True)
    (y @ w).sum().backward()
    assert w.grad.tolist() == [2, 4]
    y.mul_(2)
    assert y.t().tolist() == [[0, 4], [2, 6]] and y[1].tolist() == [4, 6]


def test_resizing_a_result_that_lies_otherwise_in_memory() -> None:
    x = gobhir.arange(6.0).reshape(2, 3).t() + 0  # NumPy keeps the order of x
    assert x.resize_(6).tolist() == [0, 3, 1, 4, 2, 5]


@BOTH
def test_from_buffers(t: Any) -> None:
    memory = bytearray(range(16))
    x = t.frombuffer(memory, dtype=t.int32, count=2, offset=4)
    assert x.tolist() == [117835012, 185207048] and x.dtype == t.int32
    x[0] = 0
    assert memory[4:8] == bytes(4)
    assert t.frombuffer(memory, dtype=t.uint8).shape == (16,)
    y = t.frombuffer(array.array("f", [1, 2]), dtype=t.float32, requires_grad=True)
    assert y.requires_grad and y.tolist() == [1, 2]
    with pytest.warns(UserWarning) if t is gobhir else warnings.catch_warnings():
        warnings.simplefilter("ignore" if t is torch else "always")
        assert t.frombuffer(bytes(memory), dtype=t.uint8)[1] == 1
    for bad in ({"count": 9}, {"count": 0}, {"offset": 2}, {"offset": 99}, {"offset": -2}):
        with pytest.raises(ValueError):
            t.frombuffer(memory, dtype=t.int32, **bad)
    for nothing in (bytearray(), [1]):
        with pytest.raises(ValueError):
            t.frombuffer(nothing, dtype=t.int32)
    with pytest.raises(TypeError):
        t.frombuffer(memory)
    with pytest.raises(RuntimeError):
        t.frombuffer(memory, dtype=t.int32, requires_grad=True)


@BOTH
def test_the_default_type_by_the_name_of_its_tensors(t: Any) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            t.set_default_tensor_type(t.DoubleTensor)
            assert t.ones(2).dtype == t.float64
            t.set_default_tensor_type(f"{t.__name__}.FloatTensor")
            assert t.ones(2).dtype == t.float32
            for wrong in (t.LongTensor, "torch.cuda.FloatTensor", t.float32):
                with pytest.raises(TypeError):
                    t.set_default_tensor_type(wrong)
    finally:
        t.set_default_dtype(t.float32)
