"""Losses as modules: the settings are given once, then `loss(prediction, target)`.

What each computes stands in engine/ops/losses.py.
"""

from __future__ import annotations

from gobhir.engine import Tensor
from gobhir.nn import functional as F
from gobhir.nn.module import Module

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "SmoothL1Loss",
]


class _Loss(Module):
    def __init__(self, reduction: str = "mean"):
        super().__init__()
        self.reduction = reduction


class _WeightedLoss(_Loss):
    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, reduction: str = "mean"):
        super().__init__(reduction)
        self.register_buffer("weight", weight)


class MSELoss(_Loss):
    """Mean of (p - y)^2. reduction: "mean", "sum" or "none"."""

    def forward(self, p: Tensor, y: Tensor) -> Tensor:
        return F.mse_loss(p, y, reduction=self.reduction)


class L1Loss(_Loss):
    """Mean of |p - y|. reduction: "mean", "sum" or "none"."""

    def forward(self, p: Tensor, y: Tensor) -> Tensor:
        return F.l1_loss(p, y, reduction=self.reduction)


class HuberLoss(_Loss):
    """Squared error within `delta` of the target, absolute error beyond."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0):
        super().__init__(reduction)
        self.delta = delta

    def forward(self, p: Tensor, y: Tensor) -> Tensor:
        return F.huber_loss(p, y, reduction=self.reduction, delta=self.delta)


class SmoothL1Loss(_Loss):
    """HuberLoss divided by `beta`."""

    def __init__(self, reduction: str = "mean", beta: float = 1.0):
        super().__init__(reduction)
        self.beta = beta

    def forward(self, p: Tensor, y: Tensor) -> Tensor:
        return F.smooth_l1_loss(p, y, reduction=self.reduction, beta=self.beta)


class BCELoss(_WeightedLoss):
    """-ln of the probability p given to what happened, y (0 or 1). weight: broadcasts to p."""

    def forward(self, p: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy(p, y, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """BCELoss of sigmoid(z). weight: broadcasts to z; pos_weight: what a missed 1 costs."""

    weight: Tensor | None
    pos_weight: Tensor | None

    def __init__(
        self,
        weight: Tensor | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ):
        super().__init__(reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(
            z, y, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class CrossEntropyLoss(_WeightedLoss):
    """-ln of the probability that softmax(z) gives to the right class.

    weight: one number a class. ignore_index: a label that does not count. label_smoothing: the
    part of the target that is spread evenly over all classes.
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ):
        super().__init__(weight, reduction)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return F.cross_entropy(
            z,
            y,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class KLDivLoss(_Loss):
    """How far the distribution e^s is from the target. reduction="batchmean" is the divergence
    of the textbooks; log_target: the target too is given as log-probabilities."""

    def __init__(self, reduction: str = "mean", log_target: bool = False):
        super().__init__(reduction)
        self.log_target = log_target

    def forward(self, s: Tensor, y: Tensor) -> Tensor:
        return F.kl_div(s, y, reduction=self.reduction, log_target=self.log_target)
