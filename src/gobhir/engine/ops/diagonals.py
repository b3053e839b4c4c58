"""Diagonals and triangles of matrices: taken out, put in, cut off."""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.shapes import Rearrangement


class Diagonal(Rearrangement):
    """The diagonal of the matrices that dim1 and dim2 span, as a last dimension; offset > 0 is
    above the main one, offset < 0 below."""

    formula = "diagonal(x)"
    example = ([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]], {})

    def forward(x, *, offset=0, dim1=0, dim2=1):
        out = np.diagonal(x, offset, dim1, dim2)
        if x.flags.writeable:
            out.flags.writeable = True  # NumPy's own caution; a change in place reaches x
        return out

    def vjp(d, out, x, *, offset, dim1, dim2):
        return diagonal_scatter(d, shape=x.shape, offset=offset, dim1=dim1, dim2=dim2)


class DiagonalScatter(Rearrangement):
    """Zeros of `shape` with x on the diagonal that Diagonal takes out."""

    formula = "diagonal_scatter(x)"
    example = ([[1.0, 2.0, 3.0]], {"shape": (3, 3)})

    def forward(x, *, shape, offset=0, dim1=0, dim2=1):
        out = np.zeros(shape, x.dtype)
        row = np.arange(x.shape[-1]) + max(-offset, 0)
        np.moveaxis(out, (dim1, dim2), (-2, -1))[..., row, row + offset] = x
        return out

    def vjp(d, out, x, *, shape, offset, dim1, dim2):
        return diagonal(d, offset=offset, dim1=dim1, dim2=dim2)


class Tril(Rearrangement):
    """The lower triangle: 0 where column - row > diagonal. x: (..., rows, columns)."""

    formula = "tril(x)"
    example = ([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]], {})

    def forward(x, *, diagonal=0):
        return np.tril(x, diagonal)

    def vjp(d, out, x, *, diagonal):
        return tril(d, diagonal=diagonal)


class Triu(Rearrangement):
    """The upper triangle: 0 where column - row < diagonal. x: (..., rows, columns)."""

    formula = "triu(x)"
    example = ([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]], {})

    def forward(x, *, diagonal=0):
        return np.triu(x, diagonal)

    def vjp(d, out, x, *, diagonal):
        return triu(d, diagonal=diagonal)


diagonal = function(Diagonal)
diagonal_scatter = function(DiagonalScatter)
tril = function(Tril)
triu = function(Triu)
