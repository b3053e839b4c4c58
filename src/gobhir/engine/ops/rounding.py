"""To whole numbers, and steps: elementwise. Their slope is 0 wherever they have one, and PyTorch
takes it as 0 at the jumps too.
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.choosing import keep


class Rounding(Op, abstract=True):
    family = Family.ELEMENTWISE
    local = "0"
    accepts = "iuf"

    def vjp(d, out, x):
        return keep(d, False)


class Floor(Rounding):
    """The largest whole number that is not above x, elementwise."""

    formula = "floor(x)"

    def forward(x):
        return np.floor(x)


class Ceil(Rounding):
    """The smallest whole number that is not below x, elementwise."""

    formula = "ceil(x)"

    def forward(x):
        return np.ceil(x)


class Trunc(Rounding):
    """The whole number next to x on the way to 0, elementwise."""

    formula = "floor(x) if x > 0 else ceil(x)"

    def forward(x):
        return np.trunc(x)


class Round(Rounding):
    """The nearest whole number, of two equally near ones the even one; or the nearest number
    with so many decimals (of tens, hundreds, ... where negative). Elementwise."""

    formula = "round(x * 10**decimals) / 10**decimals"

    def forward(x, *, decimals=0):
        if not decimals or x.dtype.kind != "f":
            return np.rint(x) if x.dtype.kind == "f" else x.copy()
        if decimals < 0:
            return np.rint(x / 10**-decimals) * 10**-decimals
        return np.rint(x * 10**decimals) / 10**decimals

    def vjp(d, out, x, *, decimals):
        return keep(d, False)


class Frac(Op):
    """What trunc leaves over: x - trunc(x), of x's sign. Elementwise."""

    family = Family.ELEMENTWISE
    formula = "x - (floor(x) if x > 0 else ceil(x))"
    local = "1"
    accepts = "f"
    shape_only = True

    def forward(x):
        return x - np.trunc(x)

    def vjp(d, out, x):
        return d


class Heaviside(Op):
    """The step function: 0 below 0, 1 above, y at 0. Elementwise; shapes broadcast."""

    family = Family.ELEMENTWISE
    formula = "y if x == 0 else (1 if x > 0 else 0)"
    local = {"x": "0", "y": "1 if x == 0 else 0"}
    example = ([[0.0, -1.2, 2.0], [0.5]], {})

    def forward(x, y):
        return np.where(x == 0, y, (x > 0).astype(x.dtype))

    def vjp_x(d, out, x, y):
        return keep(d, False)

    def vjp_y(d, out, x, y):
        return keep(d, x == 0)


floor = function(Floor)
ceil = function(Ceil)
trunc = function(Trunc)
round = function(Round)
frac = function(Frac)
heaviside = function(Heaviside)
