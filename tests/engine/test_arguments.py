"""What PyTorch's functions refuse as an argument, ours refuse: with the same type of exception,
and a sentence that names the argument. And what PyTorch takes for a number, we take."""

from __future__ import annotations

import re
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.engine.arguments import Dims, checked, on_tensor
from gobhir.lang import use_language

REFUSED = """
x.sum(True)
x.sum(0, 0)
x.sum(0, keepdim=1)
x.mean(1.5)
x.mean(dim="x", keepdim=2)
x.max(None)
x.prod(None)
x.median(None)
x.squeeze(None)
x.logsumexp(None)
x.cumsum(True)
x.argmax(0, 0)
x.sort(0, 0)
x.topk(1.5)
x.topk(1, 0, 1)
x.kthvalue(1.5)
x.tril(1.5)
x.chunk(True)
x.select(0, True)
x.unbind(True)
x.flatten(0, True)
x.transpose(0, True)
x.unsqueeze(True)
x.std(0, 0)
x.view()
x.reshape()
x.repeat(1.5, 2)
x.view_as(3)
x.unfold(0, 1.5, 1)
x.fill_(None)
x.copy_(x, 1)
x.contiguous(0)
x.float(0)
t.sum(3)
t.sum([x, x])
t.reshape(x, 2, 3)
t.permute(x, 1, 0)
t.flip(x, 0)
t.gather(x, 0, 0)
t.index_select(x, 0, 0)
t.masked_fill(x, 0, 0)
t.masked_fill(x, x > 0, "x")
t.masked_select(x, 0)
t.scatter(x, 0, 0, x)
t.take(x, 0)
t.take_along_dim(x, 0)
t.put(x, 0, x)
t.index_put(x, i, x)
t.bincount(i, 0)
t.repeat_interleave([1, 2])
t.atleast_1d(x, 0)
t.broadcast_tensors(x, 0)
t.broadcast_tensors([x, x])
t.conv1d(x, 0)
t.conv2d(x, x, stride=1.5)
t.max_pool2d(x, True)
t.cosine_similarity(x, 0)
t.hardshrink(x, "x")
t.mm(x, 0)
t.mv(x, 0)
t.matrix_power(s, 1.5)
t.cholesky(s, 0)
t.qr(s, 0)
t.lu_unpack(s, 0)
t.isclose(x, x, x)
t.lerp(x, 0, 0.5)
t.clamp(x, 0, x)
t.addcmul(x, 0, 0)
t.nan_to_num(x, "x")
t.heaviside(x, 0)
t.polygamma(x, 0)
t.histc(x, "x")
t.searchsorted(v, "x")
t.promote_types(x, x)
t.unique(x, 0)
t.use_deterministic_algorithms(x)
t.tril_indices(2, 2, True)
t.einsum(3, x)
t.softmax(x, 0, True)
t.norm(x, x)
t.norm(x, 2, 0, 1)
t.dist(x, 0)
t.diff(x, 1, 0, 3)
t.linalg.solve(s, 0)
t.linalg.norm(s, keepdim=1)
t.linalg.vector_norm(s, "x")
t.linalg.eigh(s, 3)
t.linalg.cholesky(s, upper=1)
t.linalg.multi_dot(s)
t.chain_matmul(None)
t.histogram(v, t.ones(2, 2))
t.cross(v, v.double())
t.lu_unpack(s, t.ones(2))
t.tensor_split(x, v)
t.isin(x, True)
""".strip().splitlines()

TAKEN = """
x.sum(t.tensor(1))
x.sum(axis=0, keepdims=True)
x.max(axis=1).values
x.topk(t.tensor(2)).values
x.mean((0, 1), dtype=t.float64)
x.amax(None)
x.all(None)
x.rot90(t.tensor(1))
x.clamp(t.tensor(0.3), 1)
x.clamp_max(t.tensor(0.3))
x.tril(diagonal=t.tensor(-1))
x.broadcast_to(3, 2, 3)
x.copy_(3)
x.median(dim=0).values
t.sum(input=x, dim=1)
t.add(input=x, other=x)
t.tensor(1.5).topk(0).values
t.bucketize(i, v)
t.searchsorted(v, 2)
t.histogram(x)[0]
t.polygamma(t.tensor(1), v)
t.hsplit(x, t.tensor(3))[2]
t.chain_matmul(s)
t.adaptive_max_pool1d(t.arange(12.0).reshape(1, 2, 6), 3)[1]
t.cholesky_solve(x.T, t.tensor([[2.0, 5, 1], [1, 3, 7], [1, 1, 2]]))
t.cholesky_inverse(t.tensor([[2.0, 1], [5, 3]]), upper=True)
t.einsum(x, [0, 1], x, [2, 1], [0, 2])
t.einsum(x, [..., 1], v, [1])
t.dist(t.tensor([1, 2]), t.tensor([0.5, 1]))
t.trapezoid(x, t.tensor([[0.0, 1, 3]]))
t.vander(v > 1)
t.tensor([1, 255], dtype=t.uint8) > -1
t.tensor([1, 255], dtype=t.uint8) == 256 + 255
t.tensor([1, 100], dtype=t.int8) < 200
t.where(t.tensor([True, False]), t.tensor([1, 2], dtype=t.uint8), -1)
t.clamp(v > 1, v > 2)
""".strip().splitlines()


def run(program: str, t: ModuleType) -> Any:
    x = t.arange(6.0).reshape(2, 3) / 5
    given = {"t": t, "x": x, "i": t.tensor([0, 1, 1]), "v": t.tensor([1.0, 2.0, 3.0])}
    return eval(program, given | {"s": t.tensor([[2.0, 1.0], [1.0, 3.0]])})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", REFUSED)
def test_refused_as_in_pytorch(program: str) -> None:
    with pytest.raises((TypeError, RuntimeError, ValueError)) as theirs:
        run(program, torch)
    with pytest.raises((TypeError, RuntimeError, ValueError)) as ours:
        run(program, gobhir)
    assert type(ours.value) is type(theirs.value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", TAKEN)
def test_taken_as_in_pytorch(program: str) -> None:
    ours, theirs = run(program, gobhir).numpy(), run(program, torch).numpy()
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("program", "english", "bangla"),
    [
        ("x.sum(True)", "sum() takes a whole number, or several", "sum()-এ dim হয়"),
        ("x.sum(0, 0)", "takes True or False for keepdim, not 0", "keepdim হয় True বা False"),
        ("x.topk(1.5)", "topk() takes a whole number for k, not 1.5", "k হয় একটা পূর্ণসংখ্যা"),
        ("t.gather(x, 0, 2)", "for index, not 2", "index হয় একটা টেনসর"),
        ("t.reshape(x, 3, 2)", "gobhir.reshape(x, (2, 3))", "tuple-এ"),
        ("x.view()", "No sizes were given", "কোনো মাপ দেওয়া হয়নি"),
    ],
)
def test_says_which_argument(program: str, english: str, bangla: str) -> None:
    try:
        for language, words in (("en", english), ("bn", bangla)):
            use_language(language)
            with pytest.raises(TypeError, match=re.escape(words)):
                run(program, gobhir)
    finally:
        use_language(None)


def test_every_kind_of_call_is_checked_and_checked_again() -> None:
    @checked
    def f(a: int, b: Dims | None = None, *rest: Any, c: bool = False) -> Any:
        return a, b, rest, c

    for _ in range(2):  # once before it knows the types, once after
        assert f(1) == (1, None, (), False)
        assert f(1, (2, 3), c=True) == (1, (2, 3), (), True)
        assert f(1, 2, 3.5, "x") == (1, 2, (3.5, "x"), False)
        assert f(b=None, a=gobhir.tensor(3)) == (3, None, (), False)
        assert f(np.int64(4))[0] == 4
        for args, named in (((True,), {}), ((1, 2.5), {}), ((1,), {"c": 1}), ((), {"a": 1.5})):
            with pytest.raises(TypeError, match="f"):
                f(*args, **named)
    with pytest.raises(TypeError, match="unexpected keyword"):
        f(1, d=2)

    @on_tensor
    def g(x: Any) -> Any:
        return x

    weight = gobhir.nn.Parameter(gobhir.ones(2))
    assert g(weight) is weight and g(x=weight) is weight
    with pytest.raises(TypeError):
        g(2)
