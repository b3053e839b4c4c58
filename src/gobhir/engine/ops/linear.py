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
    """A @ B. Vectors, matrices, and stacks of matrices that broadcast, as numpy.matmul.
    A: (..., m, n), B: (..., n, k), out: (..., m, k); a vector is (n), and its dimension goes."""

    family = Family.LINEAR
    formula = "A @ B"
    local = {"A": "B", "B": "A"}
    back = {"A": "d @ B.T", "B": "A.T @ d"}
    example = ([[[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], [[2.0, 1.0], [0.5, -1.0], [1.0, 0.0]]], {})

    def forward(A, B):
        if A.dtype != B.dtype:
            raise RuntimeError(say("errors.dtype.matmul", x=A.dtype, y=B.dtype))
        if A.dtype.kind == "b":
            raise NotImplementedError(say("errors.dtype.not_for", op="matmul", dtype=A.dtype))
        try:
            if A.ndim > 2 and B.ndim == 2:
                return np.matmul(_rows(A), B).reshape((*A.shape[:-1], B.shape[1]))
            return np.matmul(A, B)
        except ValueError:
            raise RuntimeError(_clash(A.shape, B.shape)) from None

    def vjp_A(d, out, A, B):
        if B.ndim == 1:
            return d * B if A.ndim == 1 else _column(d) * B
        if A.ndim == 1:
            return matmul(B, _column(d)).reshape((*d.shape[:-1], B.shape[-2]))
        return matmul(d, B.mT)

    def vjp_B(d, out, A, B):
        if A.ndim == 1:
            return d * A if B.ndim == 1 else _column(A) * d.reshape((*d.shape[:-1], 1, d.shape[-1]))
        if B.ndim == 1:
            return matmul(A.mT, _column(d)).reshape((*A.shape[:-2], A.shape[-1]))
        if B.ndim == 2:
            return matmul(_rows(A).T, _rows(d))
        return matmul(A.mT, d)


def _clash(x, y):
    """What does not fit: the sizes that are summed over, else the stacks in front of them."""
    if not x or not y or x[-1] != y[-2:][0]:
        drawn = {"x": marked(x, -1), "y": marked(y, max(-2, -len(y)))}
        return say("errors.shape.matmul", **drawn)
    return say("errors.shape.broadcast", op="matmul", **clash(x[:-2], y[:-2]))


linear = function(Linear)
matmul = function(MatMul, "matmul")
