"""Loss functions: how wrong the answer is, as one number.

`formula` is the loss of one element, `local` its slope; `reduction` then makes one number of the
elements: their mean (the sum divided by `count`), their sum, or none.
Cross-entropy over classes has a file of its own, cross_entropy.py.
Formulas and defaults: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.drawing import clash
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.activations import sigmoid
from gobhir.engine.ops.choosing import maximum, where
from gobhir.engine.ops.elementary import abs, exp, log, sign
from gobhir.engine.ops.shapes import expand
from gobhir.lang import say, warn


class Loss(Op, abstract=True):
    """L: (), one number; with reduction="none" one for each element."""

    family = Family.LOSS
    result = "L"
    promotes = True

    def count(p, y, *others, **settings):
        """What reduction="mean" divides by."""
        return math.prod(np.broadcast_shapes(p.shape, y.shape))


def reduced(each, reduction, count):
    """The loss of every element made into one number (or left as they are)."""
    if reduction == "none":
        return each
    if reduction not in ("mean", "sum"):
        raise ValueError(say("errors.loss.reduction", reduction=reduction))
    total = each.sum()
    if reduction == "sum":
        return total
    if not each.size:
        warn(say("errors.loss.empty"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return total / (count if isinstance(count, np.ndarray) else total.dtype.type(count))


def share(d, reduction, count):
    """What one element's loss gets of the gradient d of the whole: the way back of `reduced`."""
    if reduction != "mean":
        return d
    # With nothing to divide among there is no gradient either, not NaN.
    return d / (count + (count == 0))


def together(p, y):
    """Both as they are, after a look at what every loss needs: fitting shapes, real numbers."""
    if p.dtype.kind != "f":
        raise NotImplementedError(say("errors.loss.dtype", dtype=p.dtype))
    try:
        np.broadcast_shapes(p.shape, y.shape)
    except ValueError:
        raise RuntimeError(say("errors.loss.shape", **clash(p.shape, y.shape))) from None
    return p, y


class MSELoss(Loss):
    """(p - y)^2: squared error. p, y: (...), shapes that broadcast."""

    formula = "(p - y)**2"
    local = {"p": "2 * (p - y)", "y": "2 * (y - p)"}

    def forward(p, y, *, reduction="mean"):
        p, y = together(p, y)
        return reduced((p - y) ** 2, reduction, MSELoss.count(p, y))

    def vjp_p(d, out, p, y, *, reduction):
        return share(d, reduction, MSELoss.count(p, y)) * (2 * (p - y))

    def vjp_y(d, out, p, y, *, reduction):
        return share(d, reduction, MSELoss.count(p, y)) * (2 * (y - p))


class L1Loss(Loss):
    """|p - y|: absolute error. p, y: (...), shapes that broadcast."""

    formula = "abs(p - y)"
    local = {"p": "sign(p - y)", "y": "sign(y - p)"}

    def forward(p, y, *, reduction="mean"):
        p, y = together(p, y)
        return reduced(np.abs(p - y), reduction, L1Loss.count(p, y))

    def vjp_p(d, out, p, y, *, reduction):
        return share(d, reduction, L1Loss.count(p, y)) * sign(p - y)

    def vjp_y(d, out, p, y, *, reduction):
        return share(d, reduction, L1Loss.count(p, y)) * sign(y - p)


class HuberLoss(Loss):
    """Squared error near the target, absolute error beyond `delta`: an outlier does not rule.
    p, y: (...), shapes that broadcast.

    Source: Huber, Robust estimation of a location parameter (1964).
    """

    formula = "0.5 * (p - y)**2 if abs(p - y) < delta else delta * (abs(p - y) - 0.5 * delta)"
    local = {
        "p": "p - y if abs(p - y) < delta else delta * sign(p - y)",
        "y": "y - p if abs(p - y) < delta else delta * sign(y - p)",
    }

    def forward(p, y, *, reduction="mean", delta=1.0):
        if delta <= 0:
            raise RuntimeError(say("errors.loss.delta", delta=delta))
        p, y = together(p, y)
        u = np.abs(p - y)
        each = np.where(u < delta, 0.5 * u**2, delta * (u - 0.5 * delta))
        return reduced(each, reduction, HuberLoss.count(p, y))

    def vjp_p(d, out, p, y, *, reduction, delta):
        slope = where(abs(p - y) < delta, p - y, delta * sign(p - y))
        return share(d, reduction, HuberLoss.count(p, y)) * slope

    def vjp_y(d, out, p, y, *, reduction, delta):
        slope = where(abs(p - y) < delta, y - p, delta * sign(y - p))
        return share(d, reduction, HuberLoss.count(p, y)) * slope


class SmoothL1Loss(Loss):
    """HuberLoss divided by its `beta`, so that the slope far away stays 1. beta > 0.
    p, y: (...), shapes that broadcast."""

    formula = "0.5 * (p - y)**2 / beta if abs(p - y) < beta else abs(p - y) - 0.5 * beta"
    local = {
        "p": "(p - y) / beta if abs(p - y) < beta else sign(p - y)",
        "y": "(y - p) / beta if abs(p - y) < beta else sign(y - p)",
    }

    def forward(p, y, *, reduction="mean", beta=1.0):
        if beta <= 0:
            raise RuntimeError(say("errors.loss.beta", beta=beta))
        p, y = together(p, y)
        u = np.abs(p - y)
        each = np.where(u < beta, 0.5 * u**2 / beta, u - 0.5 * beta)
        return reduced(each, reduction, SmoothL1Loss.count(p, y))

    def vjp_p(d, out, p, y, *, reduction, beta):
        slope = where(abs(p - y) < beta, (p - y) / beta, sign(p - y))
        return share(d, reduction, SmoothL1Loss.count(p, y)) * slope

    def vjp_y(d, out, p, y, *, reduction, beta):
        slope = where(abs(p - y) < beta, (y - p) / beta, sign(y - p))
        return share(d, reduction, SmoothL1Loss.count(p, y)) * slope


class BCELoss(Loss):
    """Binary cross-entropy: -ln of the probability p given to what happened, y (0 or 1).

    p, y: (...), of one shape, both between 0 and 1. Logarithms are cut off at -100, as PyTorch
    does, so that a p of exactly 0 or 1 gives a large number instead of infinity.
    """

    formula = "-(y * log(p) + (1 - y) * log(1 - p))"
    local = {"p": "(p - y) / (p * (1 - p))", "y": "log(1 - p) - log(p)"}
    promotes = False
    example = ([[0.2, 0.5, 0.9], [0.0, 1.0, 1.0]], {})

    def forward(p, y, *, reduction="mean"):
        if p.shape != y.shape:
            raise ValueError(say("errors.loss.same_shape", x=p.shape, y=y.shape))
        p, y = together(p, y)
        if p.dtype != y.dtype:
            raise RuntimeError(say("errors.loss.same_dtype", x=p.dtype, y=y.dtype))
        # Written so that NaN is refused too.
        if not ((p >= 0) & (p <= 1)).all():
            raise RuntimeError(say("errors.loss.probability", low=p.min(), high=p.max()))
        if not ((y >= 0) & (y <= 1)).all():
            raise RuntimeError(say("errors.loss.target", low=y.min(), high=y.max()))
        each = -(y * _cut_log(p) + (1 - y) * _cut_log(1 - p))
        return reduced(each, reduction, p.size)

    def vjp_p(d, out, p, y, *, reduction):
        slope = (p - y) / maximum(p * (1 - p), 1e-12)
        return share(d, reduction, BCELoss.count(p, y)) * slope

    def vjp_y(d, out, p, y, *, reduction):
        return share(d, reduction, BCELoss.count(p, y)) * (log(1 - p) - log(p))


def _cut_log(p):
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100)


class BCEWithLogitsLoss(Loss):
    """BCELoss of sigmoid(z), computed from z itself: exact where sigmoid would round to 0 or 1.

    z, y: (...), of one shape; z any number, y usually 0 or 1.
    """

    formula = "y * log(1 + exp(-z)) + (1 - y) * log(1 + exp(z))"
    local = {"z": "sigmoid(z) - y", "y": "-z"}
    example = ([[0.5, -1.2, 2.0], [1.0, 0.0, 0.0]], {})

    def forward(z, y, *, reduction="mean"):
        if z.shape != y.shape:
            raise ValueError(say("errors.loss.same_shape", x=z.shape, y=y.shape))
        z, y = together(z, y)
        # max(z, 0) - z y + log(1 + e^-|z|): the same, and e^... never overflows.
        each = np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))
        return reduced(each, reduction, z.size)

    def vjp_z(d, out, z, y, *, reduction):
        return share(d, reduction, BCEWithLogitsLoss.count(z, y)) * (sigmoid(z) - y)

    def vjp_y(d, out, z, y, *, reduction):
        return share(d, reduction, BCEWithLogitsLoss.count(z, y)) * -z


class WeightedBCEWithLogitsLoss(Loss):
    """BCEWithLogitsLoss in which a missed 1 costs `pos_weight` times as much as a missed 0.

    z, y: (..., classes), of one shape; pos_weight: (classes), or one number for all.
    """

    formula = "pos_weight * y * log(1 + exp(-z)) + (1 - y) * log(1 + exp(z))"
    local = {
        "z": "(1 - y) * sigmoid(z) - pos_weight * y * sigmoid(-z)",
        "y": "pos_weight * log(1 + exp(-z)) - log(1 + exp(z))",
    }
    example = ([[0.5, -1.2, 2.0], [1.0, 0.0, 0.0], [3.0]], {})

    def forward(z, y, pos_weight, *, reduction="mean"):
        if z.shape != y.shape:
            raise ValueError(say("errors.loss.same_shape", x=z.shape, y=y.shape))
        z, y = together(z, y)
        try:
            each = pos_weight * y * _softplus(-z) + (1 - y) * _softplus(z)
        except ValueError:
            shapes = clash(pos_weight.shape, y.shape)
            raise RuntimeError(say("errors.shape.broadcast", op="pos_weight", **shapes)) from None
        return reduced(each, reduction, each.size)

    def vjp_z(d, out, z, y, pos_weight, *, reduction):
        slope = (1 - y) * sigmoid(z) - pos_weight * y * sigmoid(-z)
        return share(d, reduction, math.prod(slope.shape)) * slope

    def vjp_y(d, out, z, y, pos_weight, *, reduction):
        slope = pos_weight * _softplus(-z) - _softplus(z)
        return share(d, reduction, math.prod(slope.shape)) * slope


def _softplus(z):
    """log(1 + e^z) without overflow; of arrays and Tensors."""
    return maximum(z, 0.0) + log(1 + exp(-abs(z)))


class KLDivLoss(Loss):
    """How far the distribution e^s is from the target y: y (ln y - s), and 0 where y is 0.

    s: (...), log-probabilities, as log_softmax gives them; y: (...), probabilities; they broadcast.
    reduction="batchmean", the sum divided by the first size, is the divergence of the textbooks.
    """

    formula = "0 if y == 0 else y * (log(y) - s)"
    local = {"s": "-y", "y": "log(y) + 1 - s"}
    example = ([[-0.5, -1.2, -2.3], [0.7, 0.2, 0.1]], {})

    def count(s, y, *, reduction="mean"):
        shape = np.broadcast_shapes(s.shape, y.shape)
        if reduction == "batchmean":
            return s.shape[0] if s.ndim else 1
        return math.prod(shape)

    def forward(s, y, *, reduction="mean"):
        s, y = together(s, y)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.where(y == 0, 0, y * np.log(y)) - y * s
        return reduced(each, _usual(reduction), KLDivLoss.count(s, y, reduction=reduction))

    def vjp_s(d, out, s, y, *, reduction):
        # -y alone would not have s's shape where y is broadcast.
        slope = expand(-y, shape=np.broadcast_shapes(s.shape, y.shape))
        return share(d, _usual(reduction), KLDivLoss.count(s, y, reduction=reduction)) * slope

    def vjp_y(d, out, s, y, *, reduction):
        slope = log(y) + 1 - s
        return share(d, _usual(reduction), KLDivLoss.count(s, y, reduction=reduction)) * slope


class LogTargetKLDivLoss(Loss):
    """KLDivLoss whose target, too, is given as log-probabilities: e^y (y - s).
    s, y: (...), shapes that broadcast."""

    formula = "exp(y) * (y - s)"
    local = {"s": "-exp(y)", "y": "exp(y) * (y - s + 1)"}
    count = KLDivLoss.count
    example = ([[-0.5, -1.2, -2.3], [-0.4, -1.6, -2.3]], {})

    def forward(s, y, *, reduction="mean"):
        s, y = together(s, y)
        count = KLDivLoss.count(s, y, reduction=reduction)
        return reduced(np.exp(y) * (y - s), _usual(reduction), count)

    def vjp_s(d, out, s, y, *, reduction):
        slope = expand(-exp(y), shape=np.broadcast_shapes(s.shape, y.shape))
        return share(d, _usual(reduction), KLDivLoss.count(s, y, reduction=reduction)) * slope

    def vjp_y(d, out, s, y, *, reduction):
        slope = exp(y) * (y - s + 1)
        return share(d, _usual(reduction), KLDivLoss.count(s, y, reduction=reduction)) * slope


def _usual(reduction):
    return "mean" if reduction == "batchmean" else reduction


mse_loss = function(MSELoss, "mse_loss")
l1_loss = function(L1Loss, "l1_loss")
huber_loss = function(HuberLoss)
smooth_l1_loss = function(SmoothL1Loss, "smooth_l1_loss")
binary_cross_entropy = function(BCELoss, "binary_cross_entropy")
binary_cross_entropy_with_logits = function(BCEWithLogitsLoss, "binary_cross_entropy_with_logits")
weighted_binary_cross_entropy_with_logits = function(WeightedBCEWithLogitsLoss)
kl_div = function(KLDivLoss, "kl_div")
log_target_kl_div = function(LogTargetKLDivLoss)
