"""Choosing between numbers by a condition or by their size: elementwise, with broadcasting.

Slopes where two choices meet are PyTorch's: at a tie of maximum and minimum each side gets half
of the gradient, and a bound of clamp passes the gradient of x on.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.dtypes import promoted
from gobhir.engine.op import Family, Op

_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_LARGE = 4096
"""From this size on a processor's wrong guesses at a drawn condition cost more than one more
pass over the numbers."""


class Choice(Op, abstract=True):
    family = Family.ELEMENTWISE
    promotes = True


class Keep(Op):
    """x where the mask holds, exactly 0 elsewhere, even in place of an infinity or a NaN."""

    family = Family.ELEMENTWISE
    formula = "x if mask == 1 else 0"
    local = {"x": "1 if mask == 1 else 0"}
    example = ([[0.5, -1.2, 2.0], [True, False, True]], {})

    def forward(x, mask):
        # Bits times 1 or 0: no branch in the loop, and what is left out leaves no NaN.
        return (x.view(_BITS[x.dtype.itemsize]) * mask).view(x.dtype)

    def vjp_x(d, out, x, mask):
        return keep(d, mask)


class Where(Op):
    """x where the condition holds, y elsewhere. Shapes broadcast; the condition has no gradient."""

    family = Family.ELEMENTWISE
    formula = "x if condition == 1 else y"
    local = {"x": "1 if condition == 1 else 0", "y": "0 if condition == 1 else 1"}

    def forward(condition, x, y):
        # Of two Python numbers a pullback wants all digits, not the default dtype's.
        dtype = promoted((x, y)) if hasattr(x, "dtype") or hasattr(y, "dtype") else None
        x, y = np.asarray(x, dtype), np.asarray(y, dtype)
        if np.size(condition) < _LARGE or condition.dtype != bool or x.dtype.kind == "c":
            return np.where(condition, x, y)
        bits = _BITS[x.dtype.itemsize]
        return (x.view(bits) * condition | y.view(bits) * ~condition).view(x.dtype)

    def vjp_x(d, out, condition, x, y):
        return keep(d, condition)

    def vjp_y(d, out, condition, x, y):
        return keep(d, ~condition)


class Maximum(Choice):
    """The larger of x and y, elementwise; at a tie each gets half of the gradient."""

    formula = "max(x, y)"
    local = {
        "x": "1 if x > y else (0.5 if x == y else 0)",
        "y": "1 if y > x else (0.5 if x == y else 0)",
    }

    def forward(x, y):
        return np.maximum(x, y)

    def vjp_x(d, out, x, y):
        return keep(d, ~(x < y)) - keep(d * 0.5, x == y)

    def vjp_y(d, out, x, y):
        return keep(d, ~(y < x)) - keep(d * 0.5, x == y)


class Minimum(Choice):
    """The smaller of x and y, elementwise; at a tie each gets half of the gradient."""

    formula = "min(x, y)"
    local = {
        "x": "1 if x < y else (0.5 if x == y else 0)",
        "y": "1 if y < x else (0.5 if x == y else 0)",
    }

    def forward(x, y):
        return np.minimum(x, y)

    def vjp_x(d, out, x, y):
        return keep(d, ~(x > y)) - keep(d * 0.5, x == y)

    def vjp_y(d, out, x, y):
        return keep(d, ~(y > x)) - keep(d * 0.5, x == y)


class Fmax(Choice):
    """The larger of x and y, elementwise; a number counts as larger than NaN. At a tie all of
    the gradient goes to x."""

    formula = "max(x, y)"
    local = {"x": "1 if x >= y else 0", "y": "0 if x >= y else 1"}

    def forward(x, y):
        return np.fmax(x, y)

    def vjp_x(d, out, x, y):
        return keep(d, (x >= y) | (y != y))

    def vjp_y(d, out, x, y):
        return keep(d, ~((x >= y) | (y != y)))


class Fmin(Choice):
    """The smaller of x and y, elementwise; a number counts as smaller than NaN. At a tie all of
    the gradient goes to x."""

    formula = "min(x, y)"
    local = {"x": "1 if x <= y else 0", "y": "0 if x <= y else 1"}

    def forward(x, y):
        return np.fmin(x, y)

    def vjp_x(d, out, x, y):
        return keep(d, (x <= y) | (y != y))

    def vjp_y(d, out, x, y):
        return keep(d, ~((x <= y) | (y != y)))


class Clamp(Choice):
    """x, but at least low and at most high (high wins where low is above it), elementwise. The
    bounds are numbers or broadcast to x."""

    formula = "min(max(x, low), high)"
    local = {
        "x": "0 if x < low else (0 if x > high else 1)",
        "low": "0 if low >= high else (1 if x < low else 0)",
        "high": "1 if high < low else (1 if x > high else 0)",
    }
    example = ([[0.5, -1.2, 2.0], [-1.0], [1.0]], {})

    def forward(x, low, high):
        return x.clip(low, high)

    def vjp_x(d, out, x, low, high):
        return keep(d, (x >= low) & (x <= high))

    def vjp_low(d, out, x, low, high):
        return keep(d, (x < low) & (low < high))

    def vjp_high(d, out, x, low, high):
        return keep(d, (x > high) | (high < low))


class ClampMin(Choice):
    """x, but at least low, elementwise."""

    formula = "max(x, low)"
    local = {"x": "1 if x >= low else 0", "low": "1 if x < low else 0"}
    example = ([[0.5, -1.2, 2.0], [-1.0]], {})

    def forward(x, low):
        return np.maximum(x, low)

    def vjp_x(d, out, x, low):
        return keep(d, x >= low)

    def vjp_low(d, out, x, low):
        return keep(d, x < low)


class ClampMax(Choice):
    """x, but at most high, elementwise."""

    formula = "min(x, high)"
    local = {"x": "1 if x <= high else 0", "high": "1 if x > high else 0"}
    example = ([[0.5, -1.2, 2.0], [1.0]], {})

    def forward(x, high):
        return np.minimum(x, high)

    def vjp_x(d, out, x, high):
        return keep(d, x <= high)

    def vjp_high(d, out, x, high):
        return keep(d, x > high)


class NanToNum(Op):
    """x with other numbers in place of NaN and the infinities, through which no gradient goes.
    (Of finite numbers, which the formula is for, nothing changes.)"""

    family = Family.ELEMENTWISE
    formula = "x"
    local = "1"
    example = ([[0.5, np.nan, np.inf]], {"nan": 0.0, "posinf": 100.0, "neginf": -100.0})

    def forward(x, *, nan, posinf, neginf):
        return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)

    def vjp(d, out, x, *, nan, posinf, neginf):
        return keep(d, abs(x) < np.inf)


keep = function(Keep)
where = function(Where)
maximum = function(Maximum)
minimum = function(Minimum)
fmax = function(Fmax)
fmin = function(Fmin)
clamp = function(Clamp)
clamp_min = function(ClampMin)
clamp_max = function(ClampMax)
nan_to_num = function(NanToNum)
