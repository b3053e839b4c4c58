"""The same numbers, arranged otherwise: reshape, permute, expand, flip, roll, cast."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.lang import say


class Rearrangement(Op, abstract=True):
    family = Family.REARRANGEMENT
    local = "1"
    shape_only = True


class Reshape(Rearrangement):
    """The same numbers in row-major order under another shape; one -1 is worked out."""

    formula = "reshape(x)"
    example = ([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], {"shape": (3, 2)})

    def forward(x, *, shape):
        try:
            return x.reshape(shape)
        except ValueError:
            raise RuntimeError(say("errors.shape.reshape", x=x.shape, shape=shape)) from None

    def vjp(d, out, x, *, shape):
        return d.reshape(x.shape)


class Permute(Rearrangement):
    """Dimensions in another order: out.shape[i] = x.shape[dims[i]]."""

    formula = "permute(x)"
    example = ([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], {"dims": (1, 0)})

    def forward(x, *, dims):
        return np.transpose(x, dims)

    def vjp(d, out, x, *, dims):
        back = tuple(int(i) for i in np.argsort([i % x.ndim for i in dims]))
        return permute(d, dims=back)


class Expand(Rearrangement):
    """Repeat along dimensions of size 1 (and new leading ones) up to `shape`."""

    formula = "expand(x)"

    def forward(x, *, shape):
        if x.shape == shape:
            return x[...]  # nothing is repeated, so its memory may be written to
        try:
            return np.broadcast_to(x, shape)
        except ValueError:
            raise RuntimeError(say("errors.shape.expand", x=x.shape, shape=shape)) from None

    def vjp(d, out, x, *, shape):
        return d  # backward sums it down to x's shape, as for every op that broadcasts


class Cast(Rearrangement):
    """The same numbers in another dtype."""

    formula = "x"

    def forward(x, *, dtype):
        with np.errstate(invalid="ignore", over="ignore"):
            return x.astype(dtype)

    def vjp(d, out, x, *, dtype):
        return cast(d, dtype=x.dtype)


class Clone(Rearrangement):
    """A copy, through which the gradient passes."""

    formula = "x"

    def forward(x):
        return x.copy()

    def vjp(d, out, x):
        return d


class Flip(Rearrangement):
    """The order along each of `dims` reversed."""

    formula = "flip(x)"
    example = ([[1.0, 2.0, 3.0]], {"dims": (0,)})

    def forward(x, *, dims):
        return np.flip(x, dims).copy()

    def vjp(d, out, x, *, dims):
        return flip(d, dims=dims)


class Roll(Rearrangement):
    """Moved by `shifts` along `dims`; what leaves at the end comes in again at the beginning."""

    formula = "roll(x)"
    example = ([[1.0, 2.0, 3.0, 4.0]], {"shifts": (1,), "dims": (0,)})

    def forward(x, *, shifts, dims):
        return np.roll(x, shifts, dims)

    def vjp(d, out, x, *, shifts, dims):
        return roll(d, shifts=tuple(-s for s in shifts), dims=dims)


reshape = function(Reshape)
permute = function(Permute)
expand = function(Expand)
cast = function(Cast)
clone = function(Clone)
flip = function(Flip)
roll = function(Roll)
