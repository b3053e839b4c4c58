"""Special functions: the error function, the normal distribution and the gamma function.

NumPy has none of them. float64 results are good to about 1e-14; float32 is computed in float64
and rounded, but for erf, which GELU wants fast, and its inverse.
Sources: Cody, Rational Chebyshev Approximations for the Error Function (1969) and his CALERF;
Winitzki, A Handy Approximation for the Error Function and Its Inverse (2008); Giles,
Approximating the erfinv Function (2012); "A&S" is Abramowitz and Stegun, Handbook of Mathematical
Functions (1964).
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.elementary import exp

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)


def _polynomial(x, coefficients):
    """c[0] x^n + ... + c[n], by Horner's rule."""
    out = x * coefficients[0]
    for c in coefficients[1:-1]:
        out += c
        out *= x
    out += coefficients[-1]
    return out


class Special(Op, abstract=True):
    family = Family.ELEMENTWISE
    floats = True


# -- the error function ----

# erf(x) = tanh(x p(x^2)) with p fitted to a relative error below 1e-7: enough for float32.
_FAST = (1.4189727699e-7, -5.669094560e-6, 8.764030689e-5, -6.197907852e-4, -1.918253318e-4,
         0.10276905402, 1.12837927444)  # fmt: skip

_FAST_OF_Z = tuple(c * 0.5 ** (len(_FAST) - 0.5 - i) for i, c in enumerate(_FAST))
"""The same for x = z / sqrt(2), in powers of z^2."""

# Cody's rational functions: near 0, up to 4, and beyond. Highest power first.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
     2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
     1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
     1.23033935480374942e3),
)  # fmt: skip
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
     1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1,
     6.05183413124413191e-2, 2.33520497626869185e-3),
)  # fmt: skip


def _ratio(x, table):
    return _polynomial(x, table[0]) / _polynomial(x, table[1])


def _gauss(y):
    """exp(-y^2), with the rounding error of y^2 put right: y is split at 1/16 as Cody does."""
    coarse = np.trunc(y * 16) / 16
    return np.exp(-coarse * coarse) * np.exp(-(y - coarse) * (y + coarse))


def erf_of(x):
    """erf of an array."""
    if x.dtype.itemsize < 8:
        return np.tanh(x * _polynomial(x * x, _FAST))
    y = np.abs(x).clip(0, 6)  # beyond, erf is 1 to the last digit
    outer = np.copysign(1 - _gauss(y) * _ratio(y, _MIDDLE), x)
    return np.where(y < 0.46875, x * _ratio(np.minimum(y * y, 1), _NEAR), outer)


def share_below(z):
    """The share of a normal distribution below z, of an array: (1 + erf(z / sqrt(2))) / 2."""
    if z.dtype.itemsize < 8:
        return 0.5 + 0.5 * np.tanh(z * _polynomial(z * z, _FAST_OF_Z))
    return 0.5 + 0.5 * erf_of(z * math.sqrt(0.5))


def erfc_of(x):
    """1 - erf of a float64 array, exact where that is tiny."""
    y = np.abs(x)
    near = 1 - x * _ratio(np.minimum(y * y, 1), _NEAR)
    b = y.clip(0.46875, 27)  # beyond, erfc is below the smallest number
    outer = _gauss(b) * _tail(b)
    outer = np.where(y > 27, np.where(y == y, 0, y), outer)
    return np.where(y < 0.46875, near, np.where(x < 0, 2 - outer, outer))


def _tail(b):
    """e^(b^2) erfc(b) for b from 0.46875 on."""
    square = 1 / (b * b)
    far = (1 / math.sqrt(math.pi) - square * _ratio(square, _FAR)) / b
    return np.where(b <= 4, _ratio(np.minimum(b, 4), _MIDDLE), far)


def erfcx_of(x):
    """e^(x^2) erfc(x) of a float64 array."""
    y = np.abs(x)
    near = np.exp(np.minimum(y, 1) ** 2) * (1 - x * _ratio(np.minimum(y * y, 1), _NEAR))
    outer = _tail(np.maximum(y, 0.46875))
    return np.where(y < 0.46875, near, np.where(x < 0, 2 * np.exp(y * y) - outer, outer))


class Erf(Special):
    """The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x, elementwise."""

    formula = "erf(x)"
    local = "2 / sqrt(pi) * exp(-x**2)"

    def forward(x):
        return erf_of(x)

    def vjp(d, out, x):
        return d * (TWO_OVER_ROOT_PI * exp(-x * x))


class Erfc(Special):
    """1 - erf(x), exact where that is tiny. Elementwise."""

    formula = "1 - erf(x)"
    local = "-2 / sqrt(pi) * exp(-x**2)"

    def forward(x):
        return erfc_of(x.astype(np.float64)).astype(x.dtype)

    def vjp(d, out, x):
        return d * (-TWO_OVER_ROOT_PI * exp(-x * x))


class Erfcx(Special):
    """e^(x^2) erfc(x), elementwise: erfc without what makes it tiny."""

    formula = "exp(x**2) * (1 - erf(x))"
    local = "2 * x * out - 2 / sqrt(pi)"

    def forward(x):
        return erfcx_of(x.astype(np.float64)).astype(x.dtype)

    def vjp(d, out, x):
        return d * (2 * x * out - TWO_OVER_ROOT_PI)


class Erfinv(Special):
    """The number whose erf is x, elementwise; infinite at -1 and 1, NaN beyond."""

    formula = "erfinv(x)"
    local = "sqrt(pi) / 2 * exp(out**2)"

    def forward(x):
        if x.dtype.itemsize < 8:
            return _fast_erfinv(x)
        p = np.abs(x)
        # A formula gives a start that is right to 0.2 %, two steps of Halley's method the rest.
        y = _roughly_erfinv(np.log((1 - p) * (1 + p)))
        for _ in range(2):
            # Below one half erf tells how far y is off, above it erfc, which loses no digits.
            off = np.where(p < 0.5, erf_of(y) - p, (1 - p) - erfc_of(y))
            step = off / (TWO_OVER_ROOT_PI * np.exp(-y * y))
            y = y - step / (1 + y * step)
        y = np.where(p < 1, y, np.where(p == 1, np.inf, np.nan))
        return np.copysign(y, x)

    def vjp(d, out, x):
        return d * (1 / TWO_OVER_ROOT_PI * exp(out * out))


# Giles: x times a polynomial in w - 2.5, where w = -log(1 - x^2) is below 5, else in sqrt(w) - 3.
_INVERSE_NEAR = (2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                 -0.00125372503, -0.00417768164, 0.246640727, 1.50140941)  # fmt: skip
_INVERSE_FAR = (-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                -0.0076224613, 0.00943887047, 1.00167406, 2.83297682)  # fmt: skip


def _fast_erfinv(x):
    """erfinv in float32."""
    w = -np.log((1 - x) * (1 + x))
    near = _polynomial(w - np.float32(2.5), _INVERSE_NEAR)
    far = _polynomial(np.sqrt(np.maximum(w, 5)) - np.float32(3), _INVERSE_FAR)
    return np.where(np.isinf(w), np.copysign(np.inf, x), x * np.where(w < 5, near, far)).astype(
        x.dtype
    )


def _roughly_erfinv(w):
    """erfinv(x), right to 0.2 %, from w = log(1 - x^2), by Winitzki's formula."""
    half = 2 / (math.pi * 0.147) + w / 2
    return np.sqrt(-w / 0.147 / (np.sqrt(half * half - w / 0.147) + half))


# -- the normal distribution ----


class LogNdtr(Special):
    """The logarithm of the share of a normal distribution that lies below x, exact where that
    share is tiny. Elementwise."""

    formula = "log((1 + erf(x / sqrt(2))) / 2)"
    local = "exp(-x**2 / 2 - out) / sqrt(2 * pi)"

    def forward(x):
        return _log_ndtr(x.astype(np.float64)).astype(x.dtype)

    def vjp(d, out, x):
        return d * (math.sqrt(2 / math.pi) / erfcx(x * -math.sqrt(0.5)))


def _log_ndtr(y):
    z = y * math.sqrt(0.5)
    below = np.log(erfcx_of(np.maximum(-z, 0)) / 2) - z * z
    return np.where(y < 0, below, np.log1p(-erfc_of(z) / 2))


class Ndtri(Special):
    """The x below which the share p of a normal distribution lies, elementwise; infinite at 0 and
    1, NaN beyond."""

    formula = "sqrt(2) * erfinv(2 * p - 1)"
    local = "sqrt(2 * pi) * exp(out**2 / 2)"

    def forward(p):
        q = p.astype(np.float64)
        t = np.minimum(q, 1 - q)
        y = -math.sqrt(2) * _roughly_erfinv(np.log(4 * t * (1 - t)))
        for _ in range(3):  # Newton's method on the logarithm of the share below y
            slope = math.sqrt(2 / math.pi) / erfcx_of(y * -math.sqrt(0.5))
            y = y - (_log_ndtr(y) - np.log(t)) / slope
        y = np.where(t > 0, y, np.where(t == 0, -np.inf, np.nan))
        return np.where(q > 0.5, -y, y).astype(p.dtype)

    def vjp(d, out, p):
        return d * (math.sqrt(2 * math.pi) * exp(out * out / 2))


# -- the gamma function ----

# zeta(k) - 1 for k = 2, 3, ..., summed by Euler and Maclaurin's formula: A&S 23.2.9.
_ZETA = tuple(
    math.fsum(m**-k for m in range(2, 64)) + 64.0 ** (1 - k) / (k - 1) + 64.0**-k / 2
    + k * 64.0 ** (-k - 1) / 12 - k * (k + 1) * (k + 2) * 64.0 ** (-k - 3) / 720
    for k in range(2, 33)
)  # fmt: skip
_SERIES = (*((-1) ** k * z / k for k, z in zip(range(32, 1, -1), reversed(_ZETA), strict=True)),
           1 - 0.57721566490153286061, 0.0)  # fmt: skip
"""lgamma(2 + z) = (1 - gamma) z + sum of (-1)^k (zeta(k) - 1) z^k / k: A&S 6.1.33."""
_STIRLING = (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 8


def _lgamma(x):
    """log |gamma| of a float64 array."""
    y = np.where(x < 0.5, 1 - x, x)
    # Where gamma is near 1: the series, around 2, and around 1 by gamma(z + 1) = z gamma(z).
    low = y < 1.5
    z = (y - np.where(low, 1, 2)).clip(-0.5, 0.5)
    near = _polynomial(z, _SERIES) - np.where(low, np.log1p(z), 0)
    # Stirling's series (A&S 6.1.41), for small y of y + 8.
    small = y < _SHIFT
    product = np.where(small, y, 1)
    for k in range(1, _SHIFT):
        product = product * np.where(small, y + k, 1)
    b = np.where(small, y + _SHIFT, y)
    series = _polynomial(1 / (b * b), _STIRLING) / b + 0.5 * math.log(2 * math.pi)
    far = np.where(np.isinf(b), b, (b - 0.5) * (np.log(b) - 1) - 0.5 + series - np.log(product))
    out = np.where(y < 2.5, near, far)
    # Below 1/2 by reflection: gamma(x) gamma(1 - x) = pi / sin(pi x), A&S 6.1.17.
    wave = np.abs(np.sin(math.pi * (x - np.round(x))))
    return np.where(
        x < 0.5, np.where(x == -np.inf, np.inf, math.log(math.pi) - np.log(wave) - out), out
    )


class Lgamma(Special):
    """log |gamma(x)|, elementwise; infinite at 0, -1, -2, ..."""

    formula = "lgamma(x)"
    local = "digamma(x)"

    def forward(x):
        return _lgamma(x.astype(np.float64)).astype(x.dtype)

    def vjp(d, out, x):
        return d * digamma(x)


class Digamma(Special):
    """psi(x), the slope of log gamma, elementwise; -inf at 0, NaN at -1, -2, ..."""

    formula = "digamma(x)"
    local = "polygamma(1, x)"

    def forward(x):
        y = x.astype(np.float64)
        b = np.where(y < 0.5, 1 - y, y)
        shifted = 0.0
        for k in range(10):
            shifted = shifted + 1 / (b + k)
        b = b + 10
        series = _polynomial(1 / (b * b), tuple(c / (2 * k) for k, c in _falling(_BERNOULLI)))
        out = np.log(b) - 0.5 / b - series / (b * b) - shifted
        # A&S 6.3.7: psi(1 - x) = psi(x) + pi / tan(pi x).
        turn = y - np.round(y)
        pole = np.where(y == 0, np.copysign(np.inf, y), np.where(turn == 0, np.nan, 0))
        out = np.where(y < 0.5, out - math.pi / np.tan(math.pi * turn), out)
        return np.where((y <= 0) & (turn == 0), -pole, out).astype(x.dtype)

    def vjp(d, out, x):
        return d * polygamma(x, n=1)


class Polygamma(Special):
    """The n-th derivative of psi, n >= 1, elementwise."""

    formula = "polygamma(n, x)"
    local = "polygamma(n + 1, x)"

    def forward(x, *, n):
        y = x.astype(np.float64)
        b = np.where(y < 0.5, 1 - y, y)
        sign = (-1) ** (n + 1)
        # A&S 6.4.10 for the first terms, 6.4.11 for all others.
        out = 0.0
        for k in range(12 + n):
            out = out + math.factorial(n) / (b + k) ** (n + 1)
        b = b + 12 + n
        out = out + math.factorial(n - 1) / b**n + math.factorial(n) / (2 * b ** (n + 1))
        for k, c in enumerate(_BERNOULLI, 1):
            rising = math.factorial(2 * k + n - 1) / math.factorial(2 * k)
            out = out + c * rising / b ** (2 * k + n)
        out = sign * out
        # A&S 6.4.7: psi_n(1 - x) + (-1)^(n+1) psi_n(x) = (-1)^n pi d^n/dx^n cot(pi x).
        cot = 1 / np.tan(math.pi * (y - np.round(y)))
        mirror = (-1) ** n * math.pi * _cot_derivative(n, cot)
        pole = (y <= 0) & (y == np.round(y))
        out = np.where(y < 0.5, sign * (mirror - out), out)
        return np.where(pole, sign * np.inf, out).astype(x.dtype)

    def vjp(d, out, x, *, n):
        return d * polygamma(x, n=n + 1)


def _falling(coefficients):
    """(k, c) from the last to the first, k counted from 1."""
    return reversed(list(enumerate(coefficients, 1)))


def _cot_derivative(n, cot):
    """The n-th derivative of cot(pi x), from cot(pi x): c' = -pi (1 + c^2)."""
    p = np.polynomial.Polynomial([0.0, 1.0])
    for _ in range(n):
        p = p.deriv() * np.polynomial.Polynomial([-math.pi, 0.0, -math.pi])
    return p(cot)


erf = function(Erf)
erfc = function(Erfc)
erfcx = function(Erfcx)
erfinv = function(Erfinv)
log_ndtr = function(LogNdtr)
ndtri = function(Ndtri)
lgamma = function(Lgamma)
digamma = function(Digamma)
polygamma = function(Polygamma)
