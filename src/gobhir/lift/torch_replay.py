"""The tape computed once more by PyTorch, in float64: the independent check of every gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gobhir.engine import Record, Tape, Tensor


def _functions() -> dict[str, Callable[..., Any]]:
    """What PyTorch calls our ops. An op that is not here makes the whole check unavailable."""
    import torch
    from torch.nn import functional as F

    def whole(dim: Any, x: Any) -> Any:
        return tuple(range(x.ndim)) if dim is None else dim

    alike = """add sub mul div neg pow reciprocal remainder fmod hypot addcmul addcdiv lerp exp exp2
        expm1 log log2 log10 log1p logaddexp logaddexp2 xlogy logit sqrt rsqrt abs sign copysign sin
        cos tan asin acos atan atan2 sinh cosh asinh acosh atanh sinc angle erf erfc erfinv lgamma
        digamma floor ceil trunc round frac maximum minimum fmax fmin clamp_min clamp_max nan_to_num
        sigmoid tanh relu"""
    alike_in_nn = """leaky_relu elu gelu silu mish softplus logsigmoid softsign tanhshrink
        hardtanh hardswish hardshrink softshrink threshold"""
    return {
        **{name: getattr(torch, name) for name in alike.split()},
        **{name: getattr(F, name) for name in alike_in_nn.split()},
        "selu": lambda z, alpha, scale: F.selu(z),
        # PyTorch's own have constants of seven digits inside.
        "celu": lambda z, alpha: torch.where(z > 0, z, alpha * torch.expm1(z / alpha)),
        "hardsigmoid": lambda z: F.relu6(z + 3) / 6,
        "tanh_gelu": lambda z: F.gelu(z, approximate="tanh"),
        "prelu": lambda z, w: torch.where(z > 0, z, w * z),
        "clamp": lambda x, low, high: torch.clamp_max(torch.clamp_min(x, low), high),
        "floor_divide": lambda x, y: torch.div(x, y, rounding_mode="floor"),
        "trunc_divide": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
        "polygamma": lambda x, n: torch.polygamma(n, x),
        "keep": lambda x, mask: torch.where(mask, x, 0.0),
        "where": torch.where,
        "softmax": torch.softmax,
        "log_softmax": torch.log_softmax,
        "linear": F.linear,
        "mat_mul": torch.matmul,
        "sum": lambda x, dim, keepdim: torch.sum(x, whole(dim, x), keepdim),
        "mean": lambda x, dim, keepdim: torch.mean(x, whole(dim, x), keepdim),
        "reshape": lambda x, shape: x.reshape(shape),
        "permute": lambda x, dims: x.permute(dims),
        "expand": lambda x, shape: x.expand(shape),
        "clone": lambda x: x.clone(),
        "cast": lambda x, dtype: x.double() if dtype.kind == "f" else x,
        "get_item": lambda x, index: x[index],
        "mse_loss": F.mse_loss,
        "l1_loss": F.l1_loss,
        "huber_loss": F.huber_loss,
        "smooth_l1_loss": F.smooth_l1_loss,
        "bce_loss": F.binary_cross_entropy,
        "bce_with_logits_loss": F.binary_cross_entropy_with_logits,
        "cross_entropy_loss": F.cross_entropy,
        "kl_div_loss": F.kl_div,
    }


def gradients(
    tape: Tape, loss: Record, leaves: Sequence[Tensor]
) -> dict[Tensor, np.ndarray] | None:
    """dL/d(leaf) by PyTorch's autograd, float64, for each of `leaves`; None when an op of the
    tape has no counterpart in the table above."""
    import torch

    functions = _functions()
    values: dict[Any, Any] = {}

    def value(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        key = x if x._record is None else x._record
        if key not in values:
            t = torch.from_numpy(np.array(tape.value(x)))
            t = t.double() if t.is_floating_point() else t
            values[key] = t.requires_grad_(x.requires_grad and t.is_floating_point())
        return values[key]

    for record in tape.records:
        if record.order > loss.order:
            break
        function = functions.get(record.op.name)
        if function is None:
            return None
        values[record] = function(*(value(x) for x in record.inputs), **record.settings)
    wanted = [value(t) for t in leaves]
    found = torch.autograd.grad(values[loss].reshape(()), wanted)
    return {t: g.detach().numpy() for t, g in zip(leaves, found, strict=True)}
