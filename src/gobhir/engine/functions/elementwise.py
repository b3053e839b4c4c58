"""Functions of one number, and choosing between two by their size."""

from __future__ import annotations

import math
from functools import wraps
from typing import Any

import numpy as np

from gobhir.engine.arguments import Number, checked, real
from gobhir.engine.dtypes import default_dtype
from gobhir.engine.functions.arithmetic import result_dtype
from gobhir.engine.functions.publish import (
    FUNCTIONS,
    alias,
    binary,
    both,
    function,
    in_place,
    method,
    number,
    of_tensor,
    of_two,
    takes_out,
    unary,
)
from gobhir.engine.functions.results import named
from gobhir.engine.inplace import into, write
from gobhir.engine.ops import (
    activations,
    arithmetic,
    bessel,
    choosing,
    elementary,
    incomplete,
    rounding,
    special,
    trigonometry,
)
from gobhir.engine.ops.no_slope import no_slope
from gobhir.engine.tensor import Tensor
from gobhir.lang import say

for _op in (
    *(elementary.exp, elementary.exp2, elementary.expm1),
    *(elementary.log, elementary.log2, elementary.log10, elementary.log1p),
    *(elementary.sqrt, elementary.rsqrt, elementary.sign),
    *(trigonometry.sin, trigonometry.cos, trigonometry.tan),
    *(trigonometry.asin, trigonometry.acos, trigonometry.atan, trigonometry.angle),
    *(trigonometry.sinh, trigonometry.cosh, trigonometry.sinc),
    *(trigonometry.asinh, trigonometry.acosh, trigonometry.atanh),
    bessel.i0,
    *(special.erf, special.erfc, special.erfinv, special.lgamma, special.digamma),
    *(rounding.floor, rounding.ceil, rounding.trunc, rounding.frac),
    *(activations.sigmoid, activations.tanh, activations.relu),
):
    unary(_op)

for _op in (trigonometry.atan2, elementary.logaddexp, elementary.logaddexp2):
    binary(_op, numbers="", inplace=_op is trigonometry.atan2)
for _op in (choosing.maximum, choosing.minimum, choosing.fmax, choosing.fmin):
    binary(_op, numbers="", inplace=False)
xlogy = binary(elementary.xlogy, numbers="either")
copysign = binary(elementary.copysign)

for _other, _name in {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "fix": "trunc",
    "sgn": "sign",
}.items():
    alias(_other, getattr(Tensor, _name))


@in_place
@of_tensor
@takes_out
def round(input: Any, *, decimals: int = 0) -> Any:
    """The nearest whole number, or number with so many decimals; halves go to the even one."""
    if decimals and input.dtype.kind != "f":
        raise NotImplementedError(say("errors.dtype.not_for", op="round", dtype=input.dtype))
    return rounding.round(input, decimals=decimals)


def _bound(x: Any) -> Any:
    return x if isinstance(x, Tensor) else number(x)


@in_place
@of_tensor
@takes_out
def clamp(
    input: Any, min: Number | Tensor | None = None, max: Number | Tensor | None = None
) -> Any:
    """input, but at least min and at most max; numbers or Tensors, and one may be left out."""
    x = input
    if min is None and max is None:
        raise RuntimeError(say("errors.arithmetic.clamp"))
    bounds = [b for b in (min, max) if b is not None]
    tensors = [b for b in bounds if isinstance(b, Tensor)]
    if 0 < len(tensors) < len(bounds) and not real(tensors[0]):
        raise TypeError(say("errors.arithmetic.clamp_kinds"))
    numbers = len(bounds) > 1 or not tensors
    if numbers and x.array.dtype.kind == "b" == result_dtype(x, *bounds).kind:
        raise NotImplementedError(say("errors.dtype.not_for", op="clamp", dtype=x.dtype))
    if max is None:
        return choosing.clamp_min(x, _bound(min))
    if min is None:
        return choosing.clamp_max(x, _bound(max))
    return choosing.clamp(x, _bound(min), _bound(max))


@in_place
@of_tensor
@takes_out
def clamp_min(input: Any, min: Number | Tensor) -> Any:
    """input, but at least min."""
    return clamp(input, min=min)


@in_place
@of_tensor
@takes_out
def clamp_max(input: Any, max: Number | Tensor) -> Any:
    """input, but at most max."""
    return clamp(input, max=max)


alias("clip", clamp)


@in_place
@of_tensor
@takes_out
def nan_to_num(
    input: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """input with `nan` (0) for NaN, and for the infinities the largest and smallest number of
    the dtype, or what is given."""
    x = input
    if x.dtype.kind == "f":
        limits = np.finfo(x.dtype)
        posinf = float(limits.max) if posinf is None else posinf
        neginf = float(limits.min) if neginf is None else neginf
    return choosing.nan_to_num(x, nan=nan or 0.0, posinf=posinf, neginf=neginf)


@in_place
@of_tensor
@takes_out
def deg2rad(input: Any) -> Any:
    """Degrees as radians."""
    return input * (math.pi / 180)


@in_place
@of_tensor
@takes_out
def rad2deg(input: Any) -> Any:
    """Radians as degrees."""
    return input * (180 / math.pi)


@in_place
@of_tensor
@takes_out
def logit(input: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid; with eps, x is first clamped to
    [eps, 1 - eps]."""
    return elementary.logit(input, eps=eps)


@in_place
@of_tensor
@takes_out
def ldexp(input: Any, other: Tensor) -> Any:
    """input * 2 ** other."""
    x = input
    two = Tensor._wrap(np.array(2, x.dtype if x.dtype.kind == "f" else default_dtype()))
    return x * arithmetic.pow(two, other)


@in_place
@of_tensor
@takes_out
def heaviside(input: Any, values: Tensor) -> Any:
    """0 below 0, 1 above 0, `values` at 0. Both of one dtype."""
    if input.dtype != values.dtype:
        raise RuntimeError(say("errors.arithmetic.one_dtype", x=input.dtype, y=values.dtype))
    return rounding.heaviside(input, values)


def _of_second(op: Any, **faces: str) -> Any:
    """The op as a function of two Tensors with a slope to the second only."""
    call = of_two(op, **faces)

    @wraps(call)
    def f(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
        result = call(input, other)
        if isinstance(input, Tensor) and input.requires_grad:
            why = say("errors.arithmetic.no_slope", op=call.__name__)
            result = result + no_slope(input, why=why)
        return result if out is None else into(out, result)

    return f


zeta = _of_second(incomplete.zeta, numbers="either")
for _op, _name in ((incomplete.gammainc, "igamma"), (incomplete.gammaincc, "igammac")):
    _f = _of_second(_op, numbers="")
    _f.__name__ = _f.__qualname__ = _name
    in_place(both(_f))


@function
@checked
@takes_out
def polygamma(n: int, input: Tensor) -> Any:
    """The n-th derivative of digamma; as a method x.polygamma(n)."""
    if n < 0:
        raise RuntimeError(say("errors.arithmetic.polygamma", n=n))
    return special.digamma(input) if n == 0 else special.polygamma(input, n=n)


def _polygamma(input: Any, n: int) -> Any:
    """The n-th derivative of digamma."""
    return polygamma(n, input)


_polygamma.__name__ = _polygamma.__qualname__ = "polygamma"
in_place(method(_polygamma))


@in_place
@of_tensor
@takes_out
def mvlgamma(input: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension p:
    p (p - 1) / 4 ln(pi) + the sum of lgamma(input - j / 2), j = 0 to p - 1."""
    if input.dtype == bool:
        raise RuntimeError(say("errors.dtype.not_for", op="mvlgamma", dtype=input.dtype))
    x = input if input.dtype.kind == "f" else input.to(default_dtype())
    if p < 1:
        raise RuntimeError(say("errors.arithmetic.mvlgamma", p=p))
    steps = Tensor._wrap(np.arange(p, dtype=x.dtype) / x.dtype.type(2))
    logs = special.lgamma(x.unsqueeze(-1) - steps)
    return logs.sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


_Frexp = named("frexp", "mantissa", "exponent")


@of_tensor
@takes_out
def frexp(input: Any) -> Any:
    """(mantissa, exponent): input = mantissa * 2 ** exponent, |mantissa| from 0.5 up to 1."""
    if input.dtype.kind != "f":
        raise RuntimeError(say("errors.dtype.not_for", op="frexp", dtype=input.dtype))
    mantissa, exponent = np.frexp(input.array)
    return _Frexp(Tensor._wrap(np.asarray(mantissa)), Tensor._wrap(np.asarray(exponent, np.int32)))


@of_tensor
def conj(input: Any) -> Any:
    """input itself: its numbers are real."""
    return input


@in_place
@of_tensor
@takes_out
def conj_physical(input: Any) -> Any:
    """input itself: its numbers are real."""
    return input


alias("resolve_conj", conj)
alias("resolve_neg", conj)
alias("real", conj)
Tensor.real = property(conj)  # type: ignore[attr-defined]

_AT_THE_TOP = """abs acos acosh arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh
ceil clamp clamp_max clamp_min clip cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac ldexp
log log10 log1p log2 logit nan_to_num neg negative rad2deg reciprocal relu round rsqrt sigmoid sin
sinc sinh sqrt square tan tanh trunc xlogy conj_physical i0"""
"""What PyTorch offers as `torch.f_` too."""

for _name in _AT_THE_TOP.split():
    FUNCTIONS[_name + "_"] = getattr(Tensor, _name + "_")


@method
def apply_(self: Any, callable: Any) -> Any:
    """Write callable(number) over every number of the tensor, one by one: slow, and without
    autograd. RuntimeError for a tensor that requires grad."""
    return _one_by_one(self, "apply_", callable)


@method
def map_(self: Any, tensor: Tensor, callable: Any) -> Any:
    """Write callable(number, other number) over every number of the tensor, the other from
    `tensor`, which broadcasts: slow, and without autograd."""
    return _one_by_one(self, "map_", callable, np.broadcast_to(tensor.array, self.shape))


def _one_by_one(x: Tensor, name: str, call: Any, *others: np.ndarray) -> Tensor:
    if x.requires_grad:
        raise RuntimeError(say("errors.tensor.one_by_one", op=name))
    rows = zip(x.array.flat, *(o.flat for o in others), strict=True)
    values = [call(*(v.item() for v in row)) for row in rows]
    write(x, np.array(values, x.dtype).reshape(x.shape), name)
    return x
