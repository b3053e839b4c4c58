"""Cross-entropy over classes: -ln of the probability that was given to the right one.

Formula and defaults: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

import math

import numpy as np

from gobhir.engine.apply import function
from gobhir.engine.ops.indexing import outside, plain
from gobhir.engine.ops.losses import Loss, reduced, share
from gobhir.engine.ops.reductions import sum
from gobhir.engine.ops.softmax import LogSoftmax, log_softmax, softmax
from gobhir.lang import say


class CrossEntropyLoss(Loss):
    """-ln of the probability that softmax(z) gives to the right class.

    z: (classes), (N, classes) or (N, classes, d1, ...). y: right classes, z's shape without the
    class dimension; or a probability for each class, z's shape. weight: one number a class.
    In the formula y stands for the distribution asked for (`asked`): 1 for the right class and 0
    for the others, unless smoothed or weighted.
    """

    formula = "-sum(y * (z - log(sum(exp(z)))))"
    local = {"z": "exp(z) / sum(exp(z)) * sum(y) - y", "y": "log(sum(exp(z))) - z"}
    promotes = False
    example = ([[[0.5, -1.2, 2.0], [1.0, 0.4, -0.7]], [2, 1]], {})

    def asked(z, y, weight=None, *, ignore_index=-100, label_smoothing=0.0, **_):
        """How much of each class the target asks for, weights included; z's shape."""
        at = min(z.ndim - 1, 1)
        classes = z.shape[at]
        along = tuple(-1 if i == at else 1 for i in range(z.ndim))
        even = label_smoothing / classes if classes else 0.0
        if y.dtype.kind == "f":
            wish = y * (1 - label_smoothing) + even if label_smoothing else y
        else:
            labels = plain(y).reshape([1 if i == at else n for i, n in enumerate(z.shape)])
            hot = labels == np.arange(classes).reshape(along)
            wish = (hot * (1 - label_smoothing) + even) * (labels != ignore_index)
            wish = wish.astype(z.dtype)
        return wish if weight is None else wish * weight.reshape(along)

    def count(z, y, weight=None, *, ignore_index=-100, **_):
        """What reduction="mean" divides by: the weights of the right classes, added up; with
        probabilities as targets, the number of examples."""
        if y.dtype.kind == "f":
            at = min(z.ndim - 1, 1)
            return math.prod(n for i, n in enumerate(z.shape) if i != at)
        labels = plain(y)
        kept = labels != ignore_index
        if weight is None:
            return kept.sum().astype(z.dtype)
        return np.where(kept, plain(weight)[np.where(kept, labels, 0)], 0).sum()

    def forward(z, y, weight=None, *, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        _check_classes(z, y, weight, ignore_index, label_smoothing)
        options = {"ignore_index": ignore_index, "label_smoothing": label_smoothing}
        at = min(z.ndim - 1, 1)
        if _only_labels(z, y, weight, **options):
            shifted = _below_highest(z, at)
            total = np.exp(shifted).sum(axis=at)
            right = np.take(shifted.reshape(-1), _places(z, y, at))
            return reduced(np.log(total) - right, reduction, y.size)
        asked = CrossEntropyLoss.asked(z, y, weight, **options)
        s = LogSoftmax.forward(z, dim=at)
        # A class that is not asked for adds nothing, even if its probability is 0.
        with np.errstate(invalid="ignore"):
            each = -np.where(asked == 0, 0, asked * s).sum(axis=at)
        return reduced(each, reduction, CrossEntropyLoss.count(z, y, weight, **options))

    def vjp_z(d, out, z, y, weight=None, *, reduction, **options):
        at = min(z.ndim - 1, 1)
        if isinstance(z, np.ndarray) and _only_labels(z, y, weight, **options):
            p = _below_highest(z, at)
            np.exp(p, out=p)
            np.divide(p, p.sum(axis=at, keepdims=True), out=p)
            one = np.ones((), z.dtype)  # of another dtype it would take ufunc.at's slow loop
            np.subtract.at(p.reshape(-1), _places(z, y, at).reshape(-1), one)
            return np.multiply(p, _along_classes(d, z, at, reduction, y.size), out=p)
        asked = CrossEntropyLoss.asked(z, y, weight, **options)
        d = _along_classes(d, z, at, reduction, CrossEntropyLoss.count(z, y, weight, **options))
        return d * (softmax(z, dim=at) * sum(asked, dim=at, keepdim=True) - asked)

    def vjp_y(d, out, z, y, weight=None, *, reduction, **options):
        at = min(z.ndim - 1, 1)
        d = _along_classes(d, z, at, reduction, CrossEntropyLoss.count(z, y, weight, **options))
        slope = log_softmax(z, dim=at) * (options["label_smoothing"] - 1)
        if weight is not None:
            slope = slope * weight.reshape(tuple(-1 if i == at else 1 for i in range(z.ndim)))
        return d * slope


def _only_labels(z, y, weight, *, ignore_index, label_smoothing):
    """The usual case: class numbers, all of which count, and count alike."""
    if y.dtype.kind == "f" or weight is not None or label_smoothing:
        return False
    classes = z.shape[min(z.ndim - 1, 1)]
    if not 0 <= ignore_index < classes:
        return not outside(y, classes).any()
    return not (y == ignore_index).any()


def _below_highest(z, at):
    """z less its largest number along the classes, row by row in new memory."""
    top = z.max(axis=at, keepdims=True, initial=-np.inf)
    return np.subtract(z, top, out=np.empty(z.shape, z.dtype))


def _places(z, y, at):
    """Where the numbers of the right classes lie in z's memory, row by row; y's shape."""
    inner = math.prod(z.shape[at + 1 :])
    rows = np.arange(y.size).reshape(y.shape)
    if inner == 1:
        return rows * z.shape[at] + y
    outer, within = np.divmod(rows, inner)
    return (outer * z.shape[at] + y) * inner + within


def _along_classes(d, z, at, reduction, count):
    d = share(d, reduction, count)
    if reduction != "none":
        return d
    return d.reshape(tuple(1 if i == at else n for i, n in enumerate(z.shape)))


def _check_classes(z, y, weight, ignore_index, label_smoothing):
    if z.dtype.kind != "f" or not z.ndim:
        raise NotImplementedError(say("errors.loss.logits", dtype=z.dtype, shape=z.shape))
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(say("errors.loss.smoothing", value=label_smoothing))
    if y.shape == z.shape and y.dtype.kind == "f":
        _check_weight(z, weight)
        return
    if y.shape == z.shape and z.ndim > 1:
        raise RuntimeError(say("errors.loss.soft_dtype", dtype=y.dtype))
    check_labels(z, y, weight, ignore_index)


def _check_weight(z, weight):
    classes = z.shape[min(z.ndim - 1, 1)]
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(say("errors.loss.class_weight", classes=classes, got=weight.shape))
    if weight is not None and weight.dtype != z.dtype:
        raise RuntimeError(say("errors.loss.same_dtype", x=z.dtype, y=weight.dtype))


def check_labels(z, y, weight, ignore_index):
    """Errors where the class numbers y or the classes' weights do not fit the scores z."""
    _check_weight(z, weight)
    at = min(z.ndim - 1, 1)
    classes, want = z.shape[at], z.shape[:at] + z.shape[at + 1 :]
    if y.shape != want and not (z.ndim == 1 and y.shape == (1,)):
        raise (RuntimeError if y.shape[:1] == want[:1] else ValueError)(
            say("errors.loss.labels_shape", x=z.shape, y=y.shape, want=want)
        )
    if y.dtype not in (np.int64, np.uint8):
        raise RuntimeError(say("errors.loss.labels_dtype", dtype=y.dtype))
    if not outside(y, classes).any():
        return
    wrong = (y != ignore_index) & ((y < 0) | (y >= classes))
    if wrong.any():
        value, last = y[wrong].flat[0], classes - 1
        raise IndexError(say("errors.loss.label", label=value, last=last, classes=classes))


cross_entropy = function(CrossEntropyLoss)
