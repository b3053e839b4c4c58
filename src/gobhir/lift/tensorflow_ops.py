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


def _refuse(met: bool) -> None:
    if met:
        raise ValueError


def _text(x: Any) -> str:
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
    return gobhir.einsum(_text(equation), *xs)


@entry("BiasAdd")
def _bias_add(x: Any, b: Any, data_format: Any, **_: Any) -> Any:
    if _text(data_format) == "NCHW":
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
    _refuse(not b.array.all())
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
    _refuse(exclusive or reverse)
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


# -- convolution and pooling ----


class _Window:
    """A window that slides over pictures: the channels last, as TensorFlow likes it, or first."""

    def __init__(
        self, size: Any, strides: Any, padding: Any, data_format: Any, dilations: Any, explicit: Any
    ):
        self.last = _text(data_format) == "NHWC"
        self.axes = (1, 2) if self.last else (2, 3)
        self.size, self.padding, self.explicit = size, _text(padding), explicit
        self.stride = tuple(strides[a] for a in self.axes)
        self.dilation = tuple(dilations[a] for a in self.axes)

    def first(self, x: Any) -> Any:
        return x.permute(0, 3, 1, 2) if self.last else x

    def back(self, y: Any) -> Any:
        return y.permute(0, 2, 3, 1) if self.last else y

    def pads(self, shape: Any) -> list[tuple[int, int]]:
        """Before and after, for both axes of a picture of this shape."""
        if self.padding == "VALID":
            return [(0, 0), (0, 0)]
        if self.padding == "EXPLICIT":
            return [tuple(self.explicit[2 * a : 2 * a + 2]) for a in self.axes]
        found = []
        for n, k, s, d in zip(shape, self.size, self.stride, self.dilation, strict=True):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            found.append((total // 2, total - total // 2))
        return found

    def padded(self, x: Any, value: float) -> tuple[Any, tuple[int, int]]:
        """The picture, padded by itself where the sides differ; else how much each side gets."""
        high, wide = self.pads(x.shape[2:])
        if high[0] == high[1] and wide[0] == wide[1]:
            return x, (high[0], wide[0])
        return F.pad(x, (*wide, *high), value=value), (0, 0)


_ONES = [1, 1, 1, 1]


@entry("Conv2D")
def _conv2d(
    x: Any, w: Any, strides: Any, padding: Any, data_format: Any, dilations: Any = _ONES,
    explicit_paddings: Any = (), **_: Any,
) -> Any:  # fmt: skip
    window = _Window(w.shape[:2], strides, padding, data_format, dilations, explicit_paddings)
    x, sides = window.padded(window.first(x), 0.0)
    groups = x.shape[1] // w.shape[2]
    kernel = w.permute(3, 2, 0, 1)
    return window.back(F.conv2d(x, kernel, None, window.stride, sides, window.dilation, groups))


@entry("DepthwiseConv2dNative")
def _depthwise(
    x: Any, w: Any, strides: Any, padding: Any, data_format: Any, dilations: Any = _ONES,
    explicit_paddings: Any = (), **_: Any,
) -> Any:  # fmt: skip
    window = _Window(w.shape[:2], strides, padding, data_format, dilations, explicit_paddings)
    x, sides = window.padded(window.first(x), 0.0)
    kernel = w.permute(2, 3, 0, 1).reshape(-1, 1, *w.shape[:2])
    y = F.conv2d(x, kernel, None, window.stride, sides, window.dilation, w.shape[2])
    return window.back(y)


@entry("Conv2DBackpropInput", settings=(0,))
def _conv2d_transposed(
    shape: Any, w: Any, x: Any, strides: Any, padding: Any, data_format: Any,
    dilations: Any = _ONES, explicit_paddings: Any = (), **_: Any,
) -> Any:  # fmt: skip
    window = _Window(w.shape[:2], strides, padding, data_format, dilations, explicit_paddings)
    _refuse(len(shape) != 4)
    wanted = [int(shape[a]) for a in window.axes]
    y = F.conv_transpose2d(
        window.first(x), w.permute(3, 2, 0, 1), None, window.stride, dilation=window.dilation
    )
    pads = window.pads(wanted)
    short = [max(p[0] + n - have, 0) for p, n, have in zip(pads, wanted, y.shape[2:], strict=True)]
    if any(short):
        y = F.pad(y, (0, short[1], 0, short[0]))
    (top, _b), (left, _r) = pads
    if (top, left) != (0, 0) or tuple(y.shape[2:]) != tuple(wanted):
        y = y[:, :, top : top + wanted[0], left : left + wanted[1]]
    return window.back(y)


@entry("MaxPool")
def _max_pool(
    x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any, explicit_paddings: Any = (),
    **_: Any,
) -> Any:  # fmt: skip
    size = ksize[1:3] if _text(data_format) == "NHWC" else ksize[2:]
    window = _Window(size, strides, padding, data_format, _ONES, explicit_paddings)
    x, sides = window.padded(window.first(x), -np.inf)
    return window.back(F.max_pool2d(x, tuple(size), window.stride, sides))


@entry("AvgPool")
def _avg_pool(x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any, **_: Any) -> Any:
    size = ksize[1:3] if _text(data_format) == "NHWC" else ksize[2:]
    window = _Window(size, strides, padding, data_format, _ONES, ())
    x = window.first(x)
    given, sides = window.padded(x, 0.0)
    _refuse(given is not x)  # a mean over the picture's own pixels only
    y = F.avg_pool2d(x, tuple(size), window.stride, sides, count_include_pad=False)
    return window.back(y)


# -- other shapes, other order ----


@entry("Reshape", settings=(1,))
def _reshape(x: Any, shape: Any, **_: Any) -> Any:
    return x.reshape(tuple(shape.tolist()))


@entry("Transpose", settings=(1,))
def _transpose(x: Any, order: Any, **_: Any) -> Any:
    return x.permute(tuple(order.tolist()))


@entry("ExpandDims", settings=(1,))
def _expand_dims(x: Any, axis: Any, **_: Any) -> Any:
    return x.unsqueeze(int(np.ravel(axis)[0]))


@entry("Squeeze")
def _squeeze(x: Any, squeeze_dims: Any = None, **_: Any) -> Any:
    return x.squeeze(tuple(squeeze_dims)) if squeeze_dims else x.squeeze()


@entry("BroadcastTo", settings=(1,))
def _broadcast_to(x: Any, shape: Any, **_: Any) -> Any:
    return gobhir.broadcast_to(x, tuple(shape.tolist()))


@entry("Tile", settings=(1,))
def _tile(x: Any, times: Any, **_: Any) -> Any:
    return gobhir.tile(x, tuple(times.tolist()))


@entry("Pad", settings=(1,))
def _pad(x: Any, sides: Any, **_: Any) -> Any:
    return F.pad(x, tuple(sides[::-1].ravel().tolist()))


@entry("PadV2", settings=(1, 2))
def _pad_v2(x: Any, sides: Any, value: Any, **_: Any) -> Any:
    return F.pad(x, tuple(sides[::-1].ravel().tolist()), value=float(value))


@entry("ConcatV2", settings=(-1,))
def _concat(*given: Any, **_: Any) -> Any:
    *xs, axis = given
    return gobhir.cat(xs, int(axis))


@entry("Pack")
def _pack(*xs: Any, axis: int, **_: Any) -> Any:
    return gobhir.stack(xs, axis)


@entry("Unpack")
def _unpack(x: Any, axis: int, **_: Any) -> Any:
    return gobhir.unbind(x, axis)


@entry("Split", settings=(0,))
def _split(axis: Any, x: Any, num_split: int, **_: Any) -> Any:
    return gobhir.chunk(x, num_split, int(axis))


@entry("SplitV", settings=(1, 2))
def _split_v(x: Any, sizes: Any, axis: Any, **_: Any) -> Any:
    _refuse(bool((sizes < 0).any()))
    return gobhir.split(x, sizes.tolist(), int(axis))


@entry("ReverseV2", settings=(1,))
def _reverse(x: Any, axis: Any, **_: Any) -> Any:
    return gobhir.flip(x, tuple(axis.tolist()))


@entry("GatherV2", settings=(2,))
def _gather(x: Any, index: Any, axis: Any, batch_dims: int = 0, **_: Any) -> Any:
    _refuse(batch_dims != 0)
    if int(axis) == 0 and x.dim() == 2:
        return F.embedding(index.long(), x)
    return x[(slice(None),) * (int(axis) % x.dim()) + (index.long(),)]


@entry("ResourceGather")
def _resource_gather(x: Any, index: Any, batch_dims: int = 0, **_: Any) -> Any:
    _refuse(batch_dims != 0 or x.dim() != 2)
    return F.embedding(index.long(), x)


@entry("StridedSlice", settings=(1, 2, 3))
def _strided_slice(
    x: Any, begin: Any, end: Any, strides: Any, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, **_: Any,
) -> Any:  # fmt: skip
    index: list[Any] = []
    for k, (low, high, step) in enumerate(zip(begin, end, strides, strict=True)):
        bit = 1 << k
        if ellipsis_mask & bit:
            index.append(Ellipsis)
        elif new_axis_mask & bit:
            index.append(None)
        elif shrink_axis_mask & bit:
            index.append(int(low))
        else:
            _refuse(step < 0)
            first = None if begin_mask & bit else int(low)
            index.append(slice(first, None if end_mask & bit else int(high), int(step)))
    return x[tuple(index)]


@entry("OneHot", settings=(1,))
def _one_hot(index: Any, depth: Any, on: Any, off: Any, axis: int = -1, **_: Any) -> Any:
    _refuse(axis != -1)
    hot = F.one_hot(index.long(), int(depth)).to(on.dtype)
    return hot * (on - off) + off


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
