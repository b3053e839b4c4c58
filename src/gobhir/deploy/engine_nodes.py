"""What each op of the engine is in ONNX (https://onnx.ai/onnx/operators/). One op, one function:
(graph, values) to the name of its result in the graph, or a list of names for several results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from onnx import helper

from gobhir.lang import say

Write = Callable[[Any, Any], Any]
NODES: dict[str, Write] = {}


def _writes(*ops: str) -> Callable[[Write], Write]:
    def put(write: Write) -> Write:
        NODES.update(dict.fromkeys(ops, write))
        return write

    return put


def _in(g: Any, v: Any, i: int) -> str:
    """The name of input i; plain numbers become arrays of the dtype they are computed in."""
    plain = not hasattr(v.inputs[i], "array")
    first = v.value[0] if isinstance(v.value, tuple) else v.value
    kind = first.dtype if plain and not isinstance(v.inputs[i], np.ndarray) else None
    if kind is not None and kind.kind == "b":
        # A comparison: the number is of the kind that it is compared with.
        kind = next((x.array.dtype for x in v.inputs if hasattr(x, "array")), None)
    name: str = g.name_of(v.inputs[i], v.others[i], kind)
    return name


def _all(g: Any, v: Any, count: int) -> list[str]:
    return [_in(g, v, i) for i in range(count)]


# -- one number at a time -------------------------------------------------------------------------

_ALONE = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh",
    "atan": "Atan", "atanh": "Atanh", "ceil": "Ceil", "clone": "Identity", "cos": "Cos",
    "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor", "hardswish": "HardSwish",
    "log": "Log", "mish": "Mish", "neg": "Neg", "reciprocal": "Reciprocal", "relu": "Relu",
    "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "softsign": "Softsign",
    "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh",
}  # fmt: skip
_TWO = {
    "add": "Add", "div": "Div", "mul": "Mul", "pow": "Pow", "sub": "Sub", "mat_mul": "MatMul",
    "maximum": "Max", "minimum": "Min", "clamp_min": "Max", "clamp_max": "Min",
}  # fmt: skip
_WITH: dict[str, tuple[str, dict[str, str]]] = {
    "leaky_relu": ("LeakyRelu", {"alpha": "negative_slope"}),
    "elu": ("Elu", {"alpha": "alpha"}),
    "selu": ("Selu", {"alpha": "alpha", "gamma": "scale"}),
    "celu": ("Celu", {"alpha": "alpha"}),
    "softmax": ("Softmax", {"axis": "dim"}),
    "log_softmax": ("LogSoftmax", {"axis": "dim"}),
    "permute": ("Transpose", {"perm": "dims"}),
}


@_writes(*_ALONE)
def _alone(g: Any, v: Any) -> str:
    return g.node(_ALONE[v.op], _in(g, v, 0))


@_writes(*_TWO)
def _two(g: Any, v: Any) -> str:
    return g.node(_TWO[v.op], *(_promoted(g, v, i) for i in range(2)))


def _promoted(g: Any, v: Any, i: int) -> str:
    """Input i in the dtype of the result, to which ONNX does not promote by itself."""
    name = _in(g, v, i)
    x = v.inputs[i]
    if hasattr(x, "array") and x.array.dtype != v.value.dtype:
        return g.node("Cast", name, to=helper.np_dtype_to_tensor_dtype(v.value.dtype))
    return name


@_writes(*_WITH)
def _with(g: Any, v: Any) -> str:
    kind, names = _WITH[v.op]
    return g.node(kind, _in(g, v, 0), **{theirs: v[ours] for theirs, ours in names.items()})


@_writes("gelu", "tanh_gelu")
def _gelu(g: Any, v: Any) -> str:
    return g.node("Gelu", _in(g, v, 0), approximate="tanh" if v.op == "tanh_gelu" else "none")


@_writes("silu")
def _silu(g: Any, v: Any) -> str:
    z = _in(g, v, 0)
    return g.node("Mul", z, g.node("Sigmoid", z))


@_writes("hardsigmoid")
def _hardsigmoid(g: Any, v: Any) -> str:
    return g.node("HardSigmoid", _in(g, v, 0), alpha=1 / 6, beta=0.5)


@_writes("logsigmoid")
def _logsigmoid(g: Any, v: Any) -> str:
    return g.node("Neg", g.node("Softplus", g.node("Neg", _in(g, v, 0))))


@_writes("softplus")
def _softplus(g: Any, v: Any) -> str:
    beta = g.constant(v["beta"], v.value.dtype)
    return g.node("Div", g.node("Softplus", g.node("Mul", _in(g, v, 0), beta)), beta)


@_writes("rsqrt")
def _rsqrt(g: Any, v: Any) -> str:
    return g.node("Reciprocal", g.node("Sqrt", _in(g, v, 0)))


@_writes("hardtanh")
def _hardtanh(g: Any, v: Any) -> str:
    ends = [g.constant(v[k], v.value.dtype) for k in ("min_val", "max_val")]
    return g.node("Clip", _in(g, v, 0), *ends)


@_writes("clamp")
def _clamp(g: Any, v: Any) -> str:
    low = g.node("Max", *_all(g, v, 2)) if v.given(1) else _in(g, v, 0)
    return g.node("Min", low, _in(g, v, 2)) if v.given(2) else low


@_writes("prelu")
def _prelu(g: Any, v: Any) -> str:
    slope = v.array(1)
    if slope.size > 1:
        slope = slope.reshape((-1,) + (1,) * (v.array(0).ndim - 2))
    return g.node("PRelu", _in(g, v, 0), g.constant(slope))


@_writes("where")
def _where(g: Any, v: Any) -> str:
    return g.node("Where", _in(g, v, 0), _promoted(g, v, 1), _promoted(g, v, 2))


# -- layers ---------------------------------------------------------------------------------------


@_writes("linear")
def _linear(g: Any, v: Any) -> str:
    x, weight = _in(g, v, 0), _in(g, v, 1)
    bias = [_in(g, v, 2)] if v.given(2) else []
    if v.array(0).ndim == 2:
        return g.node("Gemm", x, weight, *bias, transB=1)
    # The turned weight is a constant too, so that it can be quantised.
    turned = (
        g.constant(v.array(1).T, name=f"{weight}.T") if v.leaf(1) else g.node("Transpose", weight)
    )
    product = g.node("MatMul", x, turned)
    return g.node("Add", product, *bias) if bias else product


@_writes("conv", "conv_transpose")
def _conv(g: Any, v: Any) -> str:
    inputs = _all(g, v, 3 if v.given(2) else 2)
    options: dict[str, Any] = {
        "strides": v["stride"],
        "pads": [*v["padding"], *v["padding"]],
        "dilations": v["dilation"],
        "group": v["groups"],
        "kernel_shape": v.array(1).shape[2:],
    }
    if v.op == "conv":
        return g.node("Conv", *inputs, **options)
    return g.node("ConvTranspose", *inputs, output_padding=v["output_padding"], **options)


@_writes("max_pool")
def _max_pool(g: Any, v: Any) -> str:
    return g.node("MaxPool", _in(g, v, 0), dilations=v["dilation"], **_window(v))


@_writes("avg_pool")
def _avg_pool(g: Any, v: Any) -> str:
    if v["divisor"] is not None:
        raise ValueError(say("deploy.export.setting", op=v.op, name="divisor_override"))
    return g.node(
        "AveragePool", _in(g, v, 0), count_include_pad=int(v["count_include_pad"]), **_window(v)
    )


def _window(v: Any) -> dict[str, Any]:
    return {
        "kernel_shape": v["kernel"],
        "strides": v["stride"],
        "pads": [*v["padding"], *v["padding"]],
        "ceil_mode": int(v["ceil_mode"]),
    }


@_writes("batch_norm_by_running")
def _batch_norm(g: Any, v: Any) -> str:
    x, mean, variance = _all(g, v, 3)
    scale, bias = _affine(g, v, 3, v.array(1).shape)
    return g.node("BatchNormalization", x, scale, bias, mean, variance, epsilon=v["eps"])


@_writes("layer_norm", "instance_norm", "group_norm")
def _standardised(g: Any, v: Any) -> list[str]:
    x, shape = _in(g, v, 0), v.array(0).shape
    if v.op == "layer_norm":
        scale, bias = _affine(g, v, 1, shape[len(shape) - v["count"] :])
        options = {"axis": -v["count"], "epsilon": v["eps"]}
        return [g.node("LayerNormalization", x, scale, bias, **options)]
    scale, bias = _affine(g, v, 1, shape[1:2])
    if v.op == "instance_norm":
        return [g.node("InstanceNormalization", x, scale, bias, epsilon=v["eps"])]
    options = {"num_groups": v["groups"], "epsilon": v["eps"]}
    return [g.node("GroupNormalization", x, scale, bias, **options)]


def _affine(g: Any, v: Any, at: int, shape: tuple[int, ...]) -> tuple[str, str]:
    dtype = v.array(0).dtype
    weight = _in(g, v, at) if v.given(at) else g.constant(np.ones(shape, dtype))
    bias = _in(g, v, at + 1) if v.given(at + 1) else g.constant(np.zeros(shape, dtype))
    return weight, bias


@_writes("embedding")
def _embedding(g: Any, v: Any) -> str:
    return g.node("Gather", _in(g, v, 1), _in(g, v, 0), axis=0)


@_writes("rnn_step", "gru_step", "lstm_step")
def _recurrent(g: Any, v: Any) -> Any:
    """One step is a sequence of one. ONNX has the gates in another order (LSTM: i o f c; GRU:
    z r h) and both biases in one row."""
    lstm = v.op == "lstm_step"
    at = 3 if lstm else 2
    order = {"rnn_step": (0,), "gru_step": (1, 0, 2), "lstm_step": (0, 3, 1, 2)}[v.op]
    hidden = v.array(at + 1).shape[1]
    names = [g.name_of(v.inputs[at + i], v.others[at + i]) for i in range(2)]
    weights = []
    for i, name in enumerate(names):
        weights.append(g.constant(_gates(v.array(at + i), order)[None], name=f"{name}.gates"))
    zeros = np.zeros(len(order) * hidden, v.array(at).dtype)
    rows = [v.array(i) if v.given(i) else zeros for i in (at + 2, at + 3)]
    bias = np.concatenate([_gates(b, order) for b in rows])[None]
    weights.append(g.constant(bias, name=f"{names[0]}.bias"))
    first, x = g.constant([0], np.int64), _in(g, v, 0)
    state = [g.node("Unsqueeze", _in(g, v, i), first) for i in range(1, at)]
    kind: dict[str, Any] = {"hidden_size": hidden}
    if v.op == "rnn_step":
        kind["activations"] = ["Relu" if v["relu"] else "Tanh"]
    if v.op == "gru_step":
        kind["linear_before_reset"] = 1
    name = v.op.removesuffix("_step").upper()
    outs = g.node(name, g.node("Unsqueeze", x, first), *weights, "", *state, outputs=at, **kind)
    ends = [g.node("Squeeze", out, first) for out in outs[1:]]
    return ends[0] if v.op == "rnn_step" else ends


def _gates(weight: np.ndarray, order: tuple[int, ...]) -> np.ndarray:
    parts = np.split(weight, len(order))
    return np.concatenate([parts[i] for i in order])


@_writes("split_heads")
def _split_heads(g: Any, v: Any) -> list[str]:
    n, parts, heads = v.array(0).shape[2], v["parts"], v["heads"]
    target = g.constant([0, 0, parts, heads, n // (parts * heads)], np.int64)
    split = g.node("Reshape", _in(g, v, 0), target)
    perm = (2, 0, 3, 1, 4) if v["batch_first"] else (2, 1, 3, 0, 4)
    turned = g.node("Transpose", split, perm=perm)
    return [g.node("Gather", turned, g.constant(i, np.int64), axis=0) for i in range(parts)]


# -- many into few --------------------------------------------------------------------------------

_REDUCE = {
    "sum": "ReduceSum", "mean": "ReduceMean", "amax": "ReduceMax", "amin": "ReduceMin",
    "prod": "ReduceProd", "log_sum_exp": "ReduceLogSumExp",
}  # fmt: skip


@_writes(*_REDUCE)
def _reduce(g: Any, v: Any) -> str:
    return g.node(_REDUCE[v.op], _in(g, v, 0), *_axes(g, v), keepdims=int(v["keepdim"]))


def _axes(g: Any, v: Any) -> list[str]:
    dim = v["dim"]
    if dim is None:
        return []
    return [g.constant([dim] if isinstance(dim, int) else list(dim), np.int64)]


@_writes("max", "min")
def _largest(g: Any, v: Any) -> list[str]:
    """With the dimension kept: the engine drops it afterwards."""
    x, dim = _in(g, v, 0), v["dim"]
    word, keep = v.op.capitalize(), v.value[0].ndim == v.array(0).ndim
    axes = g.constant([dim], np.int64)
    options = {"keepdims": int(keep)}
    best = g.node(f"Reduce{word}", x, axes, **options)
    return [best, g.node(f"Arg{word}", x, axis=dim, **options)]


# -- moved numbers --------------------------------------------------------------------------------


@_writes("reshape")
def _reshape(g: Any, v: Any) -> str:
    target = g.shape(v.value.shape, v.other.shape)
    return g.node("Reshape", _in(g, v, 0), g.constant(target, np.int64))


@_writes("expand")
def _expand(g: Any, v: Any) -> str:
    shape: list[str] = []
    for n, m in zip(v.value.shape, v.other.shape, strict=True):
        if n != m and (n, m) != g.batches:
            raise ValueError(say("deploy.export.batch", op=v.op))
        shape.append(g.size() if n != m else g.constant([n], np.int64))
    return g.node("Expand", _in(g, v, 0), g.node("Concat", *shape, axis=0))


@_writes("cast")
def _cast(g: Any, v: Any) -> str:
    return g.node("Cast", _in(g, v, 0), to=helper.np_dtype_to_tensor_dtype(v.value.dtype))


@_writes("flip")
def _flip(g: Any, v: Any) -> str:
    dims = list(v["dims"])
    many = len(dims)
    ends = ([-1] * many, [-(2**62)] * many, dims, [-1] * many)
    return g.node("Slice", _in(g, v, 0), *(g.constant(e, np.int64) for e in ends))


@_writes("cat", "stack")
def _joined(g: Any, v: Any) -> str:
    parts, dim = _all(g, v, len(v.inputs)), v["dim"]
    if v.op == "stack":
        dim = dim % v.value.ndim
        axis = g.constant([dim], np.int64)
        parts = [g.node("Unsqueeze", part, axis) for part in parts]
    return g.node("Concat", *parts, axis=dim)


@_writes("constant_pad")
def _pad(g: Any, v: Any) -> str:
    before, after = zip(*v["pad"], strict=True)
    value = g.constant(v["value"], v.value.dtype)
    return g.node("Pad", _in(g, v, 0), g.constant([*before, *after], np.int64), value)


@_writes("get_item")
def _get_item(g: Any, v: Any) -> str:
    """Whole numbers, slices, None and ..., and at most one array of whole numbers."""
    index, shape = v["index"], v.array(0).shape
    if repr(index) != repr(v.other_settings["index"]):
        raise ValueError(say("deploy.export.batch", op=v.op))
    entries = list(index) if isinstance(index, tuple) else [index]
    used = sum(1 for e in entries if e is not None and e is not Ellipsis)
    where = next((i for i, e in enumerate(entries) if e is Ellipsis), len(entries))
    entries[where : where + 1] = [slice(None)] * (len(shape) - used)
    out, axis, gone, new = _in(g, v, 0), 0, [], []
    arrays = 0
    place = 0  # the axis of the result
    for e in entries:
        if e is None:
            new.append(place)
            place += 1
        elif isinstance(e, (int, np.integer)):
            out = g.node("Gather", out, g.constant([int(e)], np.int64), axis=axis)
            gone.append(axis)
            axis += 1
        elif isinstance(e, slice):
            if e != slice(None):
                start, stop, step = _ends(e)
                parts = ([start], [stop], [axis], [step])
                out = g.node("Slice", out, *(g.constant(p, np.int64) for p in parts))
            axis, place = axis + 1, place + 1
        elif isinstance(e, np.ndarray) and e.ndim == 1 and e.dtype.kind in "iu" and not arrays:
            out = g.node("Gather", out, g.constant(e, np.int64), axis=axis)
            arrays, axis, place = 1, axis + 1, place + 1
        else:
            raise ValueError(say("deploy.export.setting", op=v.op, name=f"index={e!r:.60}"))
    if gone:
        out = g.node("Squeeze", out, g.constant(gone, np.int64))
    return g.node("Unsqueeze", out, g.constant(new, np.int64)) if new else out


def _ends(e: slice) -> tuple[int, int, int]:
    step = 1 if e.step is None else int(e.step)
    far = 2**62
    start = (0 if step > 0 else -1) if e.start is None else int(e.start)
    stop = (far if step > 0 else -far) if e.stop is None else int(e.stop)
    return start, stop, step
