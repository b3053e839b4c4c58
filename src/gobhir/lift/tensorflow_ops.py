"""Which function of the engine an op of TensorFlow is.

Every entry takes the op's inputs in TensorFlow's order and its attributes by name. Inputs that are
settings (a shape, an axis) arrive as arrays. Whatever an entry cannot do, it refuses with a
ValueError; TensorFlow itself then computes the op, as it does those that have no entry.
https://www.tensorflow.org/api_docs/python/tf/raw_ops
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

import gobhir
from gobhir.nn import functional as F

Entry = tuple[Callable[..., Any], tuple[int, ...]]
TABLE: dict[str, Entry] = {}
"""By the op's name: the function, and which of its inputs are settings."""

_ALIKE = """Abs Acos Acosh Asin Asinh Atan Atanh Atan2 Ceil Cos Cosh Digamma Erf Erfc Exp Expm1
    Floor Lgamma Log Log1p Maximum Minimum Mul Neg Reciprocal Relu Relu6 Round Rsqrt Sigmoid Sign
    Sin Sinh Softsign Sqrt Square Sub Tan Tanh ZerosLike OnesLike"""
_BY_NAME = {
    "Add": "add", "AddV2": "add", "Div": "div", "RealDiv": "div", "Inv": "reciprocal",
    "Greater": "gt", "GreaterEqual": "ge", "Less": "lt", "LessEqual": "le", "Equal": "eq",
    "NotEqual": "ne", "LogicalAnd": "logical_and", "LogicalOr": "logical_or",
    "LogicalNot": "logical_not", "Pow": "pow", "Select": "where", "SelectV2": "where",
    "ZerosLike": "zeros_like", "OnesLike": "ones_like", "FloorDiv": "floor_divide",
    "FloorMod": "remainder", "IsNan": "isnan", "StopGradient": "detach",
}  # fmt: skip


def draws(kind: str) -> bool:
    """Whether the op gives random numbers."""
    return "Random" in kind or kind in ("Multinomial", "TruncatedNormal", "ParameterizedNormal")


def _plain(name: str) -> Callable[..., Any]:
    found = getattr(gobhir, name, None) or getattr(F, name, None)
    return lambda *xs, **_: found(*xs) if found else getattr(xs[0], name)(*xs[1:])


TABLE |= {
    kind: (_plain(_BY_NAME.get(kind, kind.lower())), ()) for kind in (*_ALIKE.split(), *_BY_NAME)
}


_ARITHMETIC = {
    "Add": operator.add, "AddV2": operator.add, "Sub": operator.sub, "Mul": operator.mul,
    "Div": operator.truediv, "RealDiv": operator.truediv, "Pow": operator.pow,
}  # fmt: skip


def _with_numbers(do: Callable[..., Any]) -> Callable[..., Any]:
    """A constant without dimensions is a plain number: 0.5 * x."""

    def number(x: Any) -> Any:
        bare = not x.shape and not x.requires_grad and x._record is None
        return x.item() if bare else x

    def done(a: Any, b: Any, **_: Any) -> Any:
        return do(number(a), b) if b.shape else do(a, number(b) if a.shape else b)

    return done


TABLE |= {kind: (_with_numbers(do), ()) for kind, do in _ARITHMETIC.items()}


def entry(*kinds: str, settings: tuple[int, ...] = ()) -> Callable[..., Any]:
    def keep(function: Callable[..., Any]) -> Callable[..., Any]:
        TABLE.update(dict.fromkeys(kinds, (function, settings)))
        return function

    return keep


def refuse(met: bool) -> None:
    if met:
        raise ValueError


def text(x: Any) -> str:
    return x.decode() if isinstance(x, bytes) else str(x)


# -- products and sums ----


@entry("MatMul")
def _matmul(a: Any, b: Any, transpose_a: bool, transpose_b: bool, **_: Any) -> Any:
    return gobhir.matmul(a.T if transpose_a else a, b.T if transpose_b else b)


@entry("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3")
def _batch_matmul(a: Any, b: Any, adj_x: bool, adj_y: bool, **_: Any) -> Any:
    turned = [x.transpose(-1, -2) if turn else x for x, turn in ((a, adj_x), (b, adj_y))]
    return gobhir.matmul(*turned)


@entry("Einsum")
def _einsum(*xs: Any, equation: Any, **_: Any) -> Any:
    return gobhir.einsum(text(equation), *xs)


@entry("BiasAdd")
def _bias_add(x: Any, b: Any, data_format: Any = "NHWC", **_: Any) -> Any:
    if text(data_format) == "NCHW":
        b = b.reshape(1, -1, *[1] * (x.dim() - 2))
    return x + b


@entry("AddN")
def _add_n(*xs: Any, **_: Any) -> Any:
    total = xs[0]
    for x in xs[1:]:
        total = total + x
    return total


@entry("DivNoNan")
def _div_no_nan(a: Any, b: Any, **_: Any) -> Any:
    refuse(not b.array.all())
    return a / b


@entry("SquaredDifference")
def _squared_difference(a: Any, b: Any, **_: Any) -> Any:
    return gobhir.square(a - b)


# -- reductions ----


def _reduction(name: str) -> Callable[..., Any]:
    def reduce(x: Any, axis: Any, keep_dims: bool, **_: Any) -> Any:
        dims = tuple(np.atleast_1d(axis).tolist())
        if not dims:
            return x
        for dim in sorted((d % x.dim() for d in dims), reverse=True) if name in _ONE_BY_ONE else ():
            x = getattr(gobhir, name)(x, dim, keepdim=keep_dims)
        return x if name in _ONE_BY_ONE else getattr(gobhir, name)(x, dims, keepdim=keep_dims)

    return reduce


_ONE_BY_ONE = ("prod", "all", "any")
for _kind, _name in {
    "Sum": "sum", "Mean": "mean", "Max": "amax", "Min": "amin", "Prod": "prod", "All": "all",
    "Any": "any",
}.items():  # fmt: skip
    TABLE[_kind] = _reduction(_name), (1,)


@entry("ArgMax", settings=(1,))
def _arg_max(x: Any, axis: Any, **_: Any) -> Any:
    return gobhir.argmax(x, int(axis))


@entry("Cumsum", settings=(1,))
def _cumsum(x: Any, axis: Any, exclusive: bool, reverse: bool, **_: Any) -> Any:
    refuse(exclusive or reverse)
    return gobhir.cumsum(x, int(axis))


# -- activations and losses ----


@entry("Softmax")
def _softmax(z: Any, **_: Any) -> Any:
    return F.softmax(z, -1)


@entry("LogSoftmax")
def _log_softmax(z: Any, **_: Any) -> Any:
    return F.log_softmax(z, -1)


@entry("Elu")
def _elu(z: Any, **_: Any) -> Any:
    return F.elu(z)


@entry("Selu")
def _selu(z: Any, **_: Any) -> Any:
    return F.selu(z)


@entry("Softplus")
def _softplus(z: Any, **_: Any) -> Any:
    return F.softplus(z)


@entry("LeakyRelu")
def _leaky_relu(z: Any, alpha: float, **_: Any) -> Any:
    return F.leaky_relu(z, alpha)


@entry("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_cross_entropy(z: Any, y: Any, **_: Any) -> Any:
    """The losses, and what TensorFlow keeps for backward: how far the probabilities are off."""
    off = F.softmax(z.detach(), -1) - F.one_hot(y.long(), z.shape[-1])
    return F.cross_entropy(z, y.long(), reduction="none"), off


@entry("SoftmaxCrossEntropyWithLogits")
def _cross_entropy(z: Any, y: Any, **_: Any) -> Any:
    return F.cross_entropy(z, y, reduction="none"), F.softmax(z.detach(), -1) - y.detach()


# -- numbers of another kind, numbers from nothing ----


@entry("Cast")
def _cast(x: Any, DstT: Any, **_: Any) -> Any:
    import tensorflow as tf

    kind = tf.as_dtype(DstT)
    return x.to(np.dtype("float64" if kind.is_floating else kind.as_numpy_dtype))


@entry("Fill", settings=(0,))
def _fill(shape: Any, value: Any, **_: Any) -> Any:
    return gobhir.full(tuple(shape.tolist()), value.item())


@entry("Range")
def _range(start: Any, end: Any, step: Any, **_: Any) -> Any:
    return gobhir.arange(start.item(), end.item(), step.item())


@entry("Shape")
def _shape(x: Any, **_: Any) -> Any:
    return gobhir.tensor(list(x.shape))
