"""Shapes and orders beside PyTorch: values, gradients, second gradients, refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.ops.programs import alike, drawn, refused
from tests.engine.parity import FLOATS, SEEDS, SHAPES, check, numbers

REARRANGED = {
    "x.reshape(4, -1)": (2, 3, 4),
    "x.reshape(())": (1, 1),
    "t.reshape(x, (0, 4))": (0, 2),
    "x.reshape_as(t.ones(3, 8))": (2, 3, 4),
    "x.flatten(1)": (2, 3, 4),
    "x.flatten(-3, -2)": (2, 3, 4, 1),
    "x.flatten()": (),
    "t.ravel(x)": (2, 3),
    "x.unflatten(1, (2, -1))": (3, 6),
    "x.squeeze()": (1, 3, 1),
    "x.squeeze(-1)": (1, 3, 1),
    "x.squeeze((0, 1))": (1, 3, 1),
    "x.squeeze(0)": (),
    "x.unsqueeze(-1)": (2, 3),
    "t.unsqueeze(x, 0)": (),
    "x.expand(5, -1, 3)": (2, 1),
    "x.expand(2, 2)": (),
    "x.expand(0, 2)": (2,),
    "x.expand_as(t.ones(4, 3))": (3,),
    "t.broadcast_to(x, (4, 2, 3))": (2, 1),
    "t.broadcast_tensors(x, t.ones(4, 1))": (3,),
    "x.permute(2, 0, 1)": (2, 3, 4),
    "t.permute(x, (-1, 0, -2))": (2, 3, 4),
    "x.transpose(0, -1)": (2, 3, 4),
    "t.swapaxes(x, 0, 1)": (2, 3, 4),
    "t.movedim(x, 0, -1)": (2, 3, 4),
    "x.moveaxis((0, 1), (2, 0))": (2, 3, 4),
    "x.t()": (2, 3),
    "x.T": (2, 3),
    "x.mT": (2, 3, 4),
    "x.H": (2, 3),
    "x.adjoint()": (2, 3, 4),
    "x.repeat(2, 1, 3)": (2, 3),
    "x.repeat(0, 2)": (2, 3),
    "t.tile(x, (2,))": (2, 3),
    "t.repeat_interleave(x, 2)": (2, 3),
    "x.repeat_interleave(3, dim=-1)": (2, 3),
    "x.repeat_interleave(t.tensor([2, 0, 1]), dim=1)": (2, 3),
    "x.flip(0, -1)": (2, 3),
    "t.flip(x, (1,))": (2, 3, 4),
    "x.fliplr()": (2, 3),
    "x.flipud()": (3,),
    "t.roll(x, 2)": (2, 3),
    "x.roll((1, -2), (0, 1))": (2, 3),
    "t.rot90(x)": (2, 3),
    "x.rot90(-1, (0, 2))": (2, 3, 4),
    "x.rot90(2)": (2, 3),
    "x.unfold(0, 3, 2)": (7,),
    "x.unfold(-1, 2, 1)": (2, 4),
    "t.as_strided(x, (2, 3), (2, 1), 1)": (3, 4),
    "x.tril()": (3, 4),
    "t.tril(x, -1)": (2, 3, 3),
    "x.triu(1)": (3, 4),
    "t.diag(x)": (3,),
    "x.diag(-1)": (3, 4),
    "x.diagonal(1, 0, 2)": (3, 2, 4),
    "t.diag_embed(x, -1)": (2, 3),
    "x.diag_embed(0, 0, 1)": (2, 3),
    "t.diagflat(x, 1)": (2, 2),
    "x.trace()": (3, 4),
    "t.atleast_1d(x)": (),
    "t.atleast_2d(x)": (3,),
    "t.atleast_3d(x, x[0])": (2, 3),
    "x.narrow(1, -3, 2)": (2, 4),
    "x.select(-1, 2)": (2, 4),
    "x.T.contiguous()": (2, 4),
}


@pytest.mark.parametrize("code", REARRANGED)
def test_rearranged(code: str) -> None:
    for seed in (2, 3):
        alike(code, numbers(seed, REARRANGED[code]), seed=seed)


@pytest.mark.parametrize(
    "code", ["x.flip(0)", "x.roll(1)", "x.tril()", "x.repeat(2, 1)", "x.diag()"]
)
@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
def test_other_dtypes(code: str, dtype: str) -> None:
    alike(code, (numbers(4, (3, 3)) * 2).astype(dtype))


REFUSED = {
    "x.reshape(4)": (2, 3),
    "x.reshape(-1, -1)": (2, 3),
    "x.reshape(-1, 0)": (0, 3),
    "x.flatten(1, 0)": (2, 3),
    "x.flatten(0, 5)": (2, 3),
    "x.unflatten(0, (4, 2))": (6,),
    "x.squeeze(5)": (2, 3),
    "x.squeeze((0, 0))": (1, 3),
    "x.unsqueeze(4)": (2, 3),
    "x.expand(3, 3)": (2, 3),
    "x.expand(3)": (2, 3),
    "x.expand(-1, 2)": (2,),
    "x.permute(0, 0)": (2, 3),
    "x.permute(0)": (2, 3),
    "x.transpose(0, 2)": (2, 3),
    "x.t()": (2, 3, 4),
    "x.mT": (2,),
    "t.movedim(x, (0, 1), (0,))": (2, 3),
    "x.repeat(2)": (2, 3),
    "x.repeat(-1, 1)": (2, 3),
    "x.repeat_interleave(-1)": (2, 3),
    "x.repeat_interleave(t.tensor([1, 2]), dim=1)": (2, 3),
    "x.flip(0, 0)": (2, 3),
    "x.fliplr()": (2,),
    "x.roll((1, 2), 0)": (2, 3),
    "x.rot90(1, (0, 0))": (2, 3),
    "x.unfold(0, 5, 1)": (2, 3),
    "x.unfold(0, 1, 0)": (2, 3),
    "x.tril()": (2,),
    "x.diag()": (2, 3, 4),
    "x.diagonal(0, 1, 1)": (2, 3),
    "x.trace()": (3,),
    "x.narrow(0, 1, 2)": (2, 3),
    "x.select(0, 2)": (2, 3),
    "x.size(2)": (2, 3),
    "t.broadcast_shapes((2,), (3,))": (),
    "t.reshape([1, 2], (2, 1))": (),
    "t.tril_indices(-1, 2)": (),
    "x.T.view(-1)": (2, 3),
    "x[:, :2].view(-1)": (2, 3),
    "x.T.detach().view(6)": (2, 3),
    "x.view(5)": (2, 3),
}


@pytest.mark.parametrize("code", REFUSED)
def test_refused(code: str) -> None:
    refused(code, *drawn(REFUSED[code]))


VIEWS = {
    "x.view(-1)": (3, 2),
    "x.view(6, 4)": (2, 3, 4),
    "x.view_as(t.ones(4, 3))": (3, 4),
    "x[1:].view(-1)": (3, 4),
    "x[:, :4].view(3, 2, 2)": (3, 6),
    "x.T.view(2, 3, 2)": (6, 2),
    "x.unsqueeze(1).view(2, 3)": (2, 3),
    "x.T.contiguous().view(-1)": (2, 3),
}


@pytest.mark.parametrize("code", VIEWS)
def test_views_share_memory(code: str) -> None:
    alike(code, *drawn(VIEWS[code]))
    for t in (gobhir, torch):
        x = t.zeros(VIEWS[code])
        view = eval(code, {"t": t, "x": x})
        view += 1
        shared = "contiguous" not in code
        assert bool((x.sum() > 0).item()) == shared


def test_a_result_counts_as_contiguous() -> None:
    """However it is laid out: what PyTorch's convolution gives can be viewed, and so can ours."""
    x = gobhir.from_numpy(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    result = x.detach().array * 1.0  # NumPy keeps the order of the columns
    assert not result.flags.c_contiguous
    made = gobhir.from_numpy(np.arange(6.0).reshape(3, 2)).T * 1
    assert made.is_contiguous() and made.view(-1).tolist() == [0, 2, 4, 1, 3, 5]
    assert made[1:].is_contiguous() and not made[:, 1:].is_contiguous() and made.stride() == (3, 1)
    assert not x.is_contiguous()
    with pytest.raises(RuntimeError, match="reshape"):
        x.view(-1)


@given(shape=st.lists(st.integers(1, 3), max_size=4).map(tuple), data=st.data())
@settings(max_examples=15)
def test_strides_and_offsets(shape: tuple, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    where = tuple(data.draw(st.sampled_from([slice(None), slice(1, None), 0])) for _ in shape)
    for t in (gobhir, torch):
        x = t.zeros(shape)[where] if not shape else t.zeros(shape).permute(order)[where]
        got = x.stride(), x.storage_offset(), x.is_contiguous(), tuple(x.shape)
        if t is gobhir:
            mine = got
    if 0 not in mine[3]:
        assert mine == got


@given(shape=SHAPES, dtypes=st.tuples(FLOATS, FLOATS), seed=SEEDS)
@settings(max_examples=10)
def test_cast(shape: tuple, dtypes: tuple, seed: int) -> None:
    old, new = dtypes
    x = numbers(seed, shape, old)
    check(lambda t: t.to(getattr(gobhir, new)), lambda t: t.to(getattr(torch, new)), [x], seed=seed)


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_size(t: object) -> None:
    size = t.ones(2, 3).shape  # type: ignore[attr-defined]
    assert size == (2, 3) and size.numel() == 6 and size[1:] == (3,) and size + (4,) == (2, 3, 4)
    assert repr(size) == f"{t.__name__}.Size([2, 3])"  # type: ignore[attr-defined]
    assert t.zeros(size).size() == size and isinstance(size[:1], type(size))  # type: ignore[attr-defined]


def test_indices_of_triangles() -> None:
    for args in ((3, 4), (3, 3, 1), (2, 5, -1), (0, 3)):
        for name in ("tril_indices", "triu_indices"):
            got, want = getattr(gobhir, name)(*args), getattr(torch, name)(*args)
            np.testing.assert_array_equal(got.numpy(), want.numpy())


def test_in_place_through_a_diagonal() -> None:
    for t in (gobhir, torch):
        w = t.ones(3, requires_grad=True)
        x = t.zeros(3, 3)
        x.diagonal().copy_(w * 2)
        (x * t.arange(9.0).reshape(3, 3)).sum().backward()
        assert w.grad.tolist() == [0.0, 8.0, 16.0]


def test_reshaped_in_place() -> None:
    for t in (gobhir, torch):
        w = t.ones(1, 3, requires_grad=True)
        x = w * 2
        assert x.squeeze_(0) is x and x.shape == (3,)
        x.add_(1).unsqueeze_(1).transpose_(0, 1).t_()
        x.mul_(t.arange(3.0).unsqueeze(1))
        (x**2).sum().backward()
        assert x.shape == (3, 1) and w.grad.tolist() == [[0.0, 12.0, 48.0]]
        with pytest.raises(RuntimeError):
            w.squeeze_()
        base = t.zeros(2, 3)
        row = base[0]
        base.t_()[1, 0] = 5.0
        assert row.tolist() == [0.0, 5.0, 0.0] and base.stride() == (1, 3)


def test_a_long_chain_of_views_takes_no_more_than_its_length() -> None:
    """Each link knows the one before; a list of all of them would be copied at every step."""
    x = gobhir.ones(2, 3, requires_grad=True)
    y = x * 1
    for _ in range(1000):
        y = y.t()
    assert y._view is not None and len(y._view.looks) == 1000
    y[0, 1] = 5.0
    y.sum().backward()
    assert x.grad is not None and x.grad.tolist() == [[1, 0, 1], [1, 1, 1]]
