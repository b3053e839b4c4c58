"""Sum, difference, product, quotient, power: elementwise, with broadcasting."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.elementary import log, where


class Arithmetic(Op, abstract=True):
    family = Family.ELEMENTWISE
    promotes = True


class Add(Arithmetic):
    """x + y, elementwise. Shapes broadcast."""

    formula = "x + y"
    local = {"x": "1", "y": "1"}

    def forward(x, y):
        return x + y

    def vjp(d, out, x, y):
        return d


class Sub(Arithmetic):
    """x - y, elementwise. Shapes broadcast."""

    formula = "x - y"
    local = {"x": "1", "y": "-1"}

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


class Div(Op):
    """x / y, elementwise; integers are divided as floating numbers. Shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "x / y"
    local = {"x": "1 / y", "y": "-x / y**2"}
    promotes = True
    floats = True

    def forward(x, y):
        with np.errstate(divide="ignore", invalid="ignore"):
            return x / y

    def vjp_x(d, out, x, y):
        return d / y

    def vjp_y(d, out, x, y):
        return -d * x / (y * y)


class Neg(Op):
    """-x, elementwise."""

    family = Family.ELEMENTWISE
    formula = "-x"
    local = "-1"

    def forward(x):
        return -x

    def vjp(d, out, x):
        return -d


class Pow(Arithmetic):
    """x ** y, elementwise. Shapes broadcast."""

    formula = "x ** y"
    local = {"x": "y * x ** (y - 1)", "y": "x ** y * log(x)"}

    def forward(x, y):
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            return x**y

    def vjp_x(d, out, x, y):
        # 0 ** -1 is infinite, but d(x**0)/dx is 0 everywhere.
        return d * where(y == 0, 0.0, y * x ** where(y == 0, 1.0, y - 1))

    def vjp_y(d, out, x, y):
        # PyTorch takes d(0**y)/dy = 0 for y >= 0, where log(0) would give NaN.
        flat = (x == 0) & (y >= 0)
        return d * where(flat, 0.0, out * log(where(flat, 1.0, x)))


add = function(Add)
sub = function(Sub)
mul = function(Mul)
div = function(Div)
neg = function(Neg)
pow = function(Pow)
