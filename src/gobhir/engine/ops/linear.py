"""Weighted sums: the linear layer and the matrix product."""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.drawing import clash, marked
from gobhir.engine.op import Family, Op
from gobhir.lang import say


class Linear(Op):
    """z = x W^T + b. x: (..., in), W: (out, in), b: (out) or None, z: (..., out).

    Row j of W holds everything that neuron j listens to.
    """

    family = Family.LINEAR
    formula = "x @ W.T + b"
    local = {"x": "W", "W": "x", "b": "1"}
    back = {"x": "d @ W", "W": "d.T @ x", "b": "sum(d)"}
    result = "z"
    example = (
        [[[0.5, -1.0, 2.0], [1.0, 0.0, 0.5]], [[1.0, 0.5, 0.2], [-0.3, 2.0, 1.0]], [0.1, -0.2]],
        {},
    )

    def forward(x, W, b=None):
        if W.ndim != 2 or x.ndim == 0 or x.shape[-1] != W.shape[1]:
            raise RuntimeError(
                say("errors.shape.linear", x=marked(x.shape, -1), weight=marked(W.shape, -1))
            )
        if x.dtype != W.dtype:
            raise RuntimeError(say("errors.dtype.linear", x=x.dtype, weight=W.dtype))
        # All examples as rows of one product: NumPy would make one of each stack of them.
        z = x @ W.T if x.ndim < 3 else (_rows(x) @ W.T).reshape((*x.shape[:-1], W.shape[0]))
        return z if b is None else z + b

    def vjp_x(dz, z, x, W, b=None):
        return matmul(dz, W)

    def vjp_W(dz, z, x, W, b=None):
        return matmul(_rows(dz).T, _rows(x))

    def vjp_b(dz, z, x, W, b=None):
        return _rows(dz).sum(0)


def _rows(a):
    """All examples under one another: (..., n) becomes (examples, n)."""
    return a.reshape((math.prod(a.shape[:-1]), a.shape[-1]))


def _column(a):
    """Every vector as a matrix of one column: (..., n) becomes (..., n, 1)."""
    return a.reshape((*a.shape, 1))


class MatMul(Op):
    """x @ y. Vectors, matrices, and stacks of matrices that broadcast, as numpy.matmul."""

    family = Family.LINEAR
    formula = "x @ y"
    local = {"x": "y", "y": "x"}
    back = {"x": "d @ y.T", "y": "x.T @ d"}
    example = ([[[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], [[2.0, 1.0], [0.5, -1.0], [1.0, 0.0]]], {})

    def forward(x, y):
        if x.dtype != y.dtype:
            raise RuntimeError(say("errors.dtype.matmul", x=x.dtype, y=y.dtype))
        if x.dtype.kind == "b":
            raise NotImplementedError(say("errors.dtype.not_for", op="matmul", dtype=x.dtype))
        try:
            if x.ndim > 2 and y.ndim == 2:
                return np.matmul(_rows(x), y).reshape((*x.shape[:-1], y.shape[1]))
            return np.matmul(x, y)
        except ValueError:
            raise RuntimeError(_clash(x.shape, y.shape)) from None

    def vjp_x(d, out, x, y):
        if y.ndim == 1:
            return d * y if x.ndim == 1 else _column(d) * y
        if x.ndim == 1:
            return matmul(y, _column(d)).reshape((*d.shape[:-1], y.shape[-2]))
        return matmul(d, y.mT)

    def vjp_y(d, out, x, y):
        if x.ndim == 1:
            return d * x if y.ndim == 1 else _column(x) * d.reshape((*d.shape[:-1], 1, d.shape[-1]))
        if y.ndim == 1:
            return matmul(x.mT, _column(d)).reshape((*x.shape[:-2], x.shape[-1]))
        if y.ndim == 2:
            return matmul(_rows(x).T, _rows(d))
        return matmul(x.mT, d)


def _clash(x, y):
    """What does not fit: the sizes that are summed over, else the stacks in front of them."""
    if not x or not y or x[-1] != y[-2:][0]:
        drawn = {"x": marked(x, -1), "y": marked(y, max(-2, -len(y)))}
        return say("errors.shape.matmul", **drawn)
    return say("errors.shape.broadcast", op="matmul", **clash(x[:-2], y[:-2]))


linear = function(Linear)
matmul = function(MatMul, "matmul")
