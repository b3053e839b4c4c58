"""The incomplete gamma functions, and Hurwitz's zeta function.

All is computed in float64. Sources: "A&S" is Abramowitz and Stegun, Handbook of Mathematical
Functions (1964); the continued fraction is evaluated by the method of Lentz (Applied Optics 15,
1976). The slope to the first argument is left out, as in PyTorch.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.elementary import exp, xlogy
from gobhir.engine.ops.special import Special, lgamma


def _shares(a, x):
    """(P, Q) of float64 arrays: the share of a gamma distribution of shape a that lies below x, and
    the share above. The smaller of the two is exact."""
    a, x = np.broadcast_arrays(a, x)
    inside = (a > 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    k, y = np.where(inside, a, 1), np.where(inside, x, 1)
    density = np.exp(k * np.log(y) - y - lgamma(k))
    low = y < k + 1
    below = density * _series(np.where(low, k, 1), np.where(low, y, 1))
    above = density * _fraction(np.where(low, 1, k), np.where(low, 3, y))
    p = np.where(low, below, 1 - above)
    q = np.where(low, 1 - below, above)
    least, most = (x == 0) & (a > 0) | (a == np.inf), (a == 0) & (x > 0) | (x == np.inf)
    unknown = (a < 0) | (x < 0) | np.isnan(a + x) | (least & most) | ((a == 0) & (x == 0))
    kinds = [unknown, least, most]
    return (np.select(kinds, [np.nan, at, 1 - at], s) for at, s in ((0.0, p), (1.0, q)))


def _series(a, x):
    """The sum of x^n / (a (a + 1) ... (a + n)): A&S 6.5.29."""
    term = 1 / a
    total = term
    n = 0
    while np.any(term > 1e-17 * total):
        n += 1
        term = term * (x / (a + n))
        total = total + term
    return total


def _fraction(a, x):
    """1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))): A&S 6.5.31."""
    b = x + 1 - a
    c, d = np.full_like(b, 1e300), 1 / b
    out, n = d, 0
    going = np.ones(b.shape, bool)
    while going.any() and n < 100_000:
        n += 1
        b = b + 2
        d = 1 / (n * (a - n) * d + b)
        c = b + n * (a - n) / c
        change = c * d
        out = np.where(going, out * change, out)
        going &= np.abs(change - 1) > 3e-16
    return out


class Gammainc(Special):
    """The share of a gamma distribution of shape a that lies below x: the integral of
    t^(a - 1) e^-t from 0 to x, by gamma(a). Elementwise; NaN where a or x is negative."""

    formula = "gammainc(a, x)"
    local = {"x": "x**(a - 1) * exp(-x - lgamma(a))"}
    promotes = True
    accepts = "f"

    def forward(a, x):
        p, _ = _shares(a.astype(np.float64), x.astype(np.float64))
        return p.astype(x.dtype)

    def vjp_x(d, out, a, x):
        return d * exp(xlogy(a - 1, x) - x - lgamma(a))


class Gammaincc(Special):
    """1 - gammainc(a, x), exact where that is tiny. Elementwise."""

    formula = "1 - gammainc(a, x)"
    local = {"x": "-(x**(a - 1)) * exp(-x - lgamma(a))"}
    promotes = True
    accepts = "f"

    def forward(a, x):
        _, q = _shares(a.astype(np.float64), x.astype(np.float64))
        return q.astype(x.dtype)

    def vjp_x(d, out, a, x):
        return -d * exp(xlogy(a - 1, x) - x - lgamma(a))


_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)


class Zeta(Special):
    """Hurwitz's zeta function, the sum of 1 / (q + k)^s over k = 0, 1, 2, ...; zeta(s, 1) is
    Riemann's. Elementwise; infinite at s = 1 and at q = 0, -1, -2, ..., NaN below s = 1."""

    formula = "zeta(s, q)"
    local = {"q": "-s * zeta(s + 1, q)"}
    promotes = True
    example = ([[2.0, 4.0, 1.5], [1.0, 1.0, 0.5]], {})

    def forward(s, q):
        kind = np.result_type(s, q)
        s, q = np.broadcast_arrays(np.asarray(s, np.float64), np.asarray(q, np.float64))
        whole = q == np.floor(q)
        known = (s > 1) & np.isfinite(q) & ((q > 0) | (~whole & (s == np.floor(s))))
        e, start = np.where(known, s, 2), np.where(known, q, 1)
        count = np.maximum(10, np.ceil(10 - start))
        out = 0.0
        for k in range(int(count.max(initial=0))):
            out = out + np.where(k < count, (start + np.minimum(k, count - 1)) ** -e, 0)
        # The rest by Euler and Maclaurin's formula: A&S 23.1.30.
        end = start + count
        out = out + end ** (1 - e) / (e - 1) + end**-e / 2
        rising = e * end ** (-e - 1)
        for k, b in enumerate(_BERNOULLI, 1):
            out = out + b / math.factorial(2 * k) * rising
            rising = rising * (e + 2 * k - 1) * (e + 2 * k) / end**2
        infinite = (s == 1) | ((s > 1) & (q <= 0) & whole)
        return np.where(infinite, np.inf, np.where(known, out, np.nan)).astype(kind)

    def vjp_q(d, out, s, q):
        return -d * s * zeta(s + 1, q)


gammainc = function(Gammainc)
gammaincc = function(Gammaincc)
zeta = function(Zeta)
