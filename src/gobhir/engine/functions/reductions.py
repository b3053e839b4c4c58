"""Many numbers into fewer, with PyTorch's `dim` and `keepdim`: sums, means, spreads, extremes,
norms; softmax along a dimension. What chooses by rank (sort, median, ...) stands in sorting.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.engine.apply import apply
from gobhir.engine.arguments import Dim, Dims, Dtype, Number
from gobhir.engine.functions.publish import method, of_tensor, takes_out
from gobhir.engine.functions.results import named
from gobhir.engine.functions.shapes import place, places, sizes_of
from gobhir.engine.ops import choosing, reductions, sorting
from gobhir.engine.ops.softmax import LogSoftmax, Softmax
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


def dims_of(x: Tensor, dim: Any) -> Any:
    """`dim` checked: a tuple, or None for all dimensions (which an empty tuple means, too)."""
    if dim is None:
        return None
    if not isinstance(dim, (tuple, list)):
        return place(dim, x.ndim)
    return places(dim, x.ndim) or None


def refuse_empty(x: Tensor, dim: int | None, op: str, error: type[Exception]) -> None:
    """`error` when all of x is to be reduced and there is nothing; IndexError when there is
    nothing along `dim`."""
    if dim is None and not x.array.size:
        raise error(say("errors.reduce.empty", op=op, shape=x.array.shape))
    if dim is not None and x.ndim and not x.shape[dim]:
        raise IndexError(say("errors.reduce.empty_dim", op=op, dim=dim, shape=x.array.shape))


def _wanted_floats(x: Tensor, op: str) -> None:
    if x.dtype.kind not in "fc":
        raise RuntimeError(say("errors.reduce.floats", op=op, dtype=x.dtype))


@of_tensor
@takes_out
def sum(
    input: Any, dim: Dims | None = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    """Sum over `dim`, an int or a tuple of them; over everything when None."""
    return _in_dtype(reductions.sum, input, dims_of(input, dim), keepdim, dtype)


def _in_dtype(op: Any, x: Any, dim: Any, keepdim: bool, dtype: Any) -> Any:
    if dtype is None:
        return op(x, dim=dim, keepdim=keepdim)
    return op(x.to(dtype), dim=dim, keepdim=keepdim).to(dtype)


@method
def sum_to_size(self: Any, *size: Any) -> Any:
    """Summed over what broadcasting from `size` would have stretched."""
    wished, shape = sizes_of(size), self.array.shape
    try:
        fits = np.broadcast_shapes(wished, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise RuntimeError(say("errors.shape.expand", x=wished, shape=shape))
    if wished == shape and wished:
        return self
    kind = self.dtype if self.dtype.kind in "fc" else np.int64
    return reductions.sum_to(self.to(kind), shape=wished)


@of_tensor
@takes_out
def nansum(
    input: Any, dim: Dims | None = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    """Sum over `dim` of what is not NaN."""
    source = input if dtype is None else input.to(dtype)
    if source.dtype.kind == "f":
        source = choosing.keep(source, source == source)
    return _in_dtype(reductions.sum, source, dims_of(input, dim), keepdim, dtype)


@of_tensor
@takes_out
def mean(
    input: Any, dim: Dims | None = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    """Mean over `dim`, an int or a tuple of them; over everything when None."""
    source = input if dtype is None else input.to(dtype)
    if source.dtype.kind not in "fc":
        raise RuntimeError(say("errors.dtype.mean", dtype=source.dtype))
    return reductions.mean(source, dim=dims_of(input, dim), keepdim=keepdim)


@of_tensor
@takes_out
def nanmean(
    input: Any, dim: Dims | None = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    """Mean over `dim` of what is not NaN; NaN where nothing else is there."""
    _wanted_floats(input, "nanmean")
    number = input == input
    many = reductions.sum(number.to(input.dtype), dim=dims_of(input, dim), keepdim=keepdim)
    return nansum(input, dim, keepdim, dtype=dtype) / many.to(dtype or input.dtype)


@of_tensor
@takes_out
def prod(input: Any, dim: Dim = None, keepdim: bool = False, *, dtype: Dtype | None = None) -> Any:
    """Product over `dim`, one dimension; over everything when None."""
    at = None if dim is None else place(dim, input.ndim)
    return _in_dtype(reductions.prod, input, at, keepdim, dtype)


def _spread(op: Any, x: Any, dim: Any, unbiased: Any, keepdim: bool, correction: Any) -> Any:
    if isinstance(dim, bool):  # var(x, False): unbiased alone
        dim, unbiased = None, dim
    _wanted_floats(x, "std/var")
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return op(x, dim=dims_of(x, dim), correction=correction, keepdim=keepdim)


@of_tensor
@takes_out
def var(
    input: Any,
    dim: Dims | bool | None = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """Variance over `dim`: the squared distances from the mean, added and divided by
    N - correction (1 unless told; 0 where unbiased=False)."""
    return _spread(reductions.var, input, dim, unbiased, keepdim, correction)


@of_tensor
@takes_out
def std(
    input: Any,
    dim: Dims | bool | None = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """Standard deviation over `dim`, the root of `var`."""
    return _spread(reductions.std, input, dim, unbiased, keepdim, correction)


@of_tensor
@takes_out
def var_mean(
    input: Any,
    dim: Dims | bool | None = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """Variance and mean over `dim`."""
    spread = _spread(reductions.var, input, dim, unbiased, keepdim, correction)
    return spread, mean(input, None if isinstance(dim, bool) else dim, keepdim)


@of_tensor
@takes_out
def std_mean(
    input: Any,
    dim: Dims | bool | None = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Any:
    """Standard deviation and mean over `dim`."""
    spread = _spread(reductions.std, input, dim, unbiased, keepdim, correction)
    return spread, mean(input, None if isinstance(dim, bool) else dim, keepdim)


@of_tensor
@takes_out
def logsumexp(input: Any, dim: Dims, keepdim: bool = False) -> Any:
    """ln of the sum of e^x over `dim`, without overflow."""
    return reductions.logsumexp(input, dim=dims_of(input, dim), keepdim=keepdim)


@of_tensor
@takes_out
def norm(
    input: Any,
    p: Number | str | None = "fro",
    dim: Dims | None = None,
    keepdim: bool = False,
    *,
    dtype: Dtype | None = None,
) -> Any:
    """The p-norm over `dim` (everything when None): (sum |x|^p)^(1/p); "fro" is p = 2, and p may
    be inf, -inf or 0 (how many numbers are not 0)."""
    source = input if dtype is None else input.to(dtype)
    _wanted_floats(source, "norm")
    at = dims_of(input, dim)
    if p == "nuc":
        from gobhir.engine.functions.norms import matrix_norm

        return matrix_norm(source, p, tuple(range(input.ndim)) if at is None else at, keepdim)
    if isinstance(p, str) and (p != "fro" or (isinstance(at, tuple) and len(at) > 2)):
        raise RuntimeError(say("errors.reduce.norm", p=p))
    p = 2.0 if p is None or p == "fro" else float(p)
    if (p < 0 or p == np.inf) and not reductions.count(input.array, at):
        raise RuntimeError(say("errors.reduce.empty", op="norm", shape=input.array.shape))
    return reductions.norm(source, p=p, dim=at, keepdim=keepdim)


@of_tensor
def dist(input: Any, other: Tensor, p: float = 2) -> Any:
    """The p-norm of input - other."""
    apart = input - other
    _wanted_floats(apart, "dist")
    return reductions.norm(apart, p=float(p))


# -- extremes ----


_max, _min = named("max", "values", "indices"), named("min", "values", "indices")
_aminmax = named("aminmax", "min", "max")


@of_tensor
@takes_out
def max(
    input: Any, dim: Dim | Tensor = None, keepdim: bool = False, *, other: Tensor | None = None
) -> Any:
    """max(x): the largest number of all. max(x, dim): the largest along `dim` as (values,
    indices), the first one on a tie. max(x, other): elementwise, as `maximum`."""
    return _extreme("max", input, dim, keepdim, other)


@of_tensor
@takes_out
def min(
    input: Any, dim: Dim | Tensor = None, keepdim: bool = False, *, other: Tensor | None = None
) -> Any:
    """min(x): the smallest number of all. min(x, dim): the smallest along `dim` as (values,
    indices), the first one on a tie. min(x, other): elementwise, as `minimum`."""
    return _extreme("min", input, dim, keepdim, other)


def _extreme(name: str, x: Any, dim: Any, keepdim: bool, other: Any) -> Any:
    if isinstance(dim, Tensor):
        dim, other = None, dim
    if other is not None:
        return (choosing.maximum if name == "max" else choosing.minimum)(x, other)
    at = None if dim is None else place(dim, x.ndim)
    refuse_empty(x, at, name, RuntimeError)
    if at is None:
        return (reductions.amax if name == "max" else reductions.amin)(x)
    op = sorting.max if name == "max" else sorting.min
    values, indices = op(x.reshape(x.shape or 1), dim=at)
    if not keepdim or not x.ndim:
        values, indices = values.squeeze(at), indices.squeeze(at)
    return (_max if name == "max" else _min)(values, indices)


def _extreme_over(name: str, op: Any, x: Any, dim: Any, keepdim: bool) -> Any:
    at = dims_of(x, dim)
    for d in at if isinstance(at, tuple) else (at,):
        refuse_empty(x, d, name, RuntimeError)
    return op(x, dim=at, keepdim=keepdim)


@of_tensor
@takes_out
def amax(input: Any, dim: Dims | None = (), keepdim: bool = False) -> Any:
    """The largest number over `dim`; equal ones share the gradient."""
    return _extreme_over("amax", reductions.amax, input, dim, keepdim)


@of_tensor
@takes_out
def amin(input: Any, dim: Dims | None = (), keepdim: bool = False) -> Any:
    """The smallest number over `dim`; equal ones share the gradient."""
    return _extreme_over("amin", reductions.amin, input, dim, keepdim)


@of_tensor
@takes_out
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest number over `dim`, as (min, max)."""
    at = None if dim is None else place(dim, input.ndim)
    refuse_empty(input, at, "aminmax", RuntimeError)
    return _aminmax(amin(input, at, keepdim), amax(input, at, keepdim))


@of_tensor
@takes_out
def argmax(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the largest number stands (the first one on a tie). No gradient."""
    return _place_of(np.argmax, "argmax", input, dim, keepdim)


@of_tensor
@takes_out
def argmin(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the smallest number stands (the first one on a tie). No gradient."""
    return _place_of(np.argmin, "argmin", input, dim, keepdim)


def _place_of(how: Any, name: str, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if x.dtype == bool:
        raise RuntimeError(say("errors.reduce.no_bool", op=name))
    at = None if dim is None else place(dim, x.ndim)
    refuse_empty(x, at, name, IndexError)
    axis = at if x.ndim else None
    return Tensor._wrap(np.asarray(how(x.array, axis=axis, keepdims=keepdim)))


# -- yes or no ----


@of_tensor
@takes_out
def all(input: Any, dim: Dims | None = None, keepdim: bool = False) -> Any:
    """Whether every number is true (not 0), everywhere or along `dim`."""
    return _judged(input, np.all, dim, keepdim)


@of_tensor
@takes_out
def any(input: Any, dim: Dims | None = None, keepdim: bool = False) -> Any:
    """Whether some number is true (not 0), everywhere or along `dim`."""
    return _judged(input, np.any, dim, keepdim)


def _judged(x: Tensor, how: Any, dim: Any, keepdim: bool) -> Tensor:
    at: Any = None
    if isinstance(dim, (tuple, list)):
        at = places(dim, x.ndim)
        at = at if x.ndim else ()
    elif dim is not None:
        at = place(dim, x.ndim)
        at = at if x.ndim else None
    answer = np.asarray(how(x.array, axis=at, keepdims=keepdim))
    return Tensor._wrap(answer.astype(np.uint8) if x.dtype == np.uint8 else answer)


@of_tensor
def count_nonzero(input: Any, dim: Dims | None = None) -> Any:
    """How many numbers are not 0, over `dim`."""
    at = reductions.axes(dims_of(input, dim), input.ndim)
    return Tensor._wrap(np.asarray(np.count_nonzero(input.array, axis=at), np.int64))


# -- onto a common scale ----


@of_tensor
@takes_out
def softmax(input: Any, dim: int, dtype: Dtype | None = None) -> Any:
    """e^z / sum e^z along `dim`."""
    source = input if dtype is None else input.to(dtype)
    return apply(Softmax, source, dim=place(dim, input.ndim))


@of_tensor
@takes_out
def log_softmax(input: Any, dim: int, dtype: Dtype | None = None) -> Any:
    """log(softmax) along `dim`."""
    source = input if dtype is None else input.to(dtype)
    return apply(LogSoftmax, source, dim=place(dim, input.ndim))
