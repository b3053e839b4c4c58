"""Sum, difference, product, quotient, remainder, power: elementwise, with broadcasting."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import keep, where
from gobhir.engine.ops.elementary import log
from gobhir.lang import say

_DIVISION = [[7.0, -7.0, 5.5], [2.0, 2.0, -2.0]]
"""For the ops' cards: quotients of both signs, none of them whole."""


class Arithmetic(Op, abstract=True):
    family = Family.ELEMENTWISE
    promotes = True


class Add(Arithmetic):
    """x + y, elementwise. Shapes broadcast."""

    formula = "x + y"
    local = {"x": "1", "y": "1"}
    shape_only = True

    def forward(x, y):
        return x + y

    def vjp(d, out, x, y):
        return d


class Sub(Arithmetic):
    """x - y, elementwise. Shapes broadcast."""

    formula = "x - y"
    local = {"x": "1", "y": "-1"}
    accepts = "iuf"
    shape_only = True

    def forward(x, y):
        return x - y

    def vjp_x(d, out, x, y):
        return d

    def vjp_y(d, out, x, y):
        return -d


class Mul(Arithmetic):
    """x * y, elementwise. Shapes broadcast."""

    formula = "x * y"
    local = {"x": "y", "y": "x"}

    def forward(x, y):
        return x * y

    def vjp_x(d, out, x, y):
        return d * y

    def vjp_y(d, out, x, y):
        return d * x


class Div(Arithmetic):
    """x / y, elementwise; integers are divided as floating numbers. Shapes broadcast."""

    formula = "x / y"
    local = {"x": "1 / y", "y": "-x / y**2"}
    floats = True

    def forward(x, y):
        return x / y

    def vjp_x(d, out, x, y):
        return d / y

    def vjp_y(d, out, x, y):
        return -d * (x / y) / y  # not out: that may be changed in place by now


class FloorDivide(Arithmetic):
    """x / y rounded down, elementwise; slope 0. Shapes broadcast.
    RuntimeError where an integer is divided by 0."""

    formula = "floor(x / y)"
    local = {"x": "0", "y": "0"}
    accepts = "iuf"
    example = (_DIVISION, {})

    def forward(x, y):
        refuse_zero(x, y)
        return np.floor_divide(x, y)

    def vjp(d, out, x, y):
        return keep(d, False)


class TruncDivide(Arithmetic):
    """x / y rounded towards 0, elementwise; slope 0. Shapes broadcast.
    RuntimeError where an integer is divided by 0."""

    formula = "floor(x / y) if x / y > 0 else ceil(x / y)"
    local = {"x": "0", "y": "0"}
    accepts = "iuf"
    example = (_DIVISION, {})

    def forward(x, y):
        if _whole(x, y):
            refuse_zero(x, y)
            return (x - np.fmod(x, y)) // y
        return np.trunc(x / y)

    def vjp(d, out, x, y):
        return keep(d, False)


class Remainder(Arithmetic):
    """x - y * floor(x / y), elementwise: what is left of x, with y's sign (Python's %). Shapes
    broadcast. RuntimeError where an integer is divided by 0."""

    formula = "x - y * floor(x / y)"
    local = {"x": "1", "y": "-floor(x / y)"}
    accepts = "iuf"
    example = (_DIVISION, {})

    def forward(x, y):
        refuse_zero(x, y)
        return np.remainder(x, y)

    def vjp_x(d, out, x, y):
        return d

    def vjp_y(d, out, x, y):
        return -d * floor_divide(x, y)


class Fmod(Arithmetic):
    """x - y * trunc(x / y), elementwise: what is left of x, with x's sign (C's fmod). Shapes
    broadcast. RuntimeError where an integer is divided by 0."""

    formula = "x - y * (floor(x / y) if x / y > 0 else ceil(x / y))"
    local = {"x": "1", "y": "-(floor(x / y) if x / y > 0 else ceil(x / y))"}
    accepts = "iuf"
    example = (_DIVISION, {})

    def forward(x, y):
        refuse_zero(x, y)
        return np.fmod(x, y)

    def vjp_x(d, out, x, y):
        return d

    def vjp_y(d, out, x, y):
        return -d * trunc_divide(x, y)


_INT = np.dtype("int64")


def _whole(*numbers):
    return not any(isinstance(n, float) or getattr(n, "dtype", _INT).kind == "f" for n in numbers)


def refuse_zero(x, y):
    """RuntimeError if whole numbers are to be divided by 0; floating ones give inf or NaN."""
    if _whole(x, y) and np.any(np.equal(y, 0)):
        raise RuntimeError(say("errors.arithmetic.zero_division"))


class Neg(Op):
    """-x, elementwise."""

    family = Family.ELEMENTWISE
    formula = "-x"
    local = "-1"
    accepts = "iuf"
    shape_only = True

    def forward(x):
        return -x

    def vjp(d, out, x):
        return -d


class Reciprocal(Op):
    """1 / x, elementwise."""

    family = Family.ELEMENTWISE
    formula = "1 / x"
    local = "-(out**2)"
    floats = True

    def forward(x):
        return 1 / x

    def vjp(d, out, x):
        return -d * out * out


class Pow(Arithmetic):
    """x ** y, elementwise. Shapes broadcast.
    RuntimeError for whole numbers to a negative number's power, which would not be whole."""

    formula = "x ** y"
    local = {"x": "y * x ** (y - 1)", "y": "x ** y * log(x)"}
    accepts = "iuf"

    def forward(x, y):
        if isinstance(y, (int, float)):
            if 2 < y <= 16 and y == int(y):
                return _by_squaring(x, int(y))
            if y < 0 and x.dtype.kind in "iu":
                raise RuntimeError(say("errors.arithmetic.negative_power"))
        elif y.dtype.kind == "i":
            # A whole number to a negative power: only 1 and -1 leave anything.
            return np.where((y < 0) & (np.abs(x) != 1), 0, np.power(x, np.where(y < 0, y & 1, y)))
        return x**y

    def vjp_x(d, out, x, y):
        if isinstance(y, (int, float)):
            if y == 2 and isinstance(x, np.ndarray):
                return d * (2 * x)
            # For Tensors x**1 and x**0 too: so a polynomial can be derived until nothing is left.
            return d * (y * pow(x, y - 1)) if y else keep(d, False)
        # 0 ** -1 is infinite, but d(x**0)/dx is 0 everywhere.
        return keep(d * (y * x ** where(y == 0, 1.0, y - 1)), y != 0)

    def vjp_y(d, out, x, y):
        # PyTorch takes d(0**y)/dy = 0 for y >= 0, where log(0) would give NaN.
        flat = (x == 0) & (y >= 0)
        return keep(d * (out * log(where(flat, 1.0, x))), ~flat)


def _by_squaring(x, n):
    """x ** n in few products: NumPy's own power takes the long way, by logarithms."""
    if n == 1:
        return x
    half = _by_squaring(x, n // 2)
    return half * half * x if n % 2 else half * half


class Hypot(Arithmetic):
    """sqrt(x**2 + y**2), elementwise, without overflow on the way. Shapes broadcast."""

    formula = "sqrt(x**2 + y**2)"
    local = {"x": "x / out", "y": "y / out"}
    accepts = "f"

    def forward(x, y):
        return np.hypot(x, y)

    def vjp_x(d, out, x, y):
        return d * (x / out)

    def vjp_y(d, out, x, y):
        return d * (y / out)


class Addcmul(Arithmetic):
    """x + value * a * b, elementwise. Shapes broadcast."""

    formula = "x + value * a * b"
    local = {"x": "1", "a": "value * b", "b": "value * a"}
    accepts = "iuf"

    def forward(x, a, b, *, value=1):
        return x + (a * b if value == 1 else value * a * b)

    def vjp_x(d, out, x, a, b, *, value):
        return d

    def vjp_a(d, out, x, a, b, *, value):
        return d * (value * b)

    def vjp_b(d, out, x, a, b, *, value):
        return d * (value * a)


class Addcdiv(Arithmetic):
    """x + value * a / b, elementwise. Shapes broadcast."""

    formula = "x + value * a / b"
    local = {"x": "1", "a": "value / b", "b": "-value * a / b**2"}
    accepts = "f"

    def forward(x, a, b, *, value=1):
        return x + value * (a / b)

    def vjp_x(d, out, x, a, b, *, value):
        return d

    def vjp_a(d, out, x, a, b, *, value):
        return d * (value / b)

    def vjp_b(d, out, x, a, b, *, value):
        return -d * (value / b) * (a / b)


class Lerp(Arithmetic):
    """start + weight * (end - start), elementwise: the point between the two. Shapes broadcast."""

    formula = "start + weight * (end - start)"
    local = {"start": "1 - weight", "end": "weight", "weight": "end - start"}
    accepts = "f"
    example = ([[0.5, -1.2, 2.0], [1.5, 0.4, -0.7], [0.0, 0.5, 1.0]], {})

    def forward(start, end, weight):
        return start + weight * (end - start)

    def vjp_start(d, out, start, end, weight):
        return d * (1 - weight)

    def vjp_end(d, out, start, end, weight):
        return d * weight

    def vjp_weight(d, out, start, end, weight):
        return d * (end - start)


add = function(Add)
sub = function(Sub)
mul = function(Mul)
div = function(Div)
floor_divide = function(FloorDivide)
trunc_divide = function(TruncDivide)
remainder = function(Remainder)
fmod = function(Fmod)
neg = function(Neg)
reciprocal = function(Reciprocal)
pow = function(Pow)
hypot = function(Hypot)
addcmul = function(Addcmul)
addcdiv = function(Addcdiv)
lerp = function(Lerp)
