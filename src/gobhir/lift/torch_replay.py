"""The tape computed once more by PyTorch, in float64: the independent check of every gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gobhir.engine import Record, Tape, Tensor
from gobhir.engine.ops.indexing import Flat


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
        "cast": lambda x, dtype: {"f": x.double, "b": x.bool}.get(dtype.kind, x.long)(),
        "get_item": _taken,
        "mse_loss": F.mse_loss,
        "l1_loss": F.l1_loss,
        "huber_loss": F.huber_loss,
        "smooth_l1_loss": F.smooth_l1_loss,
        "bce_loss": F.binary_cross_entropy,
        "bce_with_logits_loss": F.binary_cross_entropy_with_logits,
        "cross_entropy_loss": F.cross_entropy,
        "kl_div_loss": F.kl_div,
        **_of_images(),
        **_of_scales(),
        "part": lambda x, place: x[place],
        "dropout": lambda x, noise: x * torch.as_tensor(noise),
        "embedding": lambda x, W, padding_idx, scale_grad_by_freq: F.embedding(
            torch.as_tensor(x), W, padding_idx, scale_grad_by_freq=scale_grad_by_freq
        ),
        "cat": lambda *tensors, dim: torch.cat(tensors, dim),
        "stack": lambda *tensors, dim: torch.stack(tensors, dim),
        "amax": lambda x, dim, keepdim: torch.amax(x, whole(dim, x), keepdim),
        "amin": lambda x, dim, keepdim: torch.amin(x, whole(dim, x), keepdim),
        "log_sum_exp": lambda x, dim, keepdim: torch.logsumexp(x, whole(dim, x), keepdim),
        "max": torch.max,
        "min": torch.min,
    }


def _taken(x: Any, index: Any) -> Any:
    import torch

    if isinstance(index, Flat):
        return x.reshape(-1)[torch.as_tensor(index.places)]
    return x[index]


def _of_images() -> dict[str, Callable[..., Any]]:
    """What slides over images, for one dimension up to three."""
    from torch.nn import functional as F

    def sized(name: str) -> Callable[..., Any]:
        return lambda x, *more, **given: getattr(F, f"{name}{x.ndim - 2}d")(x, *more, **given)

    def avg_pool(x: Any, divisor: int | None, **given: Any) -> Any:
        given["kernel_size"] = given.pop("kernel")
        more = {} if divisor is None else {"divisor_override": divisor}
        return sized("avg_pool")(x, **given, **more)

    def resample(
        x: Any, size: Any, mode: str, align_corners: bool, scales: Any, antialias: bool
    ) -> Any:
        many = x.ndim - 3
        full = {"linear": ("linear", "bilinear", "trilinear")[many], "cubic": "bicubic"}
        corners = {"align_corners": align_corners} if mode in full else {}
        sizes = {"size": size} if scales is None else {"scale_factor": scales}
        kind = full.get(mode, mode)
        return F.interpolate(x, mode=kind, antialias=antialias, **sizes, **corners)

    return {
        "conv": sized("conv"),
        "conv_transpose": sized("conv_transpose"),
        "max_pool": lambda x, kernel, **given: sized("max_pool")(x, kernel, **given),
        "avg_pool": avg_pool,
        "resample": resample,
    }


def _of_scales() -> dict[str, Callable[..., Any]]:
    """The norms; beside the result ours give mean and variance, which no one here asks for."""
    from torch.nn import functional as F

    def by_batch(x: Any, w: Any = None, b: Any = None, *, eps: float) -> Any:
        return (F.batch_norm(x, None, None, w, b, True, 0.0, eps),)

    def by_instance(x: Any, w: Any = None, b: Any = None, *, eps: float) -> Any:
        return (F.instance_norm(x, None, None, w, b, True, 0.0, eps),)

    def by_group(x: Any, w: Any = None, b: Any = None, *, groups: int, eps: float) -> Any:
        return (F.group_norm(x, groups, w, b, eps),)

    def by_layer(x: Any, w: Any = None, b: Any = None, *, count: int, eps: float) -> Any:
        return (F.layer_norm(x, x.shape[x.ndim - count :], w, b, eps),)

    def by_running(x: Any, mean: Any, v: Any, w: Any = None, b: Any = None, *, eps: float) -> Any:
        return F.batch_norm(x, mean, v, w, b, False, 0.0, eps)

    def rms(x: Any, w: Any = None, *, count: int, eps: float) -> Any:
        return F.rms_norm(x, x.shape[x.ndim - count :], w, eps)

    return {
        "batch_norm": by_batch,
        "instance_norm": by_instance,
        "group_norm": by_group,
        "layer_norm": by_layer,
        "batch_norm_by_running": by_running,
        "rms_norm": rms,
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
        if isinstance(x, (np.ndarray, np.generic)):
            return torch.as_tensor(x)
        if not isinstance(x, Tensor):
            return x
        key = x if x._record is None else x._record
        if key not in values:
            t = torch.from_numpy(np.array(tape.value(x)))
            t = t.double() if t.is_floating_point() else t
            values[key] = t.requires_grad_(x.requires_grad and t.is_floating_point())
        return values[key]

    needed = _behind(loss)
    for record in tape.records:
        if record not in needed:
            continue
        function = functions.get(record.op.name)
        if function is None:
            return None
        values[record] = function(*(value(x) for x in record.inputs), **record.settings)
    wanted = [value(t) for t in leaves]
    found = torch.autograd.grad(values[loss].reshape(()), wanted)
    return {t: g.detach().numpy() for t, g in zip(leaves, found, strict=True)}


def _behind(loss: Record) -> set[Record]:
    """The records of which the loss was made."""
    todo, seen = [loss], {loss}
    while todo:
        for x in todo.pop().inputs:
            made = x._record if isinstance(x, Tensor) else None
            if made is not None and made not in seen:
                seen.add(made)
                todo.append(made)
    return seen
