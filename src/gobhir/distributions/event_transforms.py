"""Transforms of whole events: shares of a stick, other shapes; and one that asks a distribution."""

from __future__ import annotations

from typing import Any

from gobhir.distributions.transforms import Transform
from gobhir.engine import Tensor
from gobhir.engine.creation import arange
from gobhir.engine.dtypes import finfo
from gobhir.engine.size import Size
from gobhir.lang import say
from gobhir.nn.functional import logsigmoid, pad

__all__ = ["CumulativeDistributionTransform", "ReshapeTransform", "StickBreakingTransform"]


class StickBreakingTransform(Transform):
    """k numbers to k + 1 shares that add up to 1: each says by its sigmoid how much to break off
    what is left of a stick. Moved so that zeros break it into equal parts."""

    event_dim = 1

    def _call(self, x: Tensor) -> Tensor:
        part = (x - self._offset(x).log()).sigmoid()
        limits = finfo(x.dtype)
        part = part.clamp(min=limits.tiny, max=1 - limits.eps)
        return pad(part, [0, 1], value=1) * pad((1 - part).cumprod(-1), [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        broken = y[..., :-1]
        left = (1 - broken.cumsum(-1)).clamp(min=finfo(y.dtype).tiny)
        return broken.log() - left.log() + self._offset(broken).log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        x = x - self._offset(x).log()
        return (y[..., :-1].log() + logsigmoid(x) - x).sum(-1)

    @staticmethod
    def _offset(x: Tensor) -> Tensor:
        """k, k - 1, ..., 1: how many parts come after each."""
        return arange(x.shape[-1], 0, -1, dtype=x.dtype)

    def forward_shape(self, shape: Any) -> Any:
        return Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape: Any) -> Any:
        return Size((*shape[:-1], shape[-1] - 1))


class ReshapeTransform(Transform):
    """Events of in_shape as events of out_shape, of as many numbers."""

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError(say("errors.shape.reshape", x=self.in_shape, shape=self.out_shape))
        self.event_dim, self.out_dim = len(self.in_shape), len(self.out_shape)

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        return self._turned(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        return self._turned(shape, self.out_shape, self.in_shape)

    @staticmethod
    def _turned(shape: Any, old: Size, new: Size) -> Size:
        cut = len(shape) - len(old)
        if cut < 0 or tuple(shape[cut:]) != tuple(old):
            raise ValueError(say("errors.distributions.event", got=tuple(shape), want=tuple(old)))
        return Size((*shape[:cut], *new))


class CumulativeDistributionTransform(Transform):
    """y = distribution.cdf(x): numbers of the distribution become even ones from 0 to 1."""

    def __init__(self, distribution: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.distribution = distribution

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distribution.log_prob(x)
