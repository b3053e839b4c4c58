"""The losses over classes, cross-entropy and nll_loss: minus the logarithm of the probability
that was given to the right class, with all that may be asked of it: weights of the classes,
smoothed labels, labels that do not count, probabilities as targets.

A target comes in one of two forms. *Labels* pick one probability an example; `Labels` knows where
they stand. *Shares* (a probability for each class, or smoothed labels) ask for something of every
class, and every class adds its part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from gobhir.derivation.arrays import SumOver
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Index,
    Name,
    Negative,
    Product,
    Sum,
    Sym,
    number,
)
from gobhir.derivation.formula import product, tidy
from gobhir.derivation.places import Rearranged
from gobhir.derivation.step import Count, Say
from gobhir.engine.tape import Record
from gobhir.explain.rules.use import Use

OPS = {"cross_entropy_loss", "nll_loss"}


@dataclass(frozen=True)
class Labels:
    """The right classes. at: the axis of the classes in the scores; kept: which labels count;
    where: their flat positions in the scores. All but `at` have the labels' shape."""

    labels: np.ndarray
    kept: np.ndarray
    where: np.ndarray
    at: int


def labels_of(scores: np.ndarray, labels: np.ndarray, ignored: int) -> Labels:
    at = min(scores.ndim - 1, 1)
    shape = scores.shape[:at] + scores.shape[at + 1 :]
    labels = labels.reshape(shape)
    kept = labels != ignored
    safe = np.where(kept, labels, 0)
    flat = np.arange(scores.size).reshape(scores.shape)
    where = np.take_along_axis(flat, np.expand_dims(safe, at), at).reshape(shape)
    return Labels(safe, kept, where, at)


def loss(use: Use) -> Expr | None:
    """The whole loss, over the probabilities `use.helper` (or, for nll_loss, over their
    logarithms, the operand itself)."""
    if _by_shares(use):
        return _of_shares(use)
    found, weight = _labels(use), _weight(use)
    kept = found.kept.ravel()
    if not kept.any():
        return None
    single = found.where.size == 1
    if _reduction(use) == "none" and not single:
        out = _of_label(use, _as_shown(found.where, use), _as_shown(found.labels, use))
        if not kept.all():
            rest = np.where(kept, np.arange(kept.size), -1).reshape(out.shape)
            out = Rearranged(out, "", rest)
        return out
    where, labels = found.where.ravel()[kept], found.labels.ravel()[kept]
    if single:
        where, labels = where.reshape(()), labels.reshape(())
    each = _of_label(use, where, labels)
    summed = SumOver(each, (0,)) if each.shape else each
    if _reduction(use) != "mean":
        return summed
    if weight is not None:
        weights = _picked(weight, labels)
        return Fraction(summed, SumOver(weights, (0,)) if weights.shape else weights)
    return tidy(Fraction(summed, number(where.size)))


def loss_pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What the scores receive (or, of shares, the target)."""
    if i == 1 and _by_shares(use):
        return _pull_target(use, c)
    if i != 0:
        return None
    if _by_shares(use):
        wish, given = use.asked or use.operands[1], use.helper
        assert given is not None
        sums = asked_exactly(use).sum(min(use.arrays[0].ndim - 1, 1))
        scaled = product((given, SumOver(wish, (_class_axis(use),), keepdims=True)))
        all_one = bool(np.allclose(sums, 1, rtol=0, atol=1e-12))
        out: Expr = Sum((given if all_one else scaled, Negative(wish)))
    else:
        found, weight = _labels(use), _weight(use)
        hot = _hot(use, found)
        out = Negative(hot)
        if use.helper is not None:
            out = Sum((_kept_only(use.helper, found, use), out))
        if weight is not None:
            column = _column(_picked(weight, _as_shown(found.labels, use)), use)
            out = Product((column, out))
    n = _count(use)
    if n is not None:
        out = Fraction(out, n)
    return tidy(product((_column(c, use), out)))


# -- labels ----


def _labels(use: Use) -> Labels:
    ignored = use.record.settings.get("ignore_index", -100)
    return labels_of(use.arrays[0], np.asarray(use.arrays[1]), ignored)


def _of_label(use: Use, where: np.ndarray, labels: np.ndarray) -> Expr:
    """-ln p of the right class, times that class's weight."""
    weight = _weight(use)
    if use.helper is not None:
        log: Expr = Function("log", (_picked(use.helper, where),))
    else:
        log = _picked(use.operands[0], where)
    return Negative(log if weight is None else product((_picked(weight, labels), log)))


def _picked(e: Expr, where: np.ndarray) -> Expr:
    """Some elements of e, by their flat positions; one alone by its own name."""
    if not e.shape:
        return e
    if where.shape:
        return Rearranged(e, "", where)
    return e.at(tuple(int(i) for i in np.unravel_index(int(where), e.shape)))


def _hot(use: Use, found: Labels) -> Sym:
    """1 for the right class and 0 for the others, laid out like the scores."""
    hot = np.full(use.arrays[0].size, Decimal(0), object)
    hot[found.where[found.kept].ravel()] = Decimal(1)
    shape = _scores(use).shape
    return Sym(
        Name("Y", element="y") if len(shape) > 1 else Name("y"),
        hot.reshape(shape) if shape else hot[0],
    )


def _kept_only(e: Expr, found: Labels, use: Use) -> Expr:
    """e, with zeros where a label does not count."""
    if found.kept.all():
        return e
    kept = np.broadcast_to(np.expand_dims(found.kept, found.at), use.arrays[0].shape).ravel()
    return Rearranged(e, "", np.where(kept, np.arange(kept.size), -1).reshape(e.shape))


# -- shares ----


def _by_shares(use: Use) -> bool:
    return use.arrays[1].dtype.kind == "f" or bool(use.record.settings.get("label_smoothing", 0.0))


def asked(use: Use) -> Expr | None:
    """How much of each class smoothed or weighted targets ask for; nothing where a label does not
    count. None for targets that ask for just what they say."""
    smoothing = use.record.settings.get("label_smoothing", 0.0)
    weight = _weight(use)
    if not _by_shares(use) or not (smoothing or weight is not None):
        return None
    probabilities = use.arrays[1].dtype.kind == "f"
    share: Expr = use.operands[1] if probabilities else _hot(use, _labels(use))
    if smoothing:
        epsilon = Sym(Name("epsilon"), Decimal(str(smoothing)))
        less = Sum((number(1), Negative(epsilon)))
        share = Sum((Product((less, share)), Fraction(epsilon, number(_classes(use)))))
    if not probabilities:
        share = _kept_only(share, _labels(use), use)
    if weight is None:
        return share
    across = np.arange(_classes(use)).reshape(-1, *(1,) * (len(share.shape) - 1 - _class_axis(use)))
    return product((weight if across.ndim == 1 else Rearranged(weight, "", across), share))


def asked_exactly(use: Use) -> np.ndarray:
    """The same as the engine has it."""
    z, y = use.arrays[:2]
    weight = use.arrays[2] if len(use.arrays) > 2 else None
    options = {k: v for k, v in use.record.settings.items() if k != "reduction"}
    return np.asarray(use.record.op.asked(z, y, weight, **options))  # type: ignore[attr-defined]


def _of_shares(use: Use) -> Expr:
    assert use.helper is not None
    terms = product((use.asked or use.operands[1], Function("log", (use.helper,))))
    every = _reduction(use) != "none"
    axes = tuple(range(len(terms.shape))) if every else (_class_axis(use),)
    out: Expr = Negative(SumOver(terms, axes))
    n = _count(use)
    return out if n is None else Fraction(out, n)


def _pull_target(use: Use, c: Expr) -> Expr | None:
    if use.helper is None:
        return None
    factors: list[Expr] = [_column(c, use)]
    smoothing = use.record.settings.get("label_smoothing", 0.0)
    if smoothing:
        factors.append(number(1 - Decimal(str(smoothing))))
    weight = _weight(use)
    factors += [] if weight is None else [weight]
    out: Expr = Negative(product((*factors, Function("log", (use.helper,)))))
    n = _count(use)
    return tidy(out if n is None else Fraction(out, n))


# -- both ----


def _weight(use: Use) -> Expr | None:
    return use.operands[2] if len(use.operands) > 2 else None


def _reduction(use: Use) -> str:
    return use.record.settings.get("reduction", "mean")


def _scores(use: Use) -> Expr:
    return use.operands[0]


def _classes(use: Use) -> int:
    z = use.arrays[0]
    return z.shape[min(z.ndim - 1, 1)]


def _class_axis(use: Use) -> int:
    """The axis of the classes as the page shows the scores (a batch of one is not counted)."""
    z = use.arrays[0]
    return min(z.ndim - 1, 1) - (z.ndim - len(_scores(use).shape))


def _as_shown(a: np.ndarray, use: Use) -> np.ndarray:
    """One number an example, as the page shows it."""
    shape, at = _scores(use).shape, _class_axis(use)
    return a.reshape(shape[:at] + shape[at + 1 :])


def _column(e: Expr, use: Use) -> Expr:
    """One number an example, set beside all the classes of the example."""
    shape, at = _scores(use).shape, _class_axis(use)
    if not e.shape or at == 0:
        return e
    column = (*shape[:at], 1, *shape[at + 1 :])
    return Rearranged(e, "", np.arange(math.prod(column)).reshape(column))


def _count(use: Use) -> Expr | None:
    """What the mean divides by; None for other reductions, and where it is 1."""
    if _reduction(use) != "mean":
        return None
    n: Expr
    if use.arrays[1].dtype.kind == "f":
        n = number(use.arrays[0].size // _classes(use))
    else:
        found, weight = _labels(use), _weight(use)
        kept = found.kept.ravel()
        if weight is not None:
            single = found.where.size == 1
            labels = found.labels.ravel()[kept]
            weights = _picked(weight, labels.reshape(()) if single else labels)
            return SumOver(weights, (0,)) if weights.shape else weights
        n = number(int(kept.sum()))
    return None if n.value == 1 else n


def shown(record: Record, shape: tuple[int, ...]) -> Index:
    """Whose probability the page works out in full: the first right class that counts; of shares,
    the class that is asked for most. shape: of the probabilities on the page."""
    z, y = record.inputs[0].array, record.inputs[1].array
    if y.dtype.kind == "f":
        where = int(np.argmax(y))
    else:
        found = labels_of(z, y, record.settings.get("ignore_index", -100))
        where = int(found.where[found.kept][0]) if found.kept.any() else 0
    return tuple(int(i) for i in np.unravel_index(where, shape)) if shape else ()


def told(record: Record) -> list[Say]:
    """What a teacher says before the line: which options there are, and what is averaged."""
    z, y = record.inputs[0].array, record.inputs[1].array
    settings = record.settings
    weighted = len(record.inputs) > 2 and record.inputs[2] is not None
    out: list[Say] = []
    count = z.size // z.shape[min(z.ndim - 1, 1)]
    if y.dtype.kind == "f":
        out.append(Say("rules.classes.shares"))
    else:
        if not settings.get("label_smoothing", 0.0):
            out.append(Say("rules.loss.cross_entropy"))
        kept = int((y != settings.get("ignore_index", -100)).sum())
        if kept < count:
            ignored = {"count": Count(count - kept), "label": str(settings["ignore_index"])}
            out.append(Say("rules.classes.ignored", ignored))
        count = kept
    if settings.get("label_smoothing", 0.0):
        out.append(Say("rules.classes.smoothed", {"epsilon": f"{settings['label_smoothing']:g}"}))
    if weighted:
        out.append(Say("rules.classes.weighted"))
    reduction = settings.get("reduction", "mean")
    if weighted and reduction == "mean" and y.dtype.kind != "f":
        out.append(Say("rules.classes.weighted_mean"))
    elif count > 1:
        out.append(Say(f"rules.reduction.{reduction}", {"count": Count(count)}))
    return out
