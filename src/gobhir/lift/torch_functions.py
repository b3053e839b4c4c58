"""What PyTorch calls our ops: a table for running a tape again by PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.engine.ops.indexing import Flat


def functions() -> dict[str, Callable[..., Any]]:
    """What PyTorch calls our ops. What is not here runs as the engine
    has it."""
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
    alike_in_special = "i0 i1 i0e i1e xlog1py erfcx log_ndtr"
    alike_in_linalg = "inv solve det pinv matrix_exp cholesky slogdet"
    return {
        **{name: getattr(torch, name) for name in alike.split()},
        **{name: getattr(torch.special, name) for name in alike_in_special.split()},
        **{name: getattr(torch.linalg, name) for name in alike_in_linalg.split()},
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
        "cast": lambda x, dtype: {"f": x.double, "b": x.bool}.get(np.dtype(dtype).kind, x.long)(),
        "get_item": _taken,
        "mse_loss": F.mse_loss,
        "l1_loss": F.l1_loss,
        "huber_loss": F.huber_loss,
        "smooth_l1_loss": F.smooth_l1_loss,
        "bce_loss": F.binary_cross_entropy,
        "bce_with_logits_loss": F.binary_cross_entropy_with_logits,
        "cross_entropy_loss": F.cross_entropy,
        "kl_div_loss": F.kl_div,
        "log_target_kl_div_loss": lambda s, y, reduction: F.kl_div(
            s, y, reduction=reduction, log_target=True
        ),
        "weighted_bce_with_logits_loss": lambda z, y, pos_weight, reduction: (
            F.binary_cross_entropy_with_logits(z, y, pos_weight=pos_weight, reduction=reduction)
        ),
        "nll_loss": F.nll_loss,
        "ctc_loss": F.ctc_loss,
        "poisson_nll_loss": F.poisson_nll_loss,
        "gaussian_nll_loss": lambda p, y, var, **given: F.gaussian_nll_loss(p, y, var, **given),
        "hinge_embedding_loss": F.hinge_embedding_loss,
        "soft_margin_loss": F.soft_margin_loss,
        "margin_ranking_loss": F.margin_ranking_loss,
        **_of_images(),
        **_of_scales(),
        **_of_places(),
        **_of_sums(),
        "part": lambda x, place: x[place],
        "dropout": lambda x, noise: x * torch.as_tensor(noise),
        "embedding": lambda x, W, padding_idx, scale_grad_by_freq, max_norm: F.embedding(
            torch.as_tensor(x), W, padding_idx, scale_grad_by_freq=scale_grad_by_freq
        ),
        "cat": lambda *tensors, dim: torch.cat(tensors, dim),
        "stack": lambda *tensors, dim: torch.stack(tensors, dim),
        "amax": lambda x, dim, keepdim: torch.amax(x, whole(dim, x), keepdim),
        "amin": lambda x, dim, keepdim: torch.amin(x, whole(dim, x), keepdim),
        "log_sum_exp": lambda x, dim, keepdim: torch.logsumexp(x, whole(dim, x), keepdim),
    }


def _taken(x: Any, index: Any) -> Any:
    return x.reshape(-1)[_places(x, index)]


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
        # In float64, with channels last in memory, PyTorch's own backward crashes.
        return (F.group_norm(x.contiguous(), groups, w, b, eps).contiguous(),)

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


def _of_sums() -> dict[str, Callable[..., Any]]:
    """Many numbers into fewer, running results, numbers by rank."""
    import torch

    def norm(x: Any, p: float, dim: Any, keepdim: bool) -> Any:
        return torch.linalg.vector_norm(x, p, dim, keepdim)

    def spread(name: str) -> Callable[..., Any]:
        def run(x: Any, dim: Any, correction: float, keepdim: bool) -> Any:
            return getattr(torch, name)(x, dim, correction=correction, keepdim=keepdim)

        return run

    return {
        "prod": lambda x, dim, keepdim: x.prod() if dim is None else x.prod(dim, keepdim),
        "var": spread("var"),
        "std": spread("std"),
        "norm": norm,
        "median": lambda x, skip: x.nanmedian() if skip else x.median(),
        "sum_to": lambda x, shape: x.sum_to_size(shape),
        "cumsum": lambda x, dim, reverse: (
            x.flip(dim).cumsum(dim).flip(dim) if reverse else x.cumsum(dim)
        ),
        "cumprod": torch.cumprod,
        "logcumsumexp": torch.logcumsumexp,
        "cummax": torch.cummax,
        "cummin": torch.cummin,
        "max": lambda x, dim: torch.max(x, dim, keepdim=True),
        "min": lambda x, dim: torch.min(x, dim, keepdim=True),
        "sort": lambda x, dim, descending=False, stable=False: torch.sort(
            x, dim=dim, descending=descending, stable=True
        ),
        "topk": lambda x, k, dim, largest=True, sorted=True: torch.topk(x, k, dim, largest, sorted),
        "mode": lambda x, dim: torch.mode(x, dim, keepdim=True),
        "median_along": lambda x, dim, skip: (torch.nanmedian if skip else torch.median)(
            x, dim, keepdim=True
        ),
        "kthvalue": lambda x, k, dim: torch.kthvalue(x, k, dim, keepdim=True),
    }


def _of_places() -> dict[str, Callable[..., Any]]:
    """What moves numbers without changing them."""
    import torch
    from torch.nn import functional as F

    def set_item(x: Any, v: Any, index: Any) -> Any:
        out = x.clone().reshape(-1)
        out[_places(x, index)] = v.expand(_places(x, index).shape).to(x.dtype)
        return out.reshape(x.shape)

    def add_at(x: Any, index: Any, shape: Any) -> Any:
        zeros = torch.zeros(shape, dtype=x.dtype)
        at = _places(zeros, index).reshape(-1)
        return zeros.reshape(-1).index_add(0, at, x.reshape(-1)).reshape(shape)

    def add_rows(v: Any, x: Any, rows: int) -> Any:
        zeros = torch.zeros((rows, v.shape[-1]), dtype=v.dtype)
        return zeros.index_add(0, torch.as_tensor(x).reshape(-1), v.reshape(-1, v.shape[-1]))

    return {
        "set_item": set_item,
        "add_at": add_at,
        "add_rows": add_rows,
        "constant_pad": lambda x, pad, value: F.pad(
            x, [n for p in pad[::-1] for n in p], value=value
        ),
        "diagonal": torch.diagonal,
        "unfold": lambda x, dimension, size, step: x.unfold(dimension, size, step),
        "as_strided": lambda x, **given: x.contiguous().as_strided(**given),
        "alpha_dropout": lambda x, noise, shift: x * noise + shift,
        "flip": lambda x, dims: x.flip(dims),
        "roll": lambda x, shifts, dims: x.roll(shifts, dims),
        "tril": lambda x, diagonal=0: x.tril(diagonal),
        "triu": lambda x, diagonal=0: x.triu(diagonal),
        "scatter_reduce": lambda x, v, index, reduce, include_self: (
            x.reshape(-1)
            .scatter_reduce(
                0,
                _places(x, index).reshape(-1),
                v.reshape(-1),
                reduce,
                include_self=include_self,
            )
            .reshape(x.shape)
        ),
        "im2_col": lambda x, **given: F.unfold(x, given.pop("kernel"), **given),
        "col2_im": lambda x, size, **given: F.fold(x, size, given.pop("kernel"), **given),
    }


def _places(x: Any, index: Any) -> Any:
    """The flat positions that an index of NumPy's names; NumPy's slices may go backwards."""
    import torch

    if isinstance(index, Flat):
        return torch.as_tensor(index.places)
    return torch.as_tensor(np.array(np.arange(x.numel()).reshape(x.shape)[index]))
