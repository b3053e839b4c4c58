"""Special functions beside PyTorch's and beside exact arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings

import gobhir
from gobhir.engine.ops import special
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
