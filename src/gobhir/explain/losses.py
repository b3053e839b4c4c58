"""The rule of the family "loss": the formula per element, summed or averaged; cross-entropy by the
probabilities behind it."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from gobhir.derivation.arrays import Rearranged, SumOver
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Name,
    Negative,
    Product,
    Sum,
    Sym,
    number,
)
from gobhir.derivation.formula import product, tidy
from gobhir.explain.use import Use, in_formula


def loss(use: Use) -> Expr | None:
    if use.record.op.name == "cross_entropy_loss":
        return _cross_entropy(use)
    if not _plain_loss(use):
        return None
    each = in_formula(use, use.record.op.formula)
    return None if each is None else _reduced(use, each)


def loss_pull(use: Use, i: int, c: Expr) -> Expr | None:
    if use.record.op.name == "cross_entropy_loss":
        return _cross_entropy_pull(use, c) if i == 0 else None
    op = use.record.op
    slope = in_formula(use, op.local_of(op.inputs[i])) if _plain_loss(use) else None
    if slope is None:
        return None
    n = _divisor(use, slope)
    scaled = Fraction(slope, number(n)) if n != 1 else slope
    return tidy(Product((c, scaled)))


def _plain_loss(use: Use) -> bool:
    extra = use.operands[2:]
    return bool(use.record.op.formula) and all(e is None for e in extra)


def _reduced(use: Use, per_element: Expr) -> Expr:
    reduction = use.record.settings.get("reduction", "mean")
    axes = tuple(range(len(per_element.shape)))
    if reduction == "none":
        return per_element
    out: Expr = SumOver(per_element, axes) if axes else per_element
    n = _divisor(use, per_element)
    return tidy(Fraction(out, number(n))) if n != 1 else out


def _divisor(use: Use, per_element: Expr) -> int:
    reduction = use.record.settings.get("reduction", "mean")
    if reduction == "mean":
        return max(1, math.prod(per_element.shape))
    if reduction == "batchmean":
        first = use.arrays[0]
        return first.shape[0] if first.ndim else 1
    return 1


def _cross_entropy(use: Use) -> Expr | None:
    """-ln of the probability given to the right class, averaged; `use.helper` is softmax(z)."""
    chosen = _right_class(use)
    if use.helper is None or chosen is None:
        return None
    picked: Expr = use.helper
    if chosen.shape:
        picked = Rearranged(use.helper, "", chosen)
    elif use.helper.shape:
        picked = use.helper.at((int(chosen),))
    out: Expr = Negative(Function("log", (picked,)))
    reduction = use.record.settings.get("reduction", "mean")
    if not chosen.shape or reduction == "none":
        return out
    summed = SumOver(out, (0,))
    return summed if reduction == "sum" else Fraction(summed, number(chosen.size))


def _right_class(use: Use) -> np.ndarray | None:
    """The flat position of each example's right class in the table of logits; None for the
    options that the rule does not cover (weights, smoothing, probabilities as targets)."""
    z, y = use.arrays[0], use.arrays[1]
    settings = use.record.settings
    covered = (
        z.ndim <= 2
        and y.dtype.kind in "iu"
        and all(a is None for a in use.arrays[2:])
        and not settings.get("label_smoothing", 0.0)
        and not np.any(y == settings.get("ignore_index", -100))
    )
    if not covered:
        return None
    if z.ndim == 1 or z.shape[0] == 1:
        return np.asarray(int(np.ravel(y)[0]))
    return np.arange(len(y)) * z.shape[1] + y


def _cross_entropy_pull(use: Use, c: Expr) -> Expr | None:
    chosen = _right_class(use)
    if use.helper is None or chosen is None:
        return None
    hot = np.full(math.prod(use.helper.shape), Decimal(0), object)
    hot[np.ravel(chosen)] = Decimal(1)
    target = Sym(Name("y"), hot.reshape(use.helper.shape) if use.helper.shape else hot[0])
    out: Expr = Sum((use.helper, Negative(target)))
    if chosen.shape and use.record.settings.get("reduction", "mean") == "mean":
        out = Fraction(out, number(chosen.size))
    elif use.record.settings.get("reduction") == "none" and c.shape:
        return None
    return tidy(product((c, out)))
