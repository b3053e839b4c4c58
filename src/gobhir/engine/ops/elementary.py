"""Elementary functions of one number, and choosing between two: elementwise."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.dtypes import promoted
from gobhir.engine.op import Family, Op


class Elementary(Op, abstract=True):
    family = Family.ELEMENTWISE
    floats = True


class Exp(Elementary):
    """e to the x, elementwise."""

    formula = "exp(x)"
    local = "out"

    def forward(x):
        with np.errstate(over="ignore"):
            return np.exp(x)

    def vjp(d, out, x):
        return d * out


class Log(Elementary):
    """Natural logarithm, elementwise; -inf at 0, NaN below."""

    formula = "log(x)"
    local = "1 / x"

    def forward(x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(x)

    def vjp(d, out, x):
        return d / x


class Sqrt(Elementary):
    """Square root, elementwise; NaN below 0."""

    formula = "sqrt(x)"
    local = "1 / (2 * out)"

    def forward(x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    def vjp(d, out, x):
        return d / (2 * out)


class Abs(Op):
    """|x|, elementwise. The slope at 0 is taken as 0, as PyTorch does."""

    family = Family.ELEMENTWISE
    formula = "abs(x)"
    local = "sign(x)"

    def forward(x):
        return np.abs(x)

    def vjp(d, out, x):
        return d * sign(x)


class Sign(Op):
    """-1, 0 or 1, elementwise; slope 0 everywhere."""

    family = Family.ELEMENTWISE
    formula = "sign(x)"
    local = "0"

    def forward(x):
        return np.sign(x)

    def vjp(d, out, x):
        return d * 0


class Maximum(Op):
    """The larger of x and y, elementwise; at a tie each gets half of the gradient."""

    family = Family.ELEMENTWISE
    formula = "max(x, y)"
    local = {
        "x": "1 if x > y else (0.5 if x == y else 0)",
        "y": "1 if y > x else (0.5 if x == y else 0)",
    }
    promotes = True

    def forward(x, y):
        return np.maximum(x, y)

    def vjp_x(d, out, x, y):
        return where(x > y, d, where(x == y, d * 0.5, 0.0))

    def vjp_y(d, out, x, y):
        return where(y > x, d, where(x == y, d * 0.5, 0.0))


class Minimum(Op):
    """The smaller of x and y, elementwise; at a tie each gets half of the gradient."""

    family = Family.ELEMENTWISE
    formula = "min(x, y)"
    local = {
        "x": "1 if x < y else (0.5 if x == y else 0)",
        "y": "1 if y < x else (0.5 if x == y else 0)",
    }
    promotes = True

    def forward(x, y):
        return np.minimum(x, y)

    def vjp_x(d, out, x, y):
        return where(x < y, d, where(x == y, d * 0.5, 0.0))

    def vjp_y(d, out, x, y):
        return where(y < x, d, where(x == y, d * 0.5, 0.0))


class Where(Op):
    """x where the condition holds, y elsewhere. Shapes broadcast; the condition has no gradient."""

    family = Family.ELEMENTWISE
    formula = "x if condition else y"
    local = {"x": "1 if condition else 0", "y": "0 if condition else 1"}

    def forward(condition, x, y):
        # Of two Python numbers a pullback wants all digits, not the default dtype's.
        dtype = promoted((x, y)) if hasattr(x, "dtype") or hasattr(y, "dtype") else None
        return np.where(condition, np.asarray(x, dtype), np.asarray(y, dtype))

    def vjp_x(d, out, condition, x, y):
        return where(condition, d, 0.0)

    def vjp_y(d, out, condition, x, y):
        return where(condition, 0.0, d)


exp = function(Exp)
log = function(Log)
sqrt = function(Sqrt)
abs = function(Abs)
sign = function(Sign)
maximum = function(Maximum)
minimum = function(Minimum)
where = function(Where)
