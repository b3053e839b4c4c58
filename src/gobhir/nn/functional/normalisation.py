"""Normalisation. What each function computes stands in engine/ops/normalisation.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import on_tensor
from gobhir.engine.dtypes import float16
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.inplace import into, write
from gobhir.engine.ops import normalisation as ops
from gobhir.lang import say
from gobhir.nn.functional.kinds import constant, only_floating

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response_norm",
    "normalize",
    "rms_norm",
]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel brought to mean 0 and variance 1, over the batch while training, else by the
    running statistics, which training moves by `momentum` (in place). input: (N, C, ...).

    ValueError for a batch with a single number a channel: it has no variance.
    """
    x = as_operand(input)
    if x.shape == (0,):
        return x.clone()
    if x.ndim < 2:
        raise ValueError(say("errors.norm.dimensions", x=x.shape, want="(N, C, ...)"))
    if not eps > 0:
        raise ValueError(say("errors.norm.eps", eps=eps))
    for statistic in (running_mean, running_var):
        if statistic is not None and statistic.shape != (x.shape[1],):
            want = x.shape[1]
            raise RuntimeError(say("errors.norm.parameters", got=statistic.numel(), want=want))
    only_floating(x, "batch_norm")
    for statistic in (running_mean, running_var):
        if statistic is not None and x.dtype not in (statistic.dtype, float16):
            raise RuntimeError(say("errors.dtype.linear", x=x.dtype, weight=statistic.dtype))
    constant("batch_norm", running_mean=running_mean, running_var=running_var)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError(say("errors.norm.no_statistics"))
        return ops.batch_norm_by_running(x, running_mean, running_var, weight, bias, eps=eps)
    if x.shape[0] * math.prod(x.shape[2:]) == 1:
        raise ValueError(say("errors.norm.one_value", x=x.shape))
    y, mean, variance = ops.batch_norm(x, weight, bias, eps=eps)
    _run(running_mean, running_var, mean, variance, momentum, x.numel() // max(x.shape[1], 1))
    return y


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: Any = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel of each example brought to mean 0 and variance 1. input: (N, C, ...)."""
    x = as_operand(input)
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    if math.prod(x.shape[2:]) == 1:
        raise ValueError(say("errors.norm.one_value", x=x.shape))
    only_floating(x, "instance_norm")
    y, mean, variance = ops.instance_norm(x, weight, bias, eps=eps)
    _run(running_mean, running_var, mean, variance, momentum, math.prod(x.shape[2:]))
    return y


def _run(
    running_mean: Tensor | None,
    running_var: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    momentum: Any,
    count: int,
) -> None:
    """Move the running statistics towards those of this batch. The variance that is kept is the
    unbiased one."""
    if not mean.array.size or count < 2:
        return
    for running, now in (
        (running_mean, mean.array),
        (running_var, variance.array * (count / (count - 1))),
    ):
        if running is not None:
            mixed = running.array * (1 - momentum) + now.mean(0).reshape(running.shape) * momentum
            write(running, mixed.astype(running.dtype), "batch_norm")


def layer_norm(
    input: Tensor,
    normalized_shape: Any,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The last dimensions, of `normalized_shape`, brought to mean 0 and variance 1 together."""
    only_floating(as_operand(input), "layer_norm")
    count = _last(input, normalized_shape, weight, bias)
    return ops.layer_norm(input, weight, bias, count=count, eps=eps)[0]


def rms_norm(
    input: Tensor, normalized_shape: Any, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """The last dimensions, of `normalized_shape`, divided by their root mean square."""
    only_floating(as_operand(input), "rms_norm")
    count = _last(input, normalized_shape, weight, None)
    least = float(np.finfo(input.dtype).eps) if eps is None else eps
    if input.dtype == np.float16:  # whose squares would overflow
        scale = None if weight is None else weight.float()
        return ops.rms_norm(input.float(), scale, count=count, eps=least).half()
    return ops.rms_norm(input, weight, count=count, eps=least)


def _last(x: Tensor, normalized_shape: Any, weight: Tensor | None, bias: Tensor | None) -> int:
    """How many dimensions normalized_shape has. RuntimeError unless they are x's last ones."""
    shape = tuple(normalized_shape)
    if not shape or x.shape[-len(shape) :] != shape:
        raise RuntimeError(say("errors.norm.shape", x=x.shape, want=shape))
    for p in (weight, bias):
        if p is not None and p.shape != shape:
            raise RuntimeError(say("errors.norm.weight_shape", got=p.shape, want=shape))
        if p is not None and p.dtype != x.dtype:
            raise RuntimeError(say("errors.dtype.linear", x=x.dtype, weight=p.dtype))
    return len(shape)


@on_tensor
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each of num_groups groups of channels of each example brought to mean 0 and variance 1."""
    x = as_operand(input)
    if x.ndim < 2 or num_groups < 1:
        raise RuntimeError(say("errors.norm.groups", x=x.shape, groups=num_groups))
    if x.shape[0] * x.shape[1] // num_groups * math.prod(x.shape[2:]) == 1:
        raise ValueError(say("errors.norm.one_value", x=x.shape))
    if x.shape[1] % num_groups:
        raise RuntimeError(say("errors.norm.groups", x=x.shape, groups=num_groups))
    only_floating(x, "group_norm")
    for p in (weight, bias):
        if p is not None and p.shape != (x.shape[1],):
            raise RuntimeError(say("errors.norm.parameters", got=p.numel(), want=x.shape[1]))
        if p is not None and p.dtype != x.dtype:
            raise RuntimeError(say("errors.dtype.linear", x=x.dtype, weight=p.dtype))
    return ops.group_norm(x, weight, bias, groups=num_groups, eps=eps)[0]


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha * mean of the squares of `size` neighbouring channels) ^ beta.

    Source: Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional
    neural networks (2012), section 3.3. input: (N, C, ...), 3 dimensions or more.
    """
    x: Any = as_operand(input)
    if x.ndim < 3:
        raise ValueError(say("errors.norm.dimensions", x=x.shape, want="(N, C, L, ...)"))
    if not x.numel():
        return x
    if x.dtype != np.int64:
        only_floating(x, "local_response_norm")
    channels = np.arange(x.shape[1])
    before = channels[:, None] - channels  # how many channels each stands before each
    near = Tensor._wrap(((before <= size // 2) & (before >= -((size - 1) // 2))).astype(x.dtype))
    total = (near @ (x * x).flatten(2)).reshape(x.shape)
    mean = total / size if x.dtype.kind == "f" else total // size  # as avg_pool of whole numbers
    return x / (mean * alpha + k) ** beta


def normalize(
    input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x divided by its p-norm along `dim`, or by eps where the norm is smaller than that."""
    x: Any = as_operand(input)
    result = x / x.norm(p, dim, keepdim=True).clamp_min(eps)
    return result if out is None else into(out, result)
