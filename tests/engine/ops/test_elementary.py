"""Functions of one number beside PyTorch's: elementary functions, angles, rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.ops.broadcasting import broadcastable
from tests.engine.parity import FLOATS, SEEDS, SHAPES, check, numbers, same

ANY, ABOVE_0, ABOVE_1, UNIT, SHARE = (-3, 3), (0.3, 3), (1.2, 4), (-0.9, 0.9), (0.1, 0.9)
RANGES = {
    **dict.fromkeys(["abs", "sign", "exp", "exp2", "expm1", "square", "deg2rad", "rad2deg"], ANY),
    **dict.fromkeys(["log", "log2", "log10", "log1p", "sqrt", "rsqrt", "reciprocal"], ABOVE_0),
    **dict.fromkeys(["sin", "cos", "sinh", "cosh", "asinh", "atan", "angle"], ANY),
    **dict.fromkeys(["tan", "asin", "acos", "atanh"], UNIT),
    **dict.fromkeys(["floor", "ceil", "trunc", "frac", "round", "nan_to_num"], ANY),
    **{"acosh": ABOVE_1, "sinc": ABOVE_0, "logit": SHARE, "neg": ANY, "positive": ANY},
}
SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 1e30, -1e30, np.inf, -np.inf, np.nan])


@pytest.mark.parametrize("name", RANGES)
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS)
@settings(max_examples=6)
def test_values_and_slopes(name: str, shape: tuple, dtype: str, seed: int) -> None:
    x = numbers(seed, shape, dtype, *RANGES[name])
    check(getattr(gobhir, name), getattr(torch, name), [x], seed=seed)


@pytest.mark.parametrize("name", RANGES)
def test_beyond_the_ordinary(name: str) -> None:
    """Infinities, NaN, signed zeros; and the same written in place."""
    x = SPECIAL[3:] if name == "sign" else SPECIAL
    check(getattr(gobhir, name), getattr(torch, name), [x], [False])
    check(getattr(gobhir, name), getattr(torch, name), [x.astype(np.float32)], [False])
    if hasattr(torch.Tensor, name + "_"):
        mine, theirs = gobhir.from_numpy(x.copy()), torch.from_numpy(x.copy())
        assert getattr(mine, name + "_")() is mine
        np.testing.assert_allclose(mine.numpy(), getattr(theirs, name + "_")().numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "float16"])
def test_other_dtypes(name: str, dtype: str) -> None:
    """The dtype of the result, or the refusal, is PyTorch's."""
    x = np.array([1, 0, 1]).astype(dtype)
    try:
        want = getattr(torch, name)(torch.from_numpy(x))
    except (RuntimeError, TypeError) as refusal:
        with pytest.raises(type(refusal)):
            getattr(gobhir, name)(gobhir.from_numpy(x))
        return
    got = getattr(gobhir, name)(gobhir.from_numpy(x))
    assert got.numpy().dtype == want.numpy().dtype
    near = 2e-3 if dtype == "float16" else 1e-6
    np.testing.assert_allclose(got.numpy(), want.numpy(), rtol=near)


KINKS = {
    "abs": lambda x: x.abs(),
    "sign": lambda x: x.sign(),
    "frac": lambda x: x.frac(),
    "sqrt of relu": lambda x: x.relu().sqrt(),
    "clamp": lambda x: x.clamp(-1, 1),
    "clamp_min": lambda x: x.clamp(min=0),
    "clamp_max": lambda x: x.clamp(max=1),
    "to the power 0": lambda x: x**0,
    "to the power 1": lambda x: x**1,
    "to the power 2": lambda x: x**2,
    "to the power 5": lambda x: x**5,
    "0 to the power": lambda x: 0**x,
    "logit": lambda x: x.logit(0.25),
}


@pytest.mark.parametrize("name", KINKS)
def test_slopes_at_kinks(name: str) -> None:
    x = np.array([-2.0, -1.0, -0.5, 0.0, 0.25, 0.75, 1.0, 2.0])
    check(KINKS[name], KINKS[name], [x], second=name != "0 to the power")


@pytest.mark.parametrize("decimals", [0, 1, 3, -1])
def test_round_to_decimals(decimals: int) -> None:
    x = np.array([0.5, 1.5, 2.5, -0.05, 0.15, 1234.5678, -25.0])
    check(
        lambda x: x.round(decimals=decimals),
        lambda x: x.round(decimals=decimals),
        [x],
    )


@pytest.mark.parametrize("name", ["logaddexp", "logaddexp2", "xlogy", "copysign", "atan2", "hypot"])
@given(shapes=broadcastable(), dtypes=st.tuples(FLOATS, FLOATS), seed=SEEDS)
@settings(max_examples=8)
def test_two_operands(name: str, shapes: tuple, dtypes: tuple, seed: int) -> None:
    low = 0.3 if name == "xlogy" else -3.0
    pairs = zip(shapes, dtypes, strict=True)
    inputs = [numbers(seed + i, s, d, low, 3.0) + 0.01 for i, (s, d) in enumerate(pairs)]
    check(getattr(gobhir, name), getattr(torch, name), [np.asarray(x) for x in inputs], seed=seed)


def test_two_operands_beyond_the_ordinary() -> None:
    x, y = (g.reshape(-1).copy() for g in np.meshgrid(SPECIAL, SPECIAL))
    for name in ("logaddexp", "logaddexp2", "xlogy", "atan2", "hypot"):
        check(getattr(gobhir, name), getattr(torch, name), [x, y], [False, False])
    origin = [np.zeros(2), np.zeros(2)]
    check(gobhir.atan2, torch.atan2, origin, second=False)
    check(lambda x: gobhir.xlogy(x, 2), lambda x: torch.xlogy(x, 2), [np.arange(3.0)])
    check(lambda x: gobhir.xlogy(2, x), lambda x: torch.xlogy(2, x), [np.arange(1.0, 3.0)])
    for number in (2, True):
        mine, theirs = (t.special.xlog1py(t.ones(2), number) for t in (gobhir, torch))
        same(mine, theirs)


def test_out_and_names() -> None:
    for t in (gobhir, torch):
        x, place = t.tensor([0.0, 1.0]), t.zeros(2)
        assert t.exp(x, out=place) is place and place[0].item() == 1
        assert t.add(x, 1, out=place)[1].item() == 2
        assert t.arcsin(x).tolist() == x.asin().tolist()
        assert t.fix(x).tolist() == x.trunc().tolist()
        with pytest.raises(TypeError):
            t.exp(1.0)
        with pytest.raises(RuntimeError):
            t.exp(x.requires_grad_(), out=place)


def test_frexp() -> None:
    x = np.array([0.0, 1.0, -6.5, 1e-3])
    for mine, theirs in zip(
        gobhir.frexp(gobhir.tensor(x)), torch.frexp(torch.tensor(x)), strict=True
    ):
        assert mine.tolist() == theirs.tolist() and mine.numpy().dtype == theirs.numpy().dtype
