"""Normalisation layers. What they compute stands in engine/ops/normalisation.py."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from gobhir.engine import Tensor
from gobhir.engine.creation import ones, zeros
from gobhir.engine.inplace import write
from gobhir.lang import say, warn
from gobhir.nn import functional as F
from gobhir.nn import init
from gobhir.nn.module import Module
from gobhir.nn.parameter import Parameter

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
    "SyncBatchNorm",
]


class _Normalisation(Module):
    """weight and bias, or the names without values; they start as 1 and 0."""

    weight: Any
    bias: Any

    def _weigh(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        made = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(ones(shape, **made)) if weight else None)
        self.register_parameter("bias", Parameter(zeros(shape, **made)) if bias else None)

    def reset_parameters(self) -> None:
        """weight to 1, bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self._parameters.get("bias") is not None:
            init.zeros_(self.bias)


class _Running(_Normalisation):
    """Running mean and variance beside weight and bias."""

    ndims: ClassVar[tuple[int, ...]]
    affine: bool
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self._weigh(num_features, affine, affine and bias, device, dtype)
        made = {"device": device, "dtype": dtype}
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, **made) if tracked else None)
        self.register_buffer("running_var", ones(num_features, **made) if tracked else None)
        count = zeros((), dtype=np.int64) if tracked else None
        self.register_buffer("num_batches_tracked", count)

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batch seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Forget the running statistics; weight to 1, bias to 0."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Running):
    def _check(self, input: Tensor) -> None:
        if input.ndim not in self.ndims:
            raise ValueError(say("errors.norm.ndim", x=input.shape, want=_either(self.ndims)))

    def forward(self, input: Tensor) -> Tensor:
        self._check(input)
        momentum: Any = 0.0 if self.momentum is None else self.momentum
        if self.training and self.track_running_stats:
            seen = self.num_batches_tracked
            write(seen, seen.array + 1, "add_")
            if self.momentum is None:  # a plain mean over all batches so far
                momentum = 1.0 / seen.array
        own = self.running_mean is None and self.running_var is None
        kept = not self.training or self.track_running_stats
        return F.batch_norm(
            input,
            self.running_mean if kept else None,
            self.running_var if kept else None,
            self.weight,
            self.bias,
            self.training or own,
            momentum,
            self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """Each channel (or feature) brought to mean 0 and variance 1 over the batch: (N, C) or
    (N, C, L). In use, by the running statistics."""

    ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Each channel brought to mean 0 and variance 1 over the batch: (N, C, H, W)."""

    ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Each channel brought to mean 0 and variance 1 over the batch: (N, C, D, H, W)."""

    ndims = (5,)


class SyncBatchNorm(_BatchNorm):
    """BatchNorm over 2 dimensions or more whose statistics are those of all processes together.
    Gobhir runs in one: here it computes what BatchNorm does, so that programs that name it run."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        settings = (num_features, eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(*settings, bias=bias)
        self.process_group = process_group

    def _check(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(say("errors.norm.dimensions", x=input.shape, want="(N, C, ...)"))

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module with every BatchNorm inside it made a SyncBatchNorm, with its parameters and
        statistics."""
        out = module
        if isinstance(module, _BatchNorm):
            settings = (module.eps, module.momentum, module.affine, module.track_running_stats)
            out = cls(module.num_features, *settings, process_group, bias=module.bias is not None)
            out._parameters, out._buffers = module._parameters, module._buffers
            out.training = module.training
        for name, child in module.named_children():
            out.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return out


class _InstanceNorm(_Running):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        settings = (num_features, eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(*settings, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self.ndims:
            raise ValueError(say("errors.norm.ndim", x=input.shape, want=_either(self.ndims)))
        alone = input.ndim == self.ndims[0]
        x = input.unsqueeze(0) if alone else input
        if x.shape[1] != self.num_features:
            text = say("errors.norm.features", got=x.shape[1], want=self.num_features)
            if self.affine:
                raise ValueError(text)
            warn(text)
        out = F.instance_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or not self.track_running_stats,
            0.0 if self.momentum is None else self.momentum,
            self.eps,
        )
        return out[0] if alone else out


class InstanceNorm1d(_InstanceNorm):
    """Each channel of each example brought to mean 0 and variance 1: (N, C, L) or (C, L)."""

    ndims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Each channel of each image brought to mean 0 and variance 1: (N, C, H, W) or (C, H, W)."""

    ndims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Each channel of each volume brought to mean 0 and variance 1: (N, C, D, H, W)."""

    ndims = (4, 5)


def _either(numbers: tuple[int, ...]) -> str:
    return " / ".join(map(str, numbers))


class LayerNorm(_Normalisation):
    """The last dimensions, of `normalized_shape`, brought to mean 0 and variance 1 together."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        affine = elementwise_affine
        self._weigh(self.normalized_shape, affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}"


class RMSNorm(_Normalisation):
    """The last dimensions, of `normalized_shape`, divided by their root mean square."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.normalized_shape = _as_shape(normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        weight = ones(self.normalized_shape, device=device, dtype=dtype)
        self.register_parameter("weight", Parameter(weight) if elementwise_affine else None)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        affine = f"elementwise_affine={self.elementwise_affine}"
        return f"{self.normalized_shape}, eps={self.eps}, {affine}"


def _as_shape(normalized_shape: Any) -> tuple[int, ...]:
    one = isinstance(normalized_shape, int)
    return (normalized_shape,) if one else tuple(normalized_shape)


class GroupNorm(_Normalisation):
    """Each of num_groups groups of channels of each example brought to mean 0 and variance 1."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            shape = f"(N, {num_channels})"
            raise ValueError(say("errors.norm.groups", x=shape, groups=num_groups))
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        self._weigh(num_channels, affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        settings = f"{self.num_groups}, {self.num_channels}, eps={self.eps}"
        return f"{settings}, affine={self.affine}, bias={self.bias is not None}"


class LocalResponseNorm(Module):
    """Each number divided by a power of the mean square of its neighbouring channels."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
