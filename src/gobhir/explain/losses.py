"""The rule of the family "loss": the formula per element, then the reduction spelled out. Losses
over classes have a file of their own, classes.py."""

from __future__ import annotations

import math

from gobhir.derivation.arrays import SumOver
from gobhir.derivation.expression import Expr, Fraction, Product, number
from gobhir.derivation.formula import tidy
from gobhir.derivation.places import Spread
from gobhir.derivation.step import Count, Say
from gobhir.engine.tape import Record
from gobhir.explain import classes
from gobhir.explain.use import Use, in_formula


def loss(use: Use) -> Expr | None:
    if use.record.op.name in classes.OPS:
        return classes.loss(use)
    each = in_formula(use, use.record.op.formula)
    return None if each is None else _reduced(use, each)


def loss_pull(use: Use, i: int, c: Expr) -> Expr | None:
    op = use.record.op
    if op.name in classes.OPS:
        return classes.loss_pull(use, i, c)
    each, slope = (in_formula(use, f) for f in (op.formula, op.local_of(op.inputs[i])))
    if each is None or slope is None:
        return None
    if slope.shape != each.shape:  # a slope that is the same for many elements
        slope = Spread(slope, each.shape)
    n = _divisor(use, each)
    return tidy(Product((c, Fraction(slope, number(n)) if n != 1 else slope)))


def _reduced(use: Use, each: Expr) -> Expr:
    if use.record.settings.get("reduction", "mean") == "none":
        return each
    axes = tuple(range(len(each.shape)))
    out: Expr = SumOver(each, axes) if axes else each
    n = _divisor(use, each)
    return tidy(Fraction(out, number(n))) if n != 1 else out


def _divisor(use: Use, each: Expr) -> int:
    reduction = use.record.settings.get("reduction", "mean")
    if reduction == "mean":
        return max(1, math.prod(each.shape))
    if reduction == "batchmean":
        first = use.arrays[0]
        return first.shape[0] if first.ndim else 1
    return 1


# keys: rules.reduction.*


def told(record: Record) -> list[Say]:
    """What a teacher says before the loss's line: its own options, and what becomes of the losses
    of the single elements."""
    if record.op.name in classes.OPS:
        return classes.told(record)
    shapes = [x.shape for x in record.inputs[:2]]
    size = math.prod(max(shapes, key=math.prod))
    out = [Say("rules.loss.pos_weight")] if "pos_weight" in record.op.inputs else []
    if size == 1:
        return out
    reduction = record.settings.get("reduction", "mean")
    return [*out, Say(f"rules.reduction.{reduction}", {"count": Count(size)})]
