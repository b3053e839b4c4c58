"""Products of vectors and matrices, and what is added to them."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.arguments import Tensors, checked, on_tensor
from gobhir.engine.drawing import marked
from gobhir.engine.dtypes import promoted
from gobhir.engine.functions.publish import (
    alias,
    as_operand,
    both,
    check_operands,
    function,
    in_place,
    of_tensor,
    takes_out,
)
from gobhir.engine.functions.shapes import place, places
from gobhir.engine.inplace import into
from gobhir.engine.ops import linear, shapes
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def _wants(op: str, *pairs: tuple[Any, int]) -> None:
    """RuntimeError unless each has so many dimensions."""
    for x, ndim in pairs:
        if x.array.ndim != ndim:
            got = [p.array.shape for p, _ in pairs]
            want = [n for _, n in pairs]
            raise RuntimeError(say("errors.linalg.ndim", op=op, want=want, got=got))


@both
def matmul(input: Any, other: Any, *, out: Tensor | None = None) -> Any:
    """input @ other: vectors, matrices, and stacks of matrices that broadcast. RuntimeError where
    the sizes that are summed over differ."""
    result = linear.matmul(as_operand(input), as_operand(other))
    return result if out is None else into(out, result)


@of_tensor
@takes_out
def mm(input: Any, mat2: Tensor) -> Any:
    """The product of two matrices: (n, m) @ (m, p)."""
    _wants("mm", (input, 2), (mat2, 2))
    return linear.matmul(input, mat2)


@of_tensor
@takes_out
def bmm(input: Any, mat2: Tensor) -> Any:
    """Products of two stacks of matrices, one by one: (b, n, m) @ (b, m, p)."""
    _wants("bmm", (input, 3), (mat2, 3))
    if input.array.shape[0] != mat2.array.shape[0]:
        x, y = marked(input.array.shape, 0), marked(mat2.array.shape, 0)
        raise RuntimeError(say("errors.linalg.stacks", x=x, y=y))
    return linear.matmul(input, mat2)


@of_tensor
@takes_out
def mv(input: Any, vec: Tensor) -> Any:
    """A matrix times a vector: (n, m) @ (m)."""
    _wants("mv", (input, 2), (vec, 1))
    return linear.matmul(input, vec)


@of_tensor
@takes_out
def dot(input: Any, tensor: Tensor) -> Any:
    """The sum of the products of two vectors' numbers."""
    _wants("dot", (input, 1), (tensor, 1))
    return linear.matmul(input, tensor)


@of_tensor
@takes_out
def vdot(input: Any, other: Tensor) -> Any:
    """`dot` (which, were there complex numbers, would conjugate the first)."""
    return dot(input, other)


@of_tensor
@takes_out
def inner(input: Any, other: Tensor) -> Any:
    """Products summed over the last dimension of both; of numbers, the product."""
    if not input.ndim or not other.ndim:
        return input * other
    if input.array.shape[-1] != other.array.shape[-1]:
        x, y = marked(input.array.shape, -1), marked(other.array.shape, -1)
        raise RuntimeError(say("errors.linalg.inner", x=x, y=y))
    return tensordot(input, other, ([-1], [-1]))


@of_tensor
@takes_out
def outer(input: Any, vec2: Tensor) -> Any:
    """Every number of the first vector times every number of the second: (n), (m) to (n, m)."""
    _wants("outer", (input, 1), (vec2, 1))
    return shapes.reshape(input, shape=(input.array.size, 1)) * vec2


alias("ger", outer)


def _weighed(input: Any, beta: float, product: Any, alpha: float) -> Any:
    """beta input + alpha product. With beta 0 the input is not looked at, NaN or not. Among whole
    numbers the factors are cut to whole ones too."""
    kind = product.array.dtype
    if input.array.dtype != kind:
        raise RuntimeError(say("errors.dtype.matmul", x=input.array.dtype, y=kind))
    if kind.kind != "f":
        beta, alpha = (np.asarray(f).astype(kind).item() for f in (beta, alpha))
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return shapes.expand(product, shape=product.array.shape)
    out = (input if beta == 1 else input * beta) + product
    if out.array.shape != product.array.shape:
        x, y = input.array.shape, product.array.shape
        raise RuntimeError(say("errors.shape.expand", x=x, shape=y))
    return out


@in_place
@of_tensor
@takes_out
def addmm(input: Any, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha (mat1 @ mat2). input broadcasts to the product."""
    return _weighed(input, beta, mm(mat1, mat2), alpha)


@in_place
@of_tensor
@takes_out
def addmv(input: Any, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha (mat @ vec). input broadcasts to the product."""
    return _weighed(input, beta, mv(mat, vec), alpha)


@in_place
@of_tensor
@takes_out
def addr(input: Any, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha outer(vec1, vec2). input broadcasts to the product."""
    product = outer(vec1, vec2)
    kind = promoted([input.array, product.array])
    if kind.kind != "f" and (isinstance(beta, float) or isinstance(alpha, float)):
        raise RuntimeError(say("errors.arithmetic.alpha_float", dtype=kind))
    return _weighed(input.to(kind), beta, product.to(kind), alpha)


@in_place
@of_tensor
@takes_out
def baddbmm(
    input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1
) -> Any:
    """beta input + alpha bmm(batch1, batch2). input broadcasts to the products."""
    return _weighed(input, beta, bmm(batch1, batch2), alpha)


@in_place
@of_tensor
@takes_out
def addbmm(input: Any, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha bmm(batch1, batch2).sum(0). input broadcasts to the sum."""
    return _weighed(input, beta, bmm(batch1, batch2).sum(0, dtype=input.array.dtype), alpha)


@function
@checked
@takes_out
def chain_matmul(*matrices: Tensor) -> Any:
    """The product of several matrices, in the order that takes the fewest multiplications."""
    check_operands(*matrices)
    _wants("chain_matmul", *((t, 2) for t in matrices))
    return multi_dot(matrices) if len(matrices) > 1 else matrices[0]


@checked
@takes_out
def multi_dot(tensors: Tensors) -> Any:
    """The product of several matrices, in the order that takes the fewest multiplications. The
    first and the last one may be vectors."""
    parts = list(tensors)
    if len(parts) < 2:
        raise RuntimeError(say("errors.linalg.multi_dot"))
    row, column = parts[0].ndim == 1, parts[-1].ndim == 1
    if row:
        parts[0] = parts[0].unsqueeze(0)
    if column:
        parts[-1] = parts[-1].unsqueeze(1)
    _wants("multi_dot", *((t, 2) for t in parts))
    product = _in_best_order(parts)
    if row:
        product = product.squeeze(0)
    return product.squeeze(-1) if column else product


def _in_best_order(parts: list[Any]) -> Any:
    """Source: Cormen and others, Introduction to Algorithms, matrix-chain multiplication."""
    sizes = [parts[0].array.shape[0], *(t.array.shape[1] for t in parts)]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(parts))}
    for span in range(1, len(parts)):
        for i in range(len(parts) - span):
            j = i + span
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k)
                for k in range(i, j)
            )

    def product(i: int, j: int) -> Any:
        k = best[i, j][1]
        return parts[i] if i == j else mm(product(i, k), product(k + 1, j))

    return product(0, len(parts) - 1)


@function
@checked
@takes_out
def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Any:
    """Products summed over pairs of dimensions: the last `dims` of a with the first of b, or the
    dimensions of a and of b that a pair of lists names. RuntimeError where sizes differ."""
    x: Any = a
    y: Any = b
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, int):
        if not 0 <= dims <= min(x.ndim, y.ndim):
            raise RuntimeError(say("errors.linalg.tensordot", x=x.array.shape, y=y.array.shape))
        ours, theirs = list(range(x.ndim - dims, x.ndim)), list(range(dims))
    else:
        if not isinstance(dims, (tuple, list)) or len(dims) != 2:
            raise RuntimeError(say("errors.linalg.tensordot_dims"))
        ours, theirs = ([d] if isinstance(d, int) else list(d) for d in dims)
    ours, theirs = list(places(ours, x.ndim)), list(places(theirs, y.ndim))
    for i, j in zip(ours, theirs, strict=False):  # a size of 1 goes with every other
        n, m = x.array.shape[i], y.array.shape[j]
        if n != m and n == 1:
            y = y.sum(j, keepdim=True, dtype=y.dtype)
        elif n != m and m == 1:
            x = x.sum(i, keepdim=True, dtype=x.dtype)
    left, right = ([d for d in range(t.ndim) if d not in s] for t, s in ((x, ours), (y, theirs)))
    first, second = ([t.array.shape[d] for d in s] for t, s in ((x, ours), (y, theirs)))
    if first != second:
        raise RuntimeError(say("errors.linalg.tensordot", x=x.array.shape, y=y.array.shape))
    shape = tuple(x.array.shape[d] for d in left) + tuple(y.array.shape[d] for d in right)
    n = int(np.prod(first))
    rows, columns = (
        int(np.prod([t.array.shape[d] for d in s])) for t, s in ((x, left), (y, right))
    )
    x = shapes.reshape(_ordered(x, left + ours), shape=(rows, n))
    y = shapes.reshape(_ordered(y, theirs + right), shape=(n, columns))
    return shapes.reshape(linear.matmul(x, y), shape=shape)


def _ordered(x: Any, order: list[int]) -> Any:
    return x if order == sorted(order) else shapes.permute(x, dims=tuple(order))


@of_tensor
@takes_out
def kron(input: Any, other: Tensor) -> Any:
    """The Kronecker product: every number of input times all of other, as blocks."""
    x, y = input, other
    ndim = max(x.ndim, y.ndim)
    first, second = ((1,) * (ndim - t.ndim) + t.array.shape for t in (x, y))
    x = shapes.reshape(x, shape=tuple(k for n in first for k in (n, 1)))
    y = shapes.reshape(y, shape=tuple(k for n in second for k in (1, n)))
    blocks = tuple(n * m for n, m in zip(first, second, strict=True))
    return shapes.reshape(x * y, shape=blocks)


@of_tensor
@takes_out
def cross(input: Any, other: Tensor, dim: int | None = None) -> Any:
    """The cross product of vectors of three numbers along `dim` (the first dimension of size 3
    when None). RuntimeError when there is none."""
    x, y = input, other
    if dim is None:
        dim = next((d for d, n in enumerate(x.array.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(say("errors.linalg.cross", x=x.array.shape, y=y.array.shape))
        if x.array.shape != y.array.shape and x.ndim != y.ndim:
            raise RuntimeError(say("errors.linalg.cross", x=x.array.shape, y=y.array.shape))
    return linalg_cross(x, y, dim=dim)


@on_tensor
@takes_out
def linalg_cross(input: Any, other: Tensor, *, dim: int = -1) -> Any:
    """The cross product of vectors of three numbers along `dim`; the other dimensions broadcast."""
    x, y = input, other
    if x.dtype == bool:
        raise NotImplementedError(say("errors.dtype.not_for", op="cross", dtype=x.dtype))
    if x.dtype != y.dtype:
        raise RuntimeError(say("errors.dtype.matmul", x=x.dtype, y=y.dtype))
    if x.ndim != y.ndim or not x.ndim:
        raise RuntimeError(say("errors.linalg.cross", x=x.array.shape, y=y.array.shape))
    at = place(dim, x.ndim)
    if x.array.shape[at] != 3 or y.array.shape[at] != 3:
        raise RuntimeError(say("errors.linalg.cross", x=x.array.shape, y=y.array.shape))

    def turned(t: Any, by: int) -> Any:
        return shapes.roll(t, shifts=(by,), dims=(at,))

    return turned(x, -1) * turned(y, -2) - turned(x, -2) * turned(y, -1)


@on_tensor
@takes_out
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Any:
    """Products summed along `dim`; the other dimensions broadcast."""
    if x.dtype.kind != "f":
        raise RuntimeError(say("errors.linalg.dtype", op="vecdot", dtype=x.dtype))
    if x.dtype != y.dtype:
        raise RuntimeError(say("errors.dtype.matmul", x=x.dtype, y=y.dtype))
    return (x * y).sum(dim)
