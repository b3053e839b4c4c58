"""Losses with a margin: what is right by more than the margin costs nothing more.

`formula`, `local` and `reduction` as in losses.py. y is 1 or -1.
Formulas: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.activations import sigmoid
from gobhir.engine.ops.choosing import where
from gobhir.engine.ops.losses import Loss, reduced, share, together


class HingeEmbeddingLoss(Loss):
    """x where y is 1 (x is the distance of a pair that belongs together), and how much x falls
    short of the margin where y is -1. x, y: (...), shapes that broadcast."""

    formula = "x if y == 1 else max(0, margin - x)"
    local = {"x": "1 if y == 1 else (-1 if x <= margin else 0)"}
    example = ([[0.5, 0.3, 2.0], [1.0, -1.0, -1.0]], {})

    def forward(x, y, *, margin=1.0, reduction="mean"):
        x, y = together(x, y)
        each = np.where(y != 1, np.maximum(margin - x, 0), 0) + np.where(y != -1, x, 0)
        each = each.astype(x.dtype)
        return reduced(each, reduction, each.size)

    def vjp_x(d, out, x, y, *, margin, reduction):
        d = share(d, reduction, math.prod(np.broadcast_shapes(x.shape, y.shape)))
        short = where(margin - x >= 0, d, 0.0)
        return where(y != -1, d, 0.0) - where(y != 1, short, 0.0)


class SoftMarginLoss(Loss):
    """ln(1 + e^(-y x)): small where x has the sign of y. x, y: (...), shapes that broadcast."""

    formula = "log(1 + exp(-y * x))"
    local = {"x": "-y * sigmoid(-y * x)"}
    example = ([[0.5, -1.2, 2.0], [1.0, -1.0, -1.0]], {})

    def forward(x, y, *, reduction="mean"):
        x, y = together(x, y)
        z = -y * x
        # max(z, 0) + ln(1 + e^-|z|): the same, and e^... never overflows.
        each = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
        return reduced(each, reduction, each.size)

    def vjp_x(d, out, x, y, *, reduction):
        slope = -y * sigmoid(-y * x)
        return share(d, reduction, math.prod(slope.shape)) * slope


class MarginRankingLoss(Loss):
    """How much is missing to x1 being larger (y = 1) or smaller (y = -1) than x2 by the margin.
    x1, x2, y: (...), shapes that broadcast."""

    formula = "max(0, margin - y * (x1 - x2))"
    local = {
        "x1": "-y if margin - y * (x1 - x2) >= 0 else 0",
        "x2": "y if margin - y * (x1 - x2) >= 0 else 0",
        "y": "x2 - x1 if margin - y * (x1 - x2) >= 0 else 0",
    }
    example = ([[0.5, 0.3, 2.0], [0.4, 1.0, 0.7], [1.0, 1.0, -1.0]], {"margin": 0.5})

    def forward(x1, x2, y, *, margin=0.0, reduction="mean"):
        gap = np.subtract(*together(x1, x2))
        each = np.maximum(margin - np.multiply(*together(gap, y)), 0)
        return reduced(each, reduction, each.size)

    def vjp_x1(d, out, x1, x2, y, *, margin, reduction):
        return -y * _missing(d, x1, x2, y, margin, reduction)

    def vjp_x2(d, out, x1, x2, y, *, margin, reduction):
        return y * _missing(d, x1, x2, y, margin, reduction)

    def vjp_y(d, out, x1, x2, y, *, margin, reduction):
        return (x2 - x1) * _missing(d, x1, x2, y, margin, reduction)


def _missing(d, x1, x2, y, margin, reduction):
    """The gradient where something is missing, 0 elsewhere."""
    missing = margin - y * (x1 - x2)
    return where(missing >= 0, share(d, reduction, math.prod(missing.shape)), 0.0)


hinge_embedding_loss = function(HingeEmbeddingLoss, "hinge_embedding_loss")
soft_margin_loss = function(SoftMarginLoss, "soft_margin_loss")
margin_ranking_loss = function(MarginRankingLoss, "margin_ranking_loss")
