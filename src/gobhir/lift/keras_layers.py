"""What a layer of Keras's computes, and what a loss of Keras's: by the engine's own functions, as a
textbook would say it. x @ kernel + bias is one weighted sum, an LSTM a layer with gates.

Each entry takes the layer's settings (`at`), its inputs, and by name its weights and what else it
was called with. Whatever an entry cannot do it refuses with a ValueError, and a name that is not
here is none of ours: then the layer is shown as the small ops that ran in it.
https://keras.io/api/layers/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gobhir
from gobhir.lift import windows
from gobhir.lift.keras_entries import ACTIVATIONS, ALONG, activation, bent, layer, refuse
from gobhir.lift.windows import back, before, first
from gobhir.nn import functional as F


def _everywhere(do: Callable[..., Any], *xs: Any) -> Any:
    """Number by number: pictures with their channels first stay so."""
    turned = [before(x) for x in xs]
    return do(*xs) if any(t is None for t in turned) else back(do(*turned), True)


@layer("Activation", settings="activation")
def _activated(at: Any, x: Any, **_: Any) -> Any:
    name = activation(at.activation)
    return ACTIVATIONS[name](x) if name in ALONG else _everywhere(ACTIVATIONS[name], x)


@layer("ReLU", settings="negative_slope max_value threshold")
def _relu(at: Any, x: Any, **_: Any) -> Any:
    refuse(bool(at.threshold) or (at.max_value is not None and bool(at.negative_slope)))
    if at.max_value is not None:
        return _everywhere(lambda z: gobhir.clamp(z, 0.0, float(at.max_value)), x)
    if at.negative_slope:
        return _everywhere(lambda z: F.leaky_relu(z, float(at.negative_slope)), x)
    return _everywhere(F.relu, x)


@layer("LeakyReLU", settings="negative_slope")
def _leaky_relu(at: Any, x: Any, **_: Any) -> Any:
    return _everywhere(lambda z: F.leaky_relu(z, float(at.negative_slope)), x)


@layer("ELU", settings="alpha")
def _elu(at: Any, x: Any, **_: Any) -> Any:
    return _everywhere(lambda z: F.elu(z, float(at.alpha)), x)


@layer("PReLU", weights="alpha")
def _prelu(at: Any, x: Any, alpha: Any, **_: Any) -> Any:
    return gobhir.where(x > 0, x, alpha * x)


@layer("Softmax", settings="axis")
def _softmax(at: Any, x: Any, mask: Any = None, **_: Any) -> Any:
    refuse(mask is not None or not isinstance(at.axis, int))
    return F.softmax(x, at.axis)


# -- weighted sums ----


@layer("Dense", weights="kernel bias", settings="activation")
def _dense(at: Any, x: Any, kernel: Any, bias: Any = None, **_: Any) -> Any:
    return bent(at, F.linear(x, kernel.T, bias))


@layer("EinsumDense", weights="kernel bias", settings="equation activation")
def _einsum_dense(at: Any, x: Any, kernel: Any, bias: Any = None, **_: Any) -> Any:
    """One index of x is summed over, its last: a weighted sum with a kernel of more dimensions."""
    given, made = at.equation.split("->")
    ours, theirs = given.split(",")
    summed = [c for c in ours if c in theirs]
    count, kept = len(summed), [c for c in theirs if c not in summed]
    order = "".join(summed) + "".join(kept)
    refuse("." in at.equation or order != theirs or not ours.endswith("".join(summed)))
    refuse(made != ours[: len(ours) - count] + "".join(kept))
    size, out = kernel.shape[:count], kernel.shape[count:]
    lead = x.shape[: x.dim() - count]
    rows = x if count == 1 else x.reshape(*lead, size.numel())
    matrix = kernel if kernel.dim() == 2 else kernel.reshape(size.numel(), out.numel())
    flat = None if bias is None else bias.reshape(-1)
    refuse(flat is not None and flat.numel() != out.numel())
    z = F.linear(rows, matrix.T, flat)
    return bent(at, z if len(out) == 1 else z.reshape(*lead, *out))


@layer("Embedding", weights="embeddings")
def _embedding(at: Any, x: Any, embeddings: Any, **_: Any) -> Any:
    return F.embedding(x.long(), embeddings)


@layer("Masking", settings="mask_value")
def _masking(at: Any, x: Any, **_: Any) -> Any:
    """Where all features are the mask's value, nothing is."""
    here = (x != at.mask_value).any(-1, keepdim=True)
    return x * here.to(x.dtype)


# -- what slides ----

_SLIDING = "strides padding dilation_rate data_format activation"


def _last(at: Any) -> bool:
    return bool(at.data_format == "channels_last")


@layer("Conv1D", "Conv2D", "Conv3D", weights="kernel bias", settings=f"{_SLIDING} groups")
def _conv(at: Any, x: Any, kernel: Any, bias: Any = None, **_: Any) -> Any:
    slide = at.strides, at.padding, at.dilation_rate, at.groups
    return bent(at, windows.conv(first(x, _last(at)), kernel, bias, *slide), _last(at))


@layer("DepthwiseConv1D", "DepthwiseConv2D", weights="kernel bias", settings=_SLIDING)
def _depthwise(at: Any, x: Any, kernel: Any, bias: Any = None, **_: Any) -> Any:
    slide = at.strides, at.padding, at.dilation_rate
    return bent(at, windows.depthwise(first(x, _last(at)), kernel, bias, *slide), _last(at))


@layer(
    "SeparableConv1D", "SeparableConv2D",
    weights="depthwise_kernel pointwise_kernel bias", settings=_SLIDING,
)  # fmt: skip
def _separable(
    at: Any, x: Any, depthwise_kernel: Any, pointwise_kernel: Any, bias: Any = None, **_: Any
) -> Any:
    slide = at.strides, at.padding, at.dilation_rate
    own = windows.depthwise(first(x, _last(at)), depthwise_kernel, None, *slide)
    ones = (1,) * len(at.strides)
    z = windows.conv(own, pointwise_kernel, bias, ones, "valid", ones, 1)
    return bent(at, z, _last(at))


@layer(
    "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
    weights="kernel bias", settings=f"{_SLIDING} output_padding",
)  # fmt: skip
def _conv_transpose(at: Any, x: Any, kernel: Any, bias: Any = None, **_: Any) -> Any:
    refuse(at.output_padding is not None)
    x = first(x, _last(at))
    wanted = [
        n * s + (max(d * (k - 1) + 1 - s, 0) if at.padding == "valid" else 0)
        for n, s, k, d in zip(x.shape[2:], at.strides, kernel.shape, at.dilation_rate, strict=False)
    ]
    slide = at.strides, at.padding, at.dilation_rate, wanted
    return bent(at, windows.conv_transpose(x, kernel, bias, *slide), _last(at))


_POOLING = "pool_size strides padding data_format"


@layer("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", settings=_POOLING)
def _max_pool(at: Any, x: Any, **_: Any) -> Any:
    y = windows.max_pool(first(x, _last(at)), at.pool_size, at.strides, at.padding)
    return back(y, _last(at))


@layer("AveragePooling1D", "AveragePooling2D", "AveragePooling3D", settings=_POOLING)
def _avg_pool(at: Any, x: Any, **_: Any) -> Any:
    y = windows.avg_pool(first(x, _last(at)), at.pool_size, at.strides, at.padding)
    return back(y, _last(at))


@layer(
    *(f"GlobalAveragePooling{n}D" for n in (1, 2, 3)), settings="keepdims data_format"
)  # fmt: skip
def _global_mean(at: Any, x: Any, mask: Any = None, **_: Any) -> Any:
    if mask is not None:  # of the places where something is
        refuse(x.dim() != 3 or not _last(at))
        here = mask.to(x.dtype).unsqueeze(-1)
        return (x * here).sum(1, keepdim=at.keepdims) / here.sum(1, keepdim=at.keepdims)
    if x.dim() == 3 and _last(at):
        return gobhir.mean(x, 1, keepdim=at.keepdims)
    x = first(x, _last(at))
    y = gobhir.mean(x, tuple(range(2, x.dim())), keepdim=at.keepdims)
    return back(y, _last(at))


@layer(*(f"GlobalMaxPooling{n}D" for n in (1, 2, 3)), settings="keepdims data_format")
def _global_max(at: Any, x: Any, **_: Any) -> Any:
    x = first(x, _last(at))
    y = gobhir.amax(x, tuple(range(2, x.dim())), keepdim=at.keepdims)
    return back(y, _last(at))


@layer("UpSampling2D", settings="size interpolation data_format")
def _up_sampling(at: Any, x: Any, **_: Any) -> Any:
    y = windows.resized(first(x, _last(at)), at.size, at.interpolation)
    return back(y, _last(at))


# -- onto a common scale ----


@layer(
    "BatchNormalization",
    weights="gamma beta moving_mean moving_variance", settings="axis epsilon renorm trainable",
)  # fmt: skip
def _batch_norm(
    at: Any, x: Any, gamma: Any = None, beta: Any = None, moving_mean: Any = None,
    moving_variance: Any = None, training: Any = None, mask: Any = None, **_: Any,
) -> Any:  # fmt: skip
    last = at.axis in (-1, x.dim() - 1)
    refuse(at.renorm or mask is not None or not (last or at.axis == 1))
    x = first(x, last)
    learning = bool(training and at.trainable)
    mean, spread = (None, None) if learning else (moving_mean, moving_variance)
    y = F.batch_norm(x, mean, spread, gamma, beta, learning, 0.0, at.epsilon)
    return back(y, last)


@layer("LayerNormalization", weights="gamma beta", settings="axis epsilon rms_scaling")
def _layer_norm(at: Any, x: Any, gamma: Any = None, beta: Any = None, **_: Any) -> Any:
    axes = sorted(a % x.dim() for a in windows.whole_numbers(at.axis))
    refuse(at.rms_scaling or axes != list(range(axes[0], x.dim())))
    return F.layer_norm(x, tuple(x.shape[axes[0] :]), gamma, beta, at.epsilon)


@layer("GroupNormalization", weights="gamma beta", settings="groups axis epsilon")
def _group_norm(at: Any, x: Any, gamma: Any = None, beta: Any = None, **_: Any) -> Any:
    last = at.axis in (-1, x.dim() - 1)
    refuse(not last and at.axis != 1)
    y = F.group_norm(first(x, last), at.groups, gamma, beta, at.epsilon)
    return back(y, last)


@layer("RMSNormalization", weights="scale", settings="axis epsilon")
def _rms_norm(at: Any, x: Any, scale: Any = None, **_: Any) -> Any:
    refuse(windows.whole_numbers(at.axis) not in ((-1,), (x.dim() - 1,)))
    return F.rms_norm(x, (x.shape[-1],), scale, at.epsilon)


@layer(
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D",
    settings="rate",
)  # fmt: skip
def _dropout(at: Any, x: Any, training: Any = None, **_: Any) -> Any:
    refuse(not training or not at.rate)
    return F.dropout(x, float(at.rate), True)


# -- several inputs ----


def _several(given: tuple[Any, ...]) -> list[Any]:
    return list(given[0]) if len(given) == 1 else list(given)


def _one_by_one(operator: Callable[..., Any]) -> Callable[..., Any]:
    def join(x: Any, *rest: Any) -> Any:
        for y in rest:
            x = operator(x, y)
        return x

    return lambda at, *given, **_: _everywhere(join, *_several(given))


for _kind, _operator in {"Add": gobhir.add, "Subtract": gobhir.sub, "Multiply": gobhir.mul}.items():
    layer(_kind)(_one_by_one(_operator))


@layer("Concatenate", settings="axis")
def _concatenate(at: Any, *given: Any, **_: Any) -> Any:
    xs = _several(given)
    turned = [before(x) for x in xs]
    if at.axis in (-1, xs[0].dim() - 1) and all(t is not None for t in turned):
        return back(gobhir.cat(turned, 1), True)
    return gobhir.cat(xs, at.axis)
