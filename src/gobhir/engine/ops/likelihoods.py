"""Losses that are the negative logarithm of a probability: of a class, a count, a measurement.

`formula`, `local` and `reduction` as in losses.py.
Formulas: https://docs.pytorch.org/docs/stable/nn.html#loss-functions
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.choosing import maximum, where
from gobhir.engine.ops.cross_entropy import check_labels
from gobhir.engine.ops.elementary import exp, log
from gobhir.engine.ops.indexing import plain
from gobhir.engine.ops.losses import Loss, reduced, share, together
from gobhir.lang import say


class NLLLoss(Loss):
    """Minus the log-probability of the right class, times the weight of that class.

    s: log-probabilities, (classes), (N, classes) or (N, classes, d1, ...). y: right classes, s's
    shape without the class dimension. weight: one number a class. The mean divides by the weights
    of the right classes, added up.
    """

    formula = "-weight_y * s_y"
    local = {"s": "-weight_y"}
    promotes = False
    example = ([np.log([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]), np.array([0, 2]), None], {})

    def forward(s, y, weight=None, *, ignore_index=-100, reduction="mean"):
        if s.dtype.kind != "f":
            raise NotImplementedError(say("errors.loss.dtype", dtype=s.dtype))
        if not s.ndim:
            raise ValueError(say("errors.loss.logits", dtype=s.dtype, shape=s.shape))
        check_labels(s, y, weight, ignore_index)
        at = min(s.ndim - 1, 1)
        places, w = _right(s, y, weight, ignore_index, at)
        each = (-np.take_along_axis(s, places, at) * w).reshape(y.shape)
        if s.ndim == 1:
            each = each.reshape(())
        # Rows that do not count are 0, whatever stands there.
        each = np.where(w.reshape(each.shape) == 0, 0, each).astype(s.dtype)
        return reduced(each, reduction, w.sum())

    def vjp_s(d, out, s, y, weight=None, *, ignore_index, reduction):
        at = min(s.ndim - 1, 1)
        labels, w = (plain(a) for a in (y, weight))
        places, w = _right(s, labels, w, ignore_index, at)
        slope = np.zeros(s.shape, s.dtype)
        np.put_along_axis(slope, places, -w, at)
        d = share(d, reduction, w.sum())
        return (d.reshape(w.shape) if reduction == "none" else d) * slope


def _right(s, y, weight, ignore_index, at):
    """The right classes, and what each counts (0 for ignore_index), with a dimension of size 1
    where s has the classes."""
    labels = y.reshape(tuple(1 if i == at else n for i, n in enumerate(s.shape)))
    kept = labels != ignore_index
    places = np.where(kept, labels, 0).astype(np.int64)
    each = kept.astype(s.dtype)
    return places, each if weight is None else each * weight[places]


class PoissonNLLLoss(Loss):
    """Minus the log-probability of the count y where e^x (or x) are expected, without what does
    not depend on x: e^x - y x, or x - y ln(x + eps).

    full: with Stirling's approximation of ln(y!) for y > 1. x, y: (...), shapes that broadcast.
    """

    formula = (
        "(exp(x) - y * x if log_input else x - y * log(x + eps))"
        " + (y * log(y) - y + log(2 * pi * y) / 2 if full and y > 1 else 0)"
    )
    local = {
        "x": "exp(x) - y if log_input else 1 - y / (x + eps)",
        "y": "(-x if log_input else -log(x + eps)) + (log(y) + 0.5 / y if full and y > 1 else 0)",
    }
    example = ([[0.5, -1.2, 1.0], [2.0, 0.0, 3.0]], {})

    def forward(x, y, *, log_input=True, full=False, eps=1e-8, reduction="mean"):
        x, y = together(x, y)
        with np.errstate(all="ignore"):
            each = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
            if full:
                stirling = y * np.log(y) - y + 0.5 * np.log(2 * math.pi * y)
                each = each + np.where(y > 1, stirling, 0)
        return reduced(each, reduction, each.size)

    def vjp_x(d, out, x, y, *, log_input, full, eps, reduction):
        slope = exp(x) - y if log_input else 1 - y / (x + eps)
        return share(d, reduction, math.prod(slope.shape)) * slope

    def vjp_y(d, out, x, y, *, log_input, full, eps, reduction):
        slope = 0 * y - (x if log_input else log(x + eps))
        if full:
            large = y > 1
            known = where(large, y, 1.0)
            slope = slope + where(large, log(known) + 0.5 / known, 0.0)
        return share(d, reduction, math.prod(slope.shape)) * slope


class GaussianNLLLoss(Loss):
    """Minus the log-probability of y under a normal distribution of mean p and variance var:
    (ln var + (p - y)^2 / var) / 2, and with `full` ln(2 pi) / 2 more. A variance below eps counts
    as eps. p, y, var: (...), shapes that broadcast."""

    formula = (
        "(log(max(var, eps)) + (p - y)**2 / max(var, eps)) / 2 + (log(2 * pi) / 2 if full else 0)"
    )
    local = {
        "p": "(p - y) / max(var, eps)",
        "y": "(y - p) / max(var, eps)",
        "var": "0.5 * (1 - (p - y)**2 / max(var, eps)) / max(var, eps)",
    }
    example = ([[0.5, -1.2, 2.0], [1.5, 0.4, -0.7], [0.5, 1.0, 2.0]], {})

    def forward(p, y, var, *, full=False, eps=1e-6, reduction="mean"):
        p, y = together(p, y)
        var = np.maximum(var, eps)
        each = 0.5 * (np.log(var) + (p - y) ** 2 / var)
        if full:
            each = each + 0.5 * math.log(2 * math.pi)
        return reduced(each, reduction, each.size)

    def vjp_p(d, out, p, y, var, *, full, eps, reduction):
        slope = (p - y) / maximum(var, eps)
        return share(d, reduction, math.prod(slope.shape)) * slope

    def vjp_y(d, out, p, y, var, *, full, eps, reduction):
        slope = (y - p) / maximum(var, eps)
        return share(d, reduction, math.prod(slope.shape)) * slope

    def vjp_var(d, out, p, y, var, *, full, eps, reduction):
        var = maximum(var, eps)
        slope = 0.5 * (1 - (p - y) ** 2 / var) / var
        return share(d, reduction, math.prod(slope.shape)) * slope


nll_loss = function(NLLLoss, "nll_loss")
poisson_nll_loss = function(PoissonNLLLoss, "poisson_nll_loss")
gaussian_nll_loss = function(GaussianNLLLoss, "gaussian_nll_loss")
