"""Exponentials, logarithms, roots and signs of numbers: elementwise.

Derivatives: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.1 and 4.2.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import keep, where

LN2, LN10 = math.log(2), math.log(10)


class Elementary(Op, abstract=True):
    family = Family.ELEMENTWISE
    floats = True


class Exp(Elementary):
    """e to the x, elementwise."""

    formula = "exp(x)"
    local = "out"

    def forward(x):
        return np.exp(x)

    def vjp(d, out, x):
        return d * out


class Exp2(Elementary):
    """2 to the x, elementwise."""

    formula = "2 ** x"
    local = "out * log(2)"

    def forward(x):
        return np.exp2(x)

    def vjp(d, out, x):
        return d * out * LN2


class Expm1(Elementary):
    """e to the x, less 1, exact where x is near 0. Elementwise."""

    formula = "exp(x) - 1"
    local = "out + 1"

    def forward(x):
        return np.expm1(x)

    def vjp(d, out, x):
        return d * (out + 1)


class Log(Elementary):
    """Natural logarithm, elementwise; -inf at 0, NaN below."""

    formula = "log(x)"
    local = "1 / x"

    def forward(x):
        return np.log(x)

    def vjp(d, out, x):
        return d / x


class Log2(Elementary):
    """Logarithm to base 2, elementwise; -inf at 0, NaN below."""

    formula = "log(x) / log(2)"
    local = "1 / (x * log(2))"

    def forward(x):
        return np.log2(x)

    def vjp(d, out, x):
        return d / (x * LN2)


class Log10(Elementary):
    """Logarithm to base 10, elementwise; -inf at 0, NaN below."""

    formula = "log(x) / log(10)"
    local = "1 / (x * log(10))"

    def forward(x):
        return np.log10(x)

    def vjp(d, out, x):
        return d / (x * LN10)


class Log1p(Elementary):
    """Natural logarithm of 1 + x, exact where x is near 0. Elementwise."""

    formula = "log(1 + x)"
    local = "1 / (1 + x)"

    def forward(x):
        return np.log1p(x)

    def vjp(d, out, x):
        return d / (x + 1)


class Logaddexp(Op):
    """log(e^x + e^y), elementwise, where e^x alone would overflow, too. Shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "log(exp(x) + exp(y))"
    local = {"x": "1 / (1 + exp(y - x))", "y": "1 / (1 + exp(x - y))"}
    promotes = True
    accepts = "f"

    def forward(x, y):
        apart = np.where(x == y, 0, np.abs(x - y))  # inf - inf would be NaN
        return np.maximum(x, y) + np.log1p(np.exp(-apart))

    def vjp_x(d, out, x, y):
        return d / (1 + exp(y - x))

    def vjp_y(d, out, x, y):
        return d / (1 + exp(x - y))


class Logaddexp2(Op):
    """log2(2^x + 2^y), elementwise, where 2^x alone would overflow, too. Shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "log(2 ** x + 2 ** y) / log(2)"
    local = {"x": "1 / (1 + 2 ** (y - x))", "y": "1 / (1 + 2 ** (x - y))"}
    promotes = True
    accepts = "f"

    def forward(x, y):
        apart = np.where(x == y, 0, np.abs(x - y))
        return np.maximum(x, y) + np.log1p(np.exp2(-apart)) * (1 / LN2)

    def vjp_x(d, out, x, y):
        return d / (1 + exp2(y - x))

    def vjp_y(d, out, x, y):
        return d / (1 + exp2(x - y))


class Xlogy(Op):
    """x log(y), elementwise, and 0 where x is 0, whatever the logarithm. Shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "0 if x == 0 else x * log(y)"
    local = {"x": "log(y)", "y": "x / y"}
    promotes = True
    floats = True
    example = ([[0.5, 0.0, 2.0], [1.5, 0.4, 0.7]], {})

    def forward(x, y):
        logarithm = np.log(y) if hasattr(y, "dtype") else float(np.log(float(y)))
        return np.where((x == 0) & (y == y), 0, x * logarithm)

    def vjp_x(d, out, x, y):
        return where((x == 0) & (y <= 0), 0.0, xlogy(d, y))

    def vjp_y(d, out, x, y):
        return d * x / y


class Xlog1py(Op):
    """x log(1 + y), elementwise, and 0 where x is 0, whatever the logarithm. Shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "0 if x == 0 else x * log(1 + y)"
    local = {"x": "log(1 + y)", "y": "x / (1 + y)"}
    promotes = True
    floats = True
    example = ([[0.5, 0.0, 2.0], [0.5, -0.4, 0.1]], {})

    def forward(x, y):
        logarithm = np.log1p(y) if hasattr(y, "dtype") else float(np.log1p(float(y)))
        return np.where((x == 0) & (y == y), 0, x * logarithm)

    def vjp_x(d, out, x, y):
        return where((x == 0) & (y <= -1), 0.0, xlog1py(d, y))

    def vjp_y(d, out, x, y):
        return d * x / (y + 1)


class Logit(Elementary):
    """log(x / (1 - x)), the inverse of sigmoid, elementwise, NaN where x is not between 0 and 1;
    with eps, x is kept between eps and 1 - eps, and the slope is 0 outside."""

    formula = "log(x / (1 - x))"
    local = "1 / (x * (1 - x))"

    def forward(x, *, eps=None):
        if eps is not None:
            x = x.clip(eps, 1 - eps)
        return np.log(x / (1 - x))

    def vjp(d, out, x, *, eps):
        slope = d / (x * (1 - x))
        if eps is None:
            return where((x >= 0) & (x <= 1), slope, np.nan)
        return keep(slope, (x >= eps) & (x <= 1 - eps))


class Sqrt(Elementary):
    """Square root, elementwise; NaN below 0."""

    formula = "sqrt(x)"
    local = "1 / (2 * out)"

    def forward(x):
        return np.sqrt(x)

    def vjp(d, out, x):
        return d / (2 * out)


class Rsqrt(Elementary):
    """1 / sqrt(x), elementwise; inf at 0, NaN below."""

    formula = "1 / sqrt(x)"
    local = "-0.5 * out**3"

    def forward(x):
        return 1 / np.sqrt(x)

    def vjp(d, out, x):
        return d * (-0.5 * out * out * out)


class Abs(Op):
    """|x|, elementwise. The slope at 0 is taken as 0, as PyTorch does."""

    family = Family.ELEMENTWISE
    formula = "abs(x)"
    local = "sign(x)"
    accepts = "iuf"

    def forward(x):
        return np.abs(x)

    def vjp(d, out, x):
        return d * sign(x)


class Sign(Op):
    """-1, 0 or 1, elementwise; slope 0 everywhere. The sign of NaN is 0, as in PyTorch."""

    family = Family.ELEMENTWISE
    formula = "sign(x)"
    local = "0"

    def forward(x):
        if x.dtype.kind == "b":
            return x.copy()
        return np.subtract(x > 0, x < 0, dtype=x.dtype)

    def vjp(d, out, x):
        return keep(d, False)


class Copysign(Op):
    """The size of x with the sign of y, elementwise; slope 0 where x is 0, and to y. Shapes
    broadcast."""

    family = Family.ELEMENTWISE
    formula = "abs(x) if y >= 0 else -abs(x)"
    local = {"x": "sign(x) if y >= 0 else -sign(x)", "y": "0"}
    promotes = True
    floats = True

    def forward(x, y):
        return np.copysign(x, y)

    def vjp_x(d, out, x, y):
        return d * (sign(x) * sign(out))  # d out / d x = out / x, and both are of one size

    def vjp_y(d, out, x, y):
        return keep(d, False)


exp = function(Exp)
exp2 = function(Exp2)
expm1 = function(Expm1)
log = function(Log)
log2 = function(Log2)
log10 = function(Log10)
log1p = function(Log1p)
logaddexp = function(Logaddexp)
logaddexp2 = function(Logaddexp2)
xlogy = function(Xlogy)
xlog1py = function(Xlog1py)
logit = function(Logit)
sqrt = function(Sqrt)
rsqrt = function(Rsqrt)
abs = function(Abs)
sign = function(Sign)
copysign = function(Copysign)
