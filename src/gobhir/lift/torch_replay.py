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

    return {
        "add": torch.add,
        "sub": torch.sub,
        "mul": torch.mul,
        "div": torch.div,
        "neg": torch.neg,
        "pow": torch.pow,
        "exp": torch.exp,
        "log": torch.log,
        "sqrt": torch.sqrt,
        "abs": torch.abs,
        "sign": torch.sign,
        "maximum": torch.maximum,
        "minimum": torch.minimum,
        "where": torch.where,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": F.leaky_relu,
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
        "cast": lambda x, dtype: x,
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
