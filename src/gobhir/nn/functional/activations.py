"""Activation functions and softmax. What each computes stands in engine/ops/activations.py and
engine/ops/softmax.py.

inplace=True writes the result over the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.arguments import on_tensor
from gobhir.engine.creation import empty
from gobhir.engine.functions.publish import FUNCTIONS, as_operand, both, function
from gobhir.engine.inplace import become
from gobhir.engine.ops import activations
from gobhir.lang import say, warn

__all__ = [
    "celu",
    "celu_",
    "elu",
    "elu_",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "hardtanh_",
    "leaky_relu",
    "leaky_relu_",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "relu_",
    "rrelu",
    "rrelu_",
    "selu",
    "selu_",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
    "threshold_",
]

sigmoid = FUNCTIONS["sigmoid"]
tanh = FUNCTIONS["tanh"]
relu_ = FUNCTIONS["relu_"]


def _run(op: Callable[..., Any], z: Tensor, inplace: bool = False, **settings: Any) -> Tensor:
    if inplace:
        return become(as_operand(z), op.__name__ + "_", lambda x: op(x, **settings))
    return op(as_operand(z), **settings)


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, z), elementwise."""
    return relu_(input) if inplace else FUNCTIONS["relu"](input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(0, z), 6), elementwise."""
    return hardtanh(input, 0.0, 6.0, inplace)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """z above 0, negative_slope * z below, elementwise."""
    return _run(activations.leaky_relu, input, inplace, negative_slope=negative_slope)


@both
@on_tensor
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """z above 0, weight * z below, elementwise; weight has one number, or one for each channel
    (dimension 1 of the input)."""
    z, w = as_operand(input), as_operand(weight)
    channels = z.shape[1] if z.ndim > 1 else 1
    if w.ndim > 1 or w.array.size not in (1, channels):
        raise RuntimeError(say("errors.nn.prelu", weight=w.shape, channels=channels))
    if w.dtype != z.dtype:
        raise RuntimeError(say("errors.arithmetic.one_dtype", x=z.dtype, y=w.dtype))
    if w.array.size == channels and z.ndim > 1:
        w = w.reshape(-1, *(1,) * (z.ndim - 2))
    elif w.ndim:
        w = w.reshape(())
    return activations.prelu(z, w)


@function
@on_tensor
def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """z above 0, r * z below, elementwise, with r drawn evenly from [lower, upper) for every
    element below in training, and halfway between the two otherwise."""
    if not lower <= upper:
        raise RuntimeError(say("errors.nn.rrelu", lower=lower, upper=upper))
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    below = as_operand(input).array <= 0
    slope = np.ones(below.shape, input.dtype)
    drawn = empty(int(below.sum()), dtype=np.float64).uniform_(lower, upper)
    slope[below] = drawn.array
    return _run(lambda z: activations.prelu(z, Tensor._wrap(slope)), input, inplace)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """z above 0, alpha * (e^z - 1) below, elementwise."""
    return _run(activations.elu, input, inplace, alpha=alpha)


@function
@on_tensor
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """scale * z above 0, scale * alpha * (e^z - 1) below, with the two constants that keep mean
    and variance."""
    return _run(activations.selu, input, inplace)


@function
@on_tensor
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """z above 0, alpha * (e^(z / alpha) - 1) below, elementwise."""
    if alpha == 0:
        raise RuntimeError(say("errors.nn.celu"))
    return _run(activations.celu, input, inplace, alpha=alpha)


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """z * Phi(z), Phi the share of a normal distribution below z; with approximate="tanh" by a
    formula with tanh."""
    ops = {"none": activations.gelu, "tanh": activations.tanh_gelu}
    if approximate not in ops:
        raise RuntimeError(say("errors.nn.gelu", approximate=approximate))
    return _run(ops[approximate], input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """z * sigmoid(z), elementwise."""
    return _run(activations.silu, input, inplace)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """z * tanh(softplus(z)), elementwise."""
    return _run(activations.mish, input, inplace)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + e^(beta z)) / beta, elementwise; z itself where beta z is above the threshold."""
    return _run(activations.softplus, input, beta=beta, threshold=threshold)


def logsigmoid(input: Tensor) -> Tensor:
    """log(sigmoid(z)), elementwise."""
    return _run(activations.logsigmoid, input)


def softsign(input: Tensor) -> Tensor:
    """z / (1 + |z|), elementwise."""
    return _run(activations.softsign, input)


def tanhshrink(input: Tensor) -> Tensor:
    """z - tanh(z), elementwise."""
    return _run(activations.tanhshrink, input)


@both
@on_tensor
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """z, but 0 between -lambd and lambd, elementwise."""
    return _run(activations.hardshrink, input, lambd=lambd)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """z moved by lambd towards 0, and 0 between -lambd and lambd, elementwise."""
    if lambd < 0:
        raise RuntimeError(say("errors.nn.softshrink", lambd=lambd))
    return _run(activations.softshrink, input, lambd=lambd)


def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """z, but at least min_val and at most max_val, elementwise."""
    if min_val > max_val:
        raise ValueError(say("errors.nn.hardtanh", low=min_val, high=max_val))
    if min_val < 0 and as_operand(input).dtype.kind == "u":
        raise RuntimeError(say("errors.dtype.not_for", op="hardtanh", dtype=input.dtype))
    return _run(activations.hardtanh, input, inplace, min_val=min_val, max_val=max_val)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """z / 6 + 1/2 between -3 and 3, 0 below, 1 above, elementwise."""
    return _run(activations.hardsigmoid, input, inplace)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """z * hardsigmoid(z), elementwise."""
    return _run(activations.hardswish, input, inplace)


@function
@on_tensor
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """z above the threshold, value elsewhere."""
    return _run(activations.threshold, input, inplace, threshold=threshold, value=value)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a * sigmoid(b), with a and b the halves of the input along `dim`.
    Dauphin and others, Language Modeling with Gated Convolutional Networks (2016)."""
    if not as_operand(input).ndim:
        raise RuntimeError(say("errors.nn.glu_number"))
    if input.size(dim) % 2:
        raise RuntimeError(say("errors.nn.glu_odd", dim=dim, size=input.size(dim)))
    if input.dtype.kind != "f":
        raise NotImplementedError(say("errors.dtype.not_for", op="glu", dtype=input.dtype))
    half = input.size(dim) // 2
    before = (slice(None),) * (dim % input.ndim)
    return input[(*before, slice(None, half))] * sigmoid(input[(*before, slice(half, None))])


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """e^z / sum e^z along `dim`."""
    return input.softmax(_class_dim(input) if dim is None else dim, dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """softmax of -z: the smallest gets the largest share."""
    return softmax(-input, dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Tensor:
    """log(softmax) along `dim`."""
    return input.log_softmax(_class_dim(input) if dim is None else dim, dtype)


def _class_dim(z: Tensor) -> int:
    warn(say("errors.nn.implicit_dim"))
    return 0 if z.ndim in (0, 1, 3) else 1


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """A drawn choice along `dim` through which a gradient goes: softmax of (logits + Gumbel
    noise) / tau. hard: the choice itself, one 1 and else 0, with the gradient of the soft one.
    Jang, Gu and Poole, Categorical Reparameterization with Gumbel-Softmax (2016)."""
    noise = -logits.detach().clone().exponential_().log()
    soft = ((logits + noise) / tau).softmax(dim)
    if not hard:
        return soft
    chosen = np.zeros_like(soft.array)
    at = soft.array.argmax(axis=dim, keepdims=True)
    np.put_along_axis(chosen, at, 1, axis=dim)
    return Tensor._wrap(chosen) - soft.detach() + soft


def _in_place(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def changed(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return f(input, *args, inplace=True, **kwargs)

    changed.__name__ = changed.__qualname__ = f.__name__ + "_"
    changed.__doc__ = f"{f.__name__} with inplace=True."
    return changed


leaky_relu_ = _in_place(leaky_relu)
hardtanh_ = _in_place(hardtanh)
elu_ = _in_place(elu)
celu_ = function(_in_place(celu))
selu_ = function(_in_place(selu))
rrelu_ = function(_in_place(rrelu))
threshold_ = function(_in_place(threshold))
