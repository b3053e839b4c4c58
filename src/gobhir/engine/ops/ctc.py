"""Connectionist temporal classification: a sequence of labels read out of a longer sequence of
scores, wherever in it the labels stand.

Source: Graves et al., Connectionist temporal classification (2006), sections 3 and 4; gradient
and reductions as in https://docs.pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html
"""

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.op import Family, Op
from gobhir.engine.ops.losses import reduced
from gobhir.engine.ops.no_slope import no_slope
from gobhir.engine.tensor import Tensor
from gobhir.lang import say


class CTCLoss(Op):
    """Minus the log-probability of the labels, over all ways of placing them in time: blanks may
    stand between them, and a label may last for several steps.

    s: log-probabilities (T, N, classes). y: labels (N, S), each row filled up to the same length.
    steps, lengths: (N), how much of each sequence counts. The mean divides by each length first.
    As PyTorch does, the gradient takes s for the result of log_softmax: it is e^s less the
    probability with which each class stands at each step, given the labels.
    """

    family = Family.LOSS
    formula = "-log(sum(exp(alpha[steps - 1])))"
    result = "L"
    example = (
        [
            np.log([[[0.6, 0.4]], [[0.3, 0.7]], [[0.5, 0.5]]]),
            np.array([[1]]),
            np.array([3]),
            np.array([1]),
        ],
        {},
    )

    def forward(s, y, steps, lengths, *, blank=0, reduction="mean", zero_infinity=False):
        loss = _nll(_alpha(*_table(s, y, blank)), steps, lengths)
        if zero_infinity:
            loss = np.where(np.isposinf(loss), 0, loss)
        if reduction == "mean":
            loss = loss / np.maximum(lengths, 1)
        return reduced(loss.astype(s.dtype), reduction, len(loss))

    def vjp_s(d, out, s, y, steps, lengths, *, blank, reduction, zero_infinity):
        if isinstance(s, Tensor):
            options = {"blank": blank, "reduction": reduction, "zero_infinity": zero_infinity}
            arrays = [getattr(v, "array", v) for v in (d, out, s, y, steps, lengths)]
            grad = Tensor._wrap(CTCLoss.vjp_s(*arrays, **options))
            return grad + no_slope(s, why=say("errors.loss.ctc_twice"))
        labels, (T, N, C) = _labels(y, blank), s.shape
        scores, skip = _table(s, y, blank)
        alpha, beta = _alpha(scores, skip), _beta(scores, skip, steps, lengths)
        nll = _nll(alpha, steps, lengths)
        with np.errstate(all="ignore"):
            there = np.exp(alpha + beta - scores + nll[:, None])
        there = np.where(np.isneginf(alpha) | np.isneginf(beta), 0, there)
        of_label = labels[:, :, None] == np.arange(C)
        share = np.matmul(there.transpose(1, 0, 2), of_label.astype(s.dtype)).transpose(1, 0, 2)
        grad = np.exp(s) - share
        counts = np.arange(T)[:, None] < steps
        lost = np.isposinf(nll)
        if zero_infinity:
            counts = counts & ~lost
        else:
            grad = np.where(lost[:, None], np.nan, grad)
        d = d / np.maximum(lengths, 1).astype(s.dtype) / N if reduction == "mean" else d
        each = np.broadcast_to(d, (N,))[:, None]
        return np.where(counts[:, :, None], grad * each, 0).astype(s.dtype)


def _labels(y, blank):
    """The labels with a blank before, between and after them: (N, 2 S + 1)."""
    labels = np.full((len(y), 2 * y.shape[1] + 1), blank)
    labels[:, 1::2] = y
    return labels


def _table(s, y, blank):
    """The score of every label at every step, (T, N, 2 S + 1), and 0 where a label may follow
    the last but one, else -inf: it must be no blank, and another one."""
    labels = _labels(y, blank)
    skip = np.full(labels.shape, -np.inf, s.dtype)
    skip[:, 2:][(labels[:, 2:] != blank) & (labels[:, 2:] != labels[:, :-2])] = 0
    return s[:, np.arange(len(y))[:, None], labels], skip


def _alpha(scores, skip):
    """ln of the probability of all ways that begin at the beginning and stand at a label at a
    step: equation 6 of the paper, in logarithms."""
    steps, N, count = scores.shape
    # Two labels in front, where nobody ever stands, so that every label has two before it.
    alpha = np.full((steps, N, count + 2), -np.inf, scores.dtype)
    alpha[:1, :, 2:4] = scores[:1, :, :2]
    for t in range(1, steps):
        before = alpha[t - 1]
        stays_or_moves = np.logaddexp(before[:, 2:], before[:, 1:-1])
        alpha[t, :, 2:] = scores[t] + np.logaddexp(stays_or_moves, before[:, :-2] + skip)
    return alpha[:, :, 2:]


def _beta(scores, skip, steps, lengths):
    """The same from the end: equation 10."""
    count = scores.shape[2]
    beta = np.full((*scores.shape[:2], count + 2), -np.inf, scores.dtype)
    place = np.arange(count)
    last = (place == 2 * lengths[:, None]) | (place == 2 * lengths[:, None] - 1)
    may = np.full((len(skip), count), -np.inf, scores.dtype)
    may[:, :-2] = skip[:, 2:]
    for t in reversed(range(len(scores))):
        ends = (steps - 1 == t)[:, None]
        now = np.where(ends & last, scores[t], -np.inf)
        if t + 1 < len(scores):
            after = beta[t + 1]
            stays_or_moves = np.logaddexp(after[:, :-2], after[:, 1:-1])
            further = scores[t] + np.logaddexp(stays_or_moves, after[:, 2:] + may)
            now = np.where(ends, now, further)
        beta[t, :, :-2] = now
    return beta[:, :, :-2]


def _nll(alpha, steps, lengths):
    """Minus ln of the probability of the labels of each sequence. Without any step there is only
    the empty sequence of labels."""
    which = np.arange(len(steps))
    at = alpha[np.maximum(steps - 1, 0), which] if len(alpha) else alpha.sum(0)
    end = at[which, 2 * lengths]
    before = np.where(lengths > 0, at[which, np.maximum(2 * lengths - 1, 0)], -np.inf)
    empty = np.where(lengths == 0, 0, np.inf)
    return np.where(steps == 0, empty, -np.logaddexp(end, before)).astype(alpha.dtype)


ctc_loss = function(CTCLoss, "ctc_loss")
