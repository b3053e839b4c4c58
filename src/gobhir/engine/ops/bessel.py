"""The modified Bessel functions I0 and I1, and both divided by e^|x|, which never overflows.

Sources: "A&S" is Abramowitz and Stegun, Handbook of Mathematical Functions (1964). All is computed
in float64.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import where
from gobhir.engine.ops.elementary import sign


def _scaled(order, x):
    """e^-|x| I_order(x) of a float64 array."""
    y = np.abs(x)
    low = y.clip(0, 30)
    term = (low / 2) ** order
    series = term.copy()
    for k in range(1, 80):  # A&S 9.6.10
        term *= (low / 2) ** 2 / (k * (k + order))
        series += term
    high = y.clip(30, None)
    part = np.ones_like(high)
    far = part.copy()
    for k in range(1, 20):  # A&S 9.7.1
        part *= ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k * high)
        far += part
    out = np.where(y <= 30, np.exp(-low) * series, far / np.sqrt(2 * math.pi * high))
    return np.copysign(out, x) if order else out


class Bessel(Op, abstract=True):
    family = Family.ELEMENTWISE
    floats = True


class I0(Bessel):
    """The modified Bessel function of order 0: the mean of e^(x cos t) over a turn of t.
    Elementwise."""

    formula = "i0(x)"
    local = "i1(x)"

    def forward(x):
        y = x.astype(np.float64)
        return (np.exp(np.abs(y)) * _scaled(0, y)).astype(x.dtype)

    def vjp(d, out, x):
        return d * i1(x)


class I1(Bessel):
    """The modified Bessel function of order 1, the slope of i0. Elementwise."""

    formula = "i1(x)"
    local = "i0(x) - out / x"

    def forward(x):
        y = x.astype(np.float64)
        return (np.exp(np.abs(y)) * _scaled(1, y)).astype(x.dtype)

    def vjp(d, out, x):
        return d * where(x == 0, 0.5, i0(x) - out / where(x == 0, 1.0, x))


class I0e(Bessel):
    """e^-|x| i0(x), elementwise."""

    formula = "exp(-abs(x)) * i0(x)"
    local = "exp(-abs(x)) * i1(x) - sign(x) * out"

    def forward(x):
        return _scaled(0, x.astype(np.float64)).astype(x.dtype)

    def vjp(d, out, x):
        return d * (i1e(x) - sign(x) * out)


class I1e(Bessel):
    """e^-|x| i1(x), elementwise."""

    formula = "exp(-abs(x)) * i1(x)"
    local = "exp(-abs(x)) * i0(x) - (sign(x) + 1 / x) * out"

    def forward(x):
        return _scaled(1, x.astype(np.float64)).astype(x.dtype)

    def vjp(d, out, x):
        slope = i0e(x) - out * (sign(x) + 1 / where(x == 0, 1.0, x))
        return d * where(x == 0, 0.5, slope)


i0 = function(I0)
i1 = function(I1)
i0e = function(I0e)
i1e = function(I1e)
