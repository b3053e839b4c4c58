"""The rule of the family "linear": weighted sums, as a layer's (W x + b) and as a product of
matrices.

On a page one example is a column, though for the engine it is a row of a batch of one; so what
the engine computes as x @ W may stand there as W transposed times x.
"""

from __future__ import annotations

import math

import numpy as np

from gobhir.derivation.arrays import MatMul, SumOver, Transposed, turned
from gobhir.derivation.expression import (
    Expr,
    Product,
    Sum,
)
from gobhir.derivation.places import Reshaped, shaped
from gobhir.explain.rules.use import Use


def linear(use: Use) -> Expr | None:
    """W x + b, or the product of two matrices."""
    if use.record.op.name == "mat_mul":
        return _stacks(use) if _deep(use) else _product(use)
    if use.record.op.name != "linear":
        return None
    x, W = use.operands[0], use.whole(1)  # weights that are results may be one row
    weighted = MatMul(x, turned(W)) if _matrix_like(x) else MatMul(W, x)
    bias = use.operands[2:3]
    return Sum((weighted, *bias)) if bias and bias[0] is not None else weighted


def linear_pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What x, W or b receives when dL/dz is c."""
    if use.record.op.name == "mat_mul":
        return _stacks_pull(use, i, c) if _deep(use) else _product_pull(use, i, c)
    if use.record.op.name != "linear":
        return None
    x, W = use.operands[0], use.whole(1)
    if not _matrix_like(x):
        if i == 0:
            return MatMul(turned(W), c)
        if i == 1:
            across = Transposed(x) if x.shape else x
            return MatMul(c, across) if c.shape and x.shape else Product((c, across))
        return c
    if i == 0:
        return MatMul(c, W)
    if i == 1:
        return MatMul(Transposed(_rows(c)), _rows(x))
    return SumOver(_rows(c), (0,))


def _matrix_like(e: Expr) -> bool:
    return len(e.shape) >= 2


def _rows(e: Expr) -> Expr:
    """All examples under one another."""
    if len(e.shape) <= 2:
        return e
    return Reshaped(e, (math.prod(e.shape[:-1]), e.shape[-1]))


def _deep(use: Use) -> bool:
    """Whether whole stacks of matrices are multiplied."""
    return any(np.ndim(a) > 2 for a in use.arrays)


def _stacks(use: Use) -> Expr:
    a, b = use.whole(0), use.whole(1)
    if len(a.shape) == 1:
        a = Reshaped(a, (1, *a.shape))
    return shaped(MatMul(a, b), use.result.shape)


def _stacks_pull(use: Use, i: int, c: Expr) -> Expr:
    """Each product's own gradient; a matrix that met several others receives the sum."""
    a, b = use.whole(0), use.whole(1)
    rows = (1, *a.shape) if len(a.shape) == 1 else a.shape
    columns = (*b.shape, 1) if len(b.shape) == 1 else b.shape
    stack = np.broadcast_shapes(rows[:-2], columns[:-2])
    c = shaped(c, (*stack, rows[-2], columns[-1]))
    if i == 0:
        out, own = MatMul(c, Transposed(shaped(b, columns))), rows
    else:
        out, own = MatMul(Transposed(shaped(a, rows)), c), columns
    lead = len(out.shape) - len(own)
    met = tuple(
        k for k in range(len(out.shape) - 2) if k < lead or own[k - lead] == 1 != out.shape[k]
    )
    summed = SumOver(out, met) if met else out
    return shaped(summed, use.operands[i].shape)


def _product(use: Use) -> Expr:
    a, b = use.operands
    if not a.shape or not b.shape:
        return Product((a, b))
    if len(a.shape) == 1 and len(b.shape) == 2:
        return MatMul(Transposed(b), a)
    return MatMul(a, _as_row(b, use.arrays[1]))


def _product_pull(use: Use, i: int, c: Expr) -> Expr | None:
    a, b = use.operands
    c = _shaped(c, use.result.shape)
    out: Expr
    if not a.shape or not b.shape or len(a.shape) == len(b.shape) == 1:
        other = b if i == 0 else a
        out = Product((c, _shaped(other, c.shape or other.shape)))
    elif len(a.shape) == 1:
        outer = MatMul(a, Transposed(c)) if c.shape else Product((c, a))
        out = MatMul(b, c) if i == 0 else outer
    else:
        b, c = _as_row(b, use.arrays[1]), _as_row(c, use.record.value)
        across = b.body if isinstance(b, Transposed) else Transposed(b)
        if i == 1:
            out = MatMul(Transposed(a), c)
        else:
            out = MatMul(c, across) if c.shape else Product((c, across))
    return _shaped(out, use.operands[i].shape)


def _as_row(e: Expr, array: np.ndarray) -> Expr:
    """A column of the page that is a matrix of one row for the engine, as that row."""
    return Transposed(e) if len(e.shape) == 1 and array.ndim == 2 else e


def _shaped(e: Expr, shape: tuple[int, ...]) -> Expr:
    """e with this shape, where it has as many numbers but other dimensions of size 1."""
    if e.shape == shape or math.prod(e.shape) != math.prod(shape):
        return e
    return Reshaped(e, shape)
