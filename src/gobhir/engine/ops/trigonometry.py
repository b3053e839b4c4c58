"""Angles: sine and its kin, the hyperbolic functions, and the inverses of both. Elementwise.

Derivatives: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), 4.3 to 4.6.
Outside of the range in which an inverse is real, it is NaN.
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import keep, where
from gobhir.engine.ops.elementary import rsqrt


class Trigonometric(Op, abstract=True):
    family = Family.ELEMENTWISE
    floats = True


class Sin(Trigonometric):
    """Sine of an angle in radians, elementwise."""

    formula = "sin(x)"
    local = "cos(x)"

    def forward(x):
        return np.sin(x)

    def vjp(d, out, x):
        return d * cos(x)


class Cos(Trigonometric):
    """Cosine of an angle in radians, elementwise."""

    formula = "cos(x)"
    local = "-sin(x)"

    def forward(x):
        return np.cos(x)

    def vjp(d, out, x):
        return -d * sin(x)


class Tan(Trigonometric):
    """Tangent of an angle in radians, elementwise."""

    formula = "tan(x)"
    local = "1 + out**2"

    def forward(x):
        return np.tan(x)

    def vjp(d, out, x):
        return d * (1 + out * out)


class Asin(Trigonometric):
    """The angle between -pi/2 and pi/2 whose sine is x, elementwise."""

    formula = "asin(x)"
    local = "1 / sqrt(1 - x**2)"

    def forward(x):
        return np.arcsin(x)

    def vjp(d, out, x):
        return d * rsqrt(1 - x * x)


class Acos(Trigonometric):
    """The angle between 0 and pi whose cosine is x, elementwise."""

    formula = "acos(x)"
    local = "-1 / sqrt(1 - x**2)"

    def forward(x):
        return np.arccos(x)

    def vjp(d, out, x):
        return -d * rsqrt(1 - x * x)


class Atan(Trigonometric):
    """The angle between -pi/2 and pi/2 whose tangent is x, elementwise."""

    formula = "atan(x)"
    local = "1 / (1 + x**2)"

    def forward(x):
        return np.arctan(x)

    def vjp(d, out, x):
        return d / (1 + x * x)


class Atan2(Op):
    """The angle, between -pi and pi, of the point with coordinates (x, y); y comes first.
    Elementwise; shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "atan2(y, x)"
    local = {"y": "x / (x**2 + y**2)", "x": "-y / (x**2 + y**2)"}
    promotes = True
    floats = True

    def forward(y, x):
        return np.arctan2(y, x)

    def vjp_y(d, out, y, x):
        return d * (x / _square_distance(x, y))

    def vjp_x(d, out, y, x):
        return d * (-y / _square_distance(x, y))


def _square_distance(x, y):
    square = x * x + y * y
    return where(square == 0, 1.0, square)  # PyTorch takes the slopes at the origin as 0


class Angle(Trigonometric):
    """The angle of a real number in the complex plane: pi below 0, else 0. Elementwise."""

    formula = "pi if x < 0 else 0"
    local = "0"

    def forward(x):
        return np.where(x < 0, x.dtype.type(math.pi), np.where(x == x, 0, x))

    def vjp(d, out, x):
        return keep(d, False)


class Sinh(Trigonometric):
    """Hyperbolic sine, (e^x - e^-x) / 2, elementwise."""

    formula = "(exp(x) - exp(-x)) / 2"
    local = "(exp(x) + exp(-x)) / 2"

    def forward(x):
        return np.sinh(x)

    def vjp(d, out, x):
        return d * cosh(x)


class Cosh(Trigonometric):
    """Hyperbolic cosine, (e^x + e^-x) / 2, elementwise."""

    formula = "(exp(x) + exp(-x)) / 2"
    local = "(exp(x) - exp(-x)) / 2"

    def forward(x):
        return np.cosh(x)

    def vjp(d, out, x):
        return d * sinh(x)


class Asinh(Trigonometric):
    """The number whose hyperbolic sine is x, elementwise."""

    formula = "log(x + sqrt(x**2 + 1))"
    local = "1 / sqrt(x**2 + 1)"

    def forward(x):
        return np.arcsinh(x)

    def vjp(d, out, x):
        return d * rsqrt(x * x + 1)


class Acosh(Trigonometric):
    """The number from 0 on whose hyperbolic cosine is x, elementwise."""

    formula = "log(x + sqrt(x**2 - 1))"
    local = "1 / sqrt(x**2 - 1)"
    example = ([[1.2, 2.0, 3.5]], {})

    def forward(x):
        return np.arccosh(x)

    def vjp(d, out, x):
        return d * rsqrt(x * x - 1)


class Atanh(Trigonometric):
    """The number whose hyperbolic tangent is x, elementwise."""

    formula = "log((1 + x) / (1 - x)) / 2"
    local = "1 / (1 - x**2)"

    def forward(x):
        return np.arctanh(x)

    def vjp(d, out, x):
        return d / (1 - x * x)


class Sinc(Trigonometric):
    """sin(pi x) / (pi x), and 1 at 0; elementwise."""

    formula = "1 if x == 0 else sin(pi * x) / (pi * x)"
    local = "0 if x == 0 else (cos(pi * x) - out) / x"

    def forward(x):
        return np.sinc(x)

    def vjp(d, out, x):
        flat = x == 0
        return d * where(flat, 0.0, (cos(math.pi * x) - sinc(x)) / where(flat, 1.0, x))


sin = function(Sin)
cos = function(Cos)
tan = function(Tan)
asin = function(Asin)
acos = function(Acos)
atan = function(Atan)
atan2 = function(Atan2)
angle = function(Angle)
sinh = function(Sinh)
cosh = function(Cosh)
asinh = function(Asinh)
acosh = function(Acosh)
atanh = function(Atanh)
sinc = function(Sinc)
