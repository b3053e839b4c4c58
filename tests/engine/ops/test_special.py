"""Special functions beside PyTorch's and beside exact arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gobhir
from gobhir.engine.ops import incomplete, special
from tests.engine.parity import FLOATS, SEEDS, SHAPES, check, numbers

RANGES = {
    "erf": (-4, 4),
    "erfc": (-4, 4),
    "erfinv": (-0.95, 0.95),
    "lgamma": (0.1, 6),
    "digamma": (0.1, 6),
}


@pytest.mark.parametrize("name", RANGES)
@given(shape=SHAPES, dtype=FLOATS, seed=SEEDS)
@settings(max_examples=8)
def test_values_and_slopes(name: str, shape: tuple, dtype: str, seed: int) -> None:
    x = numbers(seed, shape, dtype, *RANGES[name])
    # PyTorch's trigamma, the slope of digamma, is good to nine digits only.
    slope, bend = name != "digamma", name not in ("digamma", "lgamma")
    check(getattr(gobhir, name), getattr(torch, name), [x], [slope], seed, second=bend)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_polygamma(n: int) -> None:
    x = numbers(1, (3, 4), "float64", 0.2, 6.0)
    check(lambda x: gobhir.polygamma(n, x), lambda x: torch.polygamma(n, x), [x], second=n < 2)
    check(lambda x: x.polygamma(n), lambda x: x.polygamma(n), [x], [False])


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_beyond_the_ordinary(name: str, dtype: str) -> None:
    x = np.array([0.0, -0.0, 1.0, -1.0, 2.0, -2.5, -3.3, 30.0, -30.0, np.inf, -np.inf, np.nan])
    x = x.astype(dtype)
    if dtype == "float16":
        mine = getattr(gobhir, name)(gobhir.from_numpy(x)).numpy()
        theirs = getattr(torch, name)(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(mine.astype(float), theirs.astype(float), rtol=2e-3, atol=1e-6)
    else:
        check(getattr(gobhir, name), getattr(torch, name), [x], [False])


@np.errstate(all="ignore")
def test_to_fourteen_digits() -> None:
    """Against Python's own erf, erfc and lgamma, where those are not small by cancelling."""
    x = np.concatenate([np.linspace(-6, 6, 997), 10.0 ** np.arange(-12, 0)])
    np.testing.assert_allclose(special.erf(x), [math.erf(t) for t in x], rtol=2e-15)
    np.testing.assert_allclose(special.erfc(x), [math.erfc(t) for t in x], rtol=1e-14)
    np.testing.assert_allclose(special.erf(special.erfinv(np.tanh(x))), np.tanh(x), rtol=1e-14)
    near_1 = 1 - 10.0 ** np.arange(-15, -1)
    np.testing.assert_allclose(special.erfc(special.erfinv(near_1)), 1 - near_1, rtol=1e-13)
    x = np.concatenate([np.linspace(0.01, 40, 997), 10.0 ** np.arange(2, 200, 11), [-2.5, -7.3]])
    np.testing.assert_allclose(
        special.lgamma(x), [math.lgamma(t) for t in x], rtol=2e-14, atol=1e-14
    )


def test_fast_erf_to_float32() -> None:
    x = np.linspace(-6, 6, 4001, dtype=np.float32)
    np.testing.assert_allclose(special.erf(x), [math.erf(t) for t in x], rtol=4e-7, atol=0)


@np.errstate(all="ignore")
def test_digamma_goes_up_by_one_over_x() -> None:
    x = np.linspace(-9.95, 30, 500)
    rise = special.digamma(x + 1) - special.digamma(x)
    np.testing.assert_allclose(rise, 1 / x, rtol=1e-11, atol=1e-12)
    euler = 0.5772156649015329
    np.testing.assert_allclose(
        special.digamma(np.array([1.0, 0.5])), [-euler, -euler - 2 * math.log(2)]
    )
    np.testing.assert_allclose(
        special.polygamma(np.array([1.0, 0.5]), n=1), [np.pi**2 / 6, np.pi**2 / 2]
    )


def test_polygamma_of_a_negative_order_is_refused() -> None:
    with pytest.raises(RuntimeError):
        gobhir.polygamma(-1, gobhir.ones(2))


@pytest.mark.parametrize(
    "name",
    [
        *("digamma", "psi", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p"),
        *("logit", "round", "sinc", "entr", "ndtr"),
    ],
)
def test_the_names_of_torch_special(name: str) -> None:
    x = numbers(2, (3, 4), "float64", 0.1, 0.9)
    mine, theirs = getattr(gobhir.special, name), getattr(torch.special, name)
    check(mine, theirs, [x], [name not in ("digamma", "psi")], second=name != "gammaln")


def test_entropy_outside_of_probabilities() -> None:
    x = np.array([0.0, -1.0, 1.0, 2.0, np.nan, np.inf])
    check(gobhir.special.entr, torch.special.entr, [x], [False])
    check(gobhir.special.ndtr, torch.special.ndtr, [x], [False])


@pytest.mark.parametrize("name", ["gammainc", "gammaincc"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_incomplete_gamma(name: str, dtype: str) -> None:
    mine, theirs = getattr(gobhir.special, name), getattr(torch.special, name)
    a, x = numbers(1, (3, 4), dtype, 0.05, 15.0), numbers(2, (3, 4), dtype, 0.05, 15.0)
    check(mine, theirs, [a, x], [False, True])
    check(mine, theirs, [a[:1], x[0]], [False, True])
    method = {"gammainc": "igamma", "gammaincc": "igammac"}[name]
    check(*(lambda a, x: getattr(a, method)(x),) * 2, [a, x], [False, True])
    check(*(lambda a, x: getattr(a.clone(), method + "_")(x),) * 2, [a, x], [False, False])
    # a where it or x is at an end or beyond it
    inf, nan = np.inf, np.nan
    a = np.array([2, 0, -1, 3, 1e3, 5, inf, 2, nan, 0, inf, 0, 1e-3], dtype)
    x = np.array([0, 1, 1, inf, 1e3, -1, 1, nan, 1, 0, inf, inf, 1e-3], dtype)
    check(mine, theirs, [a, x], [False, False])


@np.errstate(all="ignore")
def test_incomplete_gamma_to_thirteen_digits() -> None:
    """P(1, x) = 1 - e^-x, P(1/2, x) = erf(sqrt(x)), and P(a + 1, x) = P(a, x) - x^a e^-x / a!."""
    x = np.concatenate([np.linspace(0.01, 60, 500), 10.0 ** np.arange(-8, 0)])
    lower, upper = incomplete.gammainc, incomplete.gammaincc
    np.testing.assert_allclose(lower(np.ones(()), x), -np.expm1(-x), rtol=2e-14)
    np.testing.assert_allclose(upper(np.ones(()), x), np.exp(-x), rtol=3e-14)
    np.testing.assert_allclose(lower(np.array(0.5), x), special.erf(np.sqrt(x)), rtol=1e-14)
    for a in (0.3, 2.5, 20.0, 300.0):
        term = np.exp(a * np.log(x) - x - math.lgamma(a + 1))
        sides = lower(np.array(a), x), lower(np.array(a + 1), x) + term
        np.testing.assert_allclose(*sides, rtol=1e-12, atol=1e-290)


def test_zeta() -> None:
    s, q = numbers(1, (3, 4), "float64", 1.1, 9.0), numbers(2, (3, 4), "float64", 0.1, 30.0)
    check(gobhir.special.zeta, torch.special.zeta, [s, q], [False, True])
    check(*(lambda q, t=t: t.special.zeta(2, q) for t in (gobhir, torch)), [q])
    check(*(lambda s, t=t: t.special.zeta(s, 1) for t in (gobhir, torch)), [s], [False])
    whole = np.arange(2, 5)
    check(gobhir.special.zeta, torch.special.zeta, [whole, whole])
    s = np.array([1, 0.5, 2, 2, 4, 3, -1, 2, 2.5, np.nan, 2])
    q = np.array([1, 1, 0, -1.5, -0.5, -2, 2, np.inf, -1.5, 1, np.nan])
    check(gobhir.special.zeta, torch.special.zeta, [s, q], [False, False])
    with pytest.raises(TypeError):
        gobhir.special.zeta(2, 1)


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
@pytest.mark.parametrize("name", ["gammainc", "gammaincc", "zeta"])
def test_the_first_argument_has_no_slope(t: Any, name: str) -> None:
    f = getattr(t.special, name)
    a, x = (t.tensor([1.5, 2.5], requires_grad=True) for _ in range(2))
    (found,) = t.autograd.grad(f(a, x).sum(), x)
    assert found.shape == (2,)
    with pytest.raises(NotImplementedError):
        f(a, x).sum().backward()
    if name != "zeta":
        with pytest.raises(NotImplementedError):
            f(t.tensor([1]), t.tensor([2]))


def test_erfinv_of_small_floats() -> None:
    x = np.concatenate([np.tanh(np.linspace(-8, 8, 2001)), [0.0, 1e-30]]).astype(np.float32)
    want = gobhir.from_numpy(x.astype(np.float64)).erfinv().numpy()
    np.testing.assert_allclose(gobhir.from_numpy(x).erfinv().numpy(), want, rtol=1e-6)
    ends = gobhir.tensor([-1.0, 1.0, -1.5, 2.0, float("nan")]).erfinv().tolist()
    assert ends[:2] == [-np.inf, np.inf] and np.isnan(ends[2:]).all()
