"""Diagonals and triangles of matrices: taken out, put in, cut off."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.shapes import Rearrangement


class Diagonal(Rearrangement):
    """The diagonal of the matrices that dim1 and dim2 span, as a last dimension; offset > 0 is
    above the main one, offset < 0 below."""

    formula = "diagonal(x)"

    def forward(x, *, offset=0, dim1=0, dim2=1):
        return _diagonal(x, offset, dim1, dim2)

    def vjp(d, out, x, *, offset, dim1, dim2):
        return diagonal_scatter(d, shape=x.shape, offset=offset, dim1=dim1, dim2=dim2)


class DiagonalScatter(Rearrangement):
    """Zeros of `shape` with x on the diagonal that Diagonal takes out."""

    formula = "diagonal_scatter(x)"

    def forward(x, *, shape, offset=0, dim1=0, dim2=1):
        out = np.zeros(shape, x.dtype)
        _diagonal(out, offset, dim1, dim2)[...] = x
        return out

    def vjp(d, out, x, *, shape, offset, dim1, dim2):
        return diagonal(d, offset=offset, dim1=dim1, dim2=dim2)


def _diagonal(x, offset, dim1, dim2):
    """A view of the diagonal; np.diagonal gives one that refuses to be written to."""
    out = np.diagonal(x, offset, dim1, dim2)
    if x.flags.writeable:
        out.flags.writeable = True
    return out


class Tril(Rearrangement):
    """The lower triangle: 0 where column - row > diagonal. x: (..., rows, columns)."""

    formula = "tril(x)"

    def forward(x, *, diagonal=0):
        return np.tril(x, diagonal)

    def vjp(d, out, x, *, diagonal):
        return tril(d, diagonal=diagonal)


class Triu(Rearrangement):
    """The upper triangle: 0 where column - row < diagonal. x: (..., rows, columns)."""

    formula = "triu(x)"

    def forward(x, *, diagonal=0):
        return np.triu(x, diagonal)

    def vjp(d, out, x, *, diagonal):
        return triu(d, diagonal=diagonal)


diagonal = function(Diagonal)
diagonal_scatter = function(DiagonalScatter)
tril = function(Tril)
triu = function(Triu)
