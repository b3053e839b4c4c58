"""Weighted sums."""

from __future__ import annotations

from typing import Any

from gobhir.engine import Tensor
from gobhir.engine.functions.publish import as_operand
from gobhir.engine.ops import linear as ops
from gobhir.lang import say

__all__ = ["bilinear", "linear"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """z = x W^T + b; see engine.ops.linear.Linear."""
    if getattr(bias, "ndim", 1) != 1:
        return ops.linear(as_operand(input), weight) + bias  # broadcasts as it may
    return ops.linear(as_operand(input), weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """z_k = x1^T W_k x2 + b_k. input1: (..., in1); input2: (..., in2); weight: (out, in1, in2);
    bias: (out) or None; z: (..., out). RuntimeError where the shapes do not fit."""
    x1: Any = as_operand(input1)
    x2: Any = as_operand(input2)
    same = x1.shape[:-1] == x2.shape[:-1] and weight.ndim == 3
    if not same or weight.shape[1:] != (x1.shape[-1], x2.shape[-1]):
        drawn = {"x1": x1.shape, "x2": x2.shape, "weight": weight.shape}
        raise RuntimeError(say("errors.shape.bilinear", **drawn))
    rows1, rows2 = x1.reshape(-1, x1.shape[-1]), x2.reshape(-1, x2.shape[-1])
    z = ((rows1 @ weight) * rows2).sum(-1).to(x1.dtype).T
    z = z if bias is None else z + bias
    return z.reshape(*x1.shape[:-1], weight.shape[0])
