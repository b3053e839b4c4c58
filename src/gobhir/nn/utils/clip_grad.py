"""Gradients that are too large, made smaller before the optimizer's step.

Source: Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks
(2013). Behaviour:
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.dtypes import default_dtype
from gobhir.lang import say, warn

Tensors = Tensor | Iterable[Tensor]


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients together so that their norm, as one long vector, is at most max_norm;
    returns the norm before.

    norm_type: p of the p-norm, inf for the largest. error_if_nonfinite: RuntimeError where the
    norm is inf or NaN. foreach: how PyTorch would run it, nothing here.
    """
    listed = _listed(parameters)
    if not listed and isinstance(parameters, types.GeneratorType):
        warn(say("errors.nn.clip_nothing"))
    grads = [p.grad for p in listed if p.grad is not None]
    total = get_total_norm(grads, norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(listed, max_norm, total, foreach)
    return total


def clip_grad_norm(*args: Any, **kwargs: Any) -> Tensor:
    """The old name of clip_grad_norm_."""
    message = say("errors.nn.clip_old", old="clip_grad_norm", new="clip_grad_norm_")
    warn(message, FutureWarning)
    return clip_grad_norm_(*args, **kwargs)


def get_total_norm(
    tensors: Tensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors as one long vector: a tensor without dimensions."""
    p = float(norm_type)
    with np.errstate(all="ignore"):
        norms = [_norm(t.array, p) for t in _listed(tensors)]
        if not norms:
            return Tensor._wrap(np.zeros((), default_dtype()))
        total = np.asarray(norms[0] if len(norms) == 1 else _norm(np.stack(norms), p))
    if error_if_nonfinite and not np.isfinite(total).all():
        raise RuntimeError(say("errors.nn.clip_nonfinite", p=p, norm=total))
    return Tensor._wrap(total)


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients as clip_grad_norm_ does, where their norm is known."""
    with np.errstate(all="ignore"):
        scale = np.minimum(float(max_norm) / (total_norm.array + 1e-6), 1.0)
        for p in _listed(parameters):
            if p.grad is not None:
                grad = p.grad.array
                np.multiply(grad, scale.astype(grad.dtype), out=grad)
                p.grad._changed("clip_grad_norm_")


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Bring every number in the gradients into [-clip_value, clip_value]."""
    most = float(clip_value)
    for p in _listed(parameters):
        if p.grad is not None:
            grad = p.grad.array
            np.maximum(grad, -most, out=grad)
            np.minimum(grad, most, out=grad)
            p.grad._changed("clip_grad_value_")


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _norm(x: np.ndarray, p: float) -> np.ndarray:
    if p == 2:
        flat = x.reshape(-1)
        return np.sqrt(np.dot(flat, flat))
    size = np.abs(x)
    if p == float("inf"):
        return size.max(initial=0)
    if p == -float("inf"):
        return size.min()
    if p == 0:
        return (x != 0).sum().astype(x.dtype)
    return (size**p).sum() ** (1 / p)
