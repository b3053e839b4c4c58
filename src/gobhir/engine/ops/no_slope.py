"""Where a derivative ends that nobody has worked out: asking for it is an error, not silence."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Op


class _Unknown:
    """A gradient that nobody knows: NotImplementedError for whoever makes use of it."""

    __array_ufunc__ = None

    def __init__(self, x, why):
        self.shape, self.dtype, self.why = x.shape, x.dtype, why

    def refuse(self, *others):
        raise NotImplementedError(self.why)

    __array__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = refuse
    __truediv__ = __rtruediv__ = __matmul__ = __rmatmul__ = __getitem__ = __getattr__ = refuse


class NoSlope(Op, abstract=True):
    """0 for every x, to be added to what has no slope to x; `why` is said to who wants it."""

    name = "no_slope"
    inputs = ("x",)
    settings = {"why": ""}
    defaults = {"why": ""}

    def forward(x, *, why):
        return np.zeros_like(x)

    def vjp(d, out, x, *, why):
        return _Unknown(x, why)

    pullbacks = {"x": vjp}


no_slope = function(NoSlope, "no_slope")
