"""The functions that formulas name, in decimal arithmetic: to as many digits as are asked for.

Floating-point functions would do for a page of four digits, but not for one that checks itself.
Series: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), chapters 4, 6, 7, 9, 23.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from itertools import count
from math import factorial
from typing import Any

import numpy as np

PI = Decimal("3.14159265358979323846264338327950288419716939937511")
NAN, INFINITY = Decimal("NaN"), Decimal("Infinity")
_SMALL = Decimal("1e-45")
"""Terms below this, beside the first ones, change nothing in forty digits."""


def divide(a: Decimal, b: Decimal) -> Decimal:
    """a / b as in floats: a division by 0 is infinite, 0 / 0 is NaN."""
    if b == 0:
        return NAN if a == 0 or a.is_nan() else INFINITY.copy_sign(a)
    return a / b


def _tanh(x: Decimal) -> Decimal:
    if abs(x) > 40:  # 1 - tanh(40) is below 1e-34, beyond the working precision
        return Decimal(1).copy_sign(x)
    up, down = x.exp(), (-x).exp()
    return (up - down) / (up + down)


def _log(x: Decimal) -> Decimal:
    if x < 0 or x.is_nan():
        return NAN
    return x.ln() if x else -INFINITY


def _sqrt(x: Decimal) -> Decimal:
    return x.sqrt() if x >= 0 else NAN


def _sin(x: Decimal) -> Decimal:
    if not x.is_finite():
        return NAN
    x = x.remainder_near(2 * PI)
    out = term = x
    for k in count(2, 2):
        term = -term * x * x / (k * (k + 1))
        out += term
        if abs(term) < _SMALL:
            return out
    raise AssertionError


def _cos(x: Decimal) -> Decimal:
    return _sin(x + PI / 2)


def _tan(x: Decimal) -> Decimal:
    return divide(_sin(x), _cos(x))


def _atan(x: Decimal) -> Decimal:
    if x.is_nan():
        return x
    if abs(x) > 1:
        return (PI / 2).copy_sign(x) - _atan(1 / x)
    halvings = 0
    while abs(x) > Decimal("0.1"):  # atan(x) = 2 atan(x / (1 + sqrt(1 + x^2)))
        x = x / (1 + (1 + x * x).sqrt())
        halvings += 1
    out, power = x, x
    for k in count(3, 2):
        power = -power * x * x
        out += power / k
        if abs(power) < _SMALL:
            return out * 2**halvings
    raise AssertionError


def _asin(x: Decimal) -> Decimal:
    return _atan(divide(x, _sqrt(1 - x * x)))


def _acos(x: Decimal) -> Decimal:
    return PI / 2 - _asin(x)


def _atan2(y: Decimal, x: Decimal) -> Decimal:
    if x == 0 and y == 0:
        return PI.copy_sign(y) if x.is_signed() else y
    angle = _atan(divide(y, x))
    return angle if x >= 0 else angle + PI.copy_sign(y)


def _erf(x: Decimal) -> Decimal:
    if abs(x) > 10:  # 1 - erf(10) is below 1e-44
        return Decimal(1).copy_sign(x)
    out = term = x
    for k in count(1):
        term = term * 2 * x * x / (2 * k + 1)
        out += term
        if abs(term) < _SMALL:
            return 2 / PI.sqrt() * (-x * x).exp() * out
    raise AssertionError


def _erfinv(x: Decimal) -> Decimal:
    if abs(x) >= 1 or x.is_nan():
        return INFINITY.copy_sign(x) if abs(x) == 1 else NAN
    y = Decimal(0)
    for _ in range(200):  # Newton's method goes up to the root from below, one digit or more a time
        step = (abs(x) - _erf(y)) * PI.sqrt() / 2 * (y * y).exp()
        y += step
        if abs(step) < Decimal("1e-38"):
            break
    return y.copy_sign(x)


_BERNOULLI = [
    Decimal(a) / b
    for a, b in (
        *((1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510)),
        *((43867, 798), (-174611, 330), (854513, 138), (-236364091, 2730), (8553103, 6)),
    )
]
_FAR = 40
"""From here on Stirling's series gives all digits."""


def _lgamma(x: Decimal) -> Decimal:
    if x <= 0 and x == x.to_integral_value():
        return INFINITY
    product = Decimal(1)
    while x < _FAR:
        product *= x
        x += 1
    series = sum(
        (b / (2 * k * (2 * k - 1) * x ** (2 * k - 1)) for k, b in enumerate(_BERNOULLI, 1)),
        Decimal(0),
    )
    return (x - Decimal("0.5")) * x.ln() - x + (2 * PI).ln() / 2 + series - abs(product).ln()


def _digamma(x: Decimal) -> Decimal:
    if x <= 0 and x == x.to_integral_value():
        return NAN
    passed = Decimal(0)
    while x < _FAR:
        passed += 1 / x
        x += 1
    series = sum((b / (2 * k * x ** (2 * k)) for k, b in enumerate(_BERNOULLI, 1)), Decimal(0))
    return x.ln() - 1 / (2 * x) - series - passed


def _polygamma(order: Decimal, x: Decimal) -> Decimal:
    n = int(order)
    if x <= 0 and x == x.to_integral_value():
        return INFINITY * (-1) ** (n + 1)
    out = Decimal(0)
    while x < _FAR:
        out += factorial(n) / x ** (n + 1)
        x += 1
    out += factorial(n - 1) / x**n + factorial(n) / (2 * x ** (n + 1))
    for k, b in enumerate(_BERNOULLI, 1):
        out += b * factorial(2 * k + n - 1) / (factorial(2 * k) * x ** (2 * k + n))
    return out * (-1) ** (n + 1)


def _bessel(order: int, x: Decimal) -> Decimal:
    """The modified Bessel function of the first kind, of order 0 or 1."""
    quarter = x * x / 4
    out = term = (x / 2) ** order if order else Decimal(1)
    for k in count(1):
        term = term * quarter / (k * (k + order))
        out += term
        if abs(term) <= _SMALL * abs(out):
            return out
    raise AssertionError


def _gammainc(a: Decimal, x: Decimal) -> Decimal:
    """The regularised lower incomplete gamma function, by its series."""
    if x <= 0 or not x.is_finite():
        return Decimal(int(x > 0))
    out = term = 1 / a
    for k in count(1):
        term = term * x / (a + k)
        out += term
        if term <= _SMALL * out:
            return out * (a * x.ln() - x - _lgamma(a)).exp()
    raise AssertionError


def _zeta(s: Decimal, q: Decimal) -> Decimal:
    """Hurwitz's zeta function for s > 1, q > 0, by Euler and Maclaurin's formula."""
    if s <= 1 or q <= 0:
        return INFINITY if s == 1 else NAN
    out = sum((1 / (q + k) ** s for k in range(_FAR)), Decimal(0))
    far = q + _FAR
    out += far ** (1 - s) / (s - 1) + far**-s / 2
    rising = s
    for k, b in enumerate(_BERNOULLI, 1):
        out += b * rising / factorial(2 * k) * far ** (1 - s - 2 * k)
        rising *= (s + 2 * k - 1) * (s + 2 * k)
    return out


FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "pi": lambda: PI,
    "exp": lambda x: x.exp(),
    "log": _log,
    "sqrt": _sqrt,
    "tanh": _tanh,
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "abs": abs,
    "max": max,
    "min": min,
    "sign": lambda x: Decimal((x > 0) - (x < 0)),
    "floor": lambda x: x.to_integral_value(ROUND_FLOOR),
    "ceil": lambda x: x.to_integral_value(ROUND_CEILING),
    "round": lambda x: x.to_integral_value(ROUND_HALF_EVEN),
    "sin": _sin,
    "cos": _cos,
    "tan": _tan,
    "asin": _asin,
    "acos": _acos,
    "atan": _atan,
    "atan2": _atan2,
    "erf": _erf,
    "erfinv": _erfinv,
    "lgamma": _lgamma,
    "digamma": _digamma,
    "polygamma": _polygamma,
    "i0": lambda x: _bessel(0, x),
    "i1": lambda x: _bessel(1, x),
    "gammainc": _gammainc,
    "zeta": _zeta,
}


def by_floats(name: str, *values: Any) -> Any:
    """The function of floats or arrays of them: by NumPy where it has it, else number by number."""
    known: Any = getattr(np, _IN_NUMPY.get(name, name), None)
    if name == "sigmoid":
        return 1 / (1 + np.exp(-values[0]))
    if name in ("max", "min"):
        return getattr(np, name + "imum").reduce(np.broadcast_arrays(*values))
    if known is not None:
        return known(*values) if values else known
    exact = FUNCTIONS[name]
    return np.vectorize(lambda *v: float(exact(*map(Decimal, map(float, v)))), otypes=[float])(
        *values
    )


_IN_NUMPY = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2"}
