"""A batch norm taken into the layer before it, for use: there it is only a product and a sum.

Behaviour: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
"""

from __future__ import annotations

import copy
from typing import Any

from gobhir.engine import Tensor
from gobhir.lang import say
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A convolution that computes what `bn` makes of conv's results; both in evaluation mode.
    transpose: for transposed convolutions."""
    return _fused(conv, bn, 1 if transpose else 0)


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A linear layer that computes what `bn` makes of linear's results; both in evaluation mode."""
    if bn.num_features not in (1, linear.out_features):
        sizes = {"out": linear.out_features, "features": bn.num_features}
        raise AssertionError(say("errors.nn.fuse_sizes", **sizes))
    return _fused(linear, bn, 0)


def _fused(layer: Module, bn: Any, outputs: int) -> Any:
    if layer.training or bn.training:
        raise AssertionError(say("errors.nn.fuse_training"))
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError(say("errors.norm.no_statistics"))
    out: Any = copy.deepcopy(layer)
    statistics = (bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
    out.weight, out.bias = _weights(out.weight, out.bias, *statistics, outputs)
    return out


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """weight and bias of that convolution, from those of both and bn's running statistics."""
    return _weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor,
    bn_b: Tensor,
) -> tuple[Parameter, Parameter]:
    """weight and bias of that linear layer, from those of both and bn's running statistics."""
    return _weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _weights(
    w: Any, b: Any, mean: Any, variance: Any, eps: float, scale: Any, shift: Any, outputs: int
) -> tuple[Parameter, Parameter]:
    """(W x + b - mean) / sqrt(variance + eps) * scale + shift, as one W' x + b'. outputs: the
    dimension of W that counts them."""
    factor = (variance + eps).rsqrt()
    factor = factor if scale is None else factor * scale
    shape = [1] * w.ndim
    shape[outputs] = -1
    bias = (0 - mean if b is None else b - mean) * factor
    bias = bias if shift is None else bias + shift
    kind = w.dtype if b is None else b.dtype
    learns = b is not None and b.requires_grad
    weight = (w * factor.reshape(*shape)).to(w.dtype)
    return (
        Parameter(weight.detach(), w.requires_grad),
        Parameter(bias.to(kind).detach(), learns),
    )
