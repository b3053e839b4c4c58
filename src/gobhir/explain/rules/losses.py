"""The rule of the family "loss": the formula per element, then the reduction spelled out. Losses
over classes have a file of their own, classes.py."""

from __future__ import annotations

import math

import numpy as np

from gobhir.derivation.arrays import SumOver
from gobhir.derivation.expression import Expr, Fraction, Product, number
from gobhir.derivation.formula import tidy
from gobhir.derivation.places import Spread
from gobhir.derivation.step import Count, Say
from gobhir.engine import Family, Record, Tensor
from gobhir.explain.rules import classes, ctc
from gobhir.explain.rules.use import Use, in_formula


def loss(use: Use) -> Expr | None:
    if use.record.op.name in classes.OPS:
        return classes.loss(use)
    if use.record.op.name == ctc.OP:
        return ctc.loss(use)
    each = in_formula(use, use.record.op.formula)
    return None if each is None else _reduced(use, each)


def loss_pull(use: Use, i: int, c: Expr) -> Expr | None:
    op = use.record.op
    if op.name in classes.OPS:
        return classes.loss_pull(use, i, c)
    if op.name == ctc.OP:
        return ctc.pull(use, i, c)
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


def weights_told(record: Record) -> list[Say]:
    """What a teacher says where losses are added up that do not count alike: of a sum or a mean of
    losses that were multiplied by given numbers."""
    factors, whole = [], record.op.name == "mean"
    while record.op.family in (Family.REDUCTION, Family.ELEMENTWISE, Family.REARRANGEMENT):
        tensors = [x for x in record.inputs if isinstance(x, Tensor)]
        made = [x._record for x in tensors if x._record is not None and x.requires_grad]
        if len(made) != 1:
            return []
        given = [x.array for x in tensors if not x.requires_grad]
        factors += given if record.op.name == "mul" else []
        record = made[0]
    if record.op.family is not Family.LOSS or not factors:
        return []
    masks = [] if whole else [f for f in factors if np.isin(f, (0, 1)).all()]
    told = [Say("rules.reduction.masked", {"count": Count(int(m.sum()))}) for m in masks[:1]]
    return [*told, Say("rules.reduction.weighted")] if len(factors) > len(told) else told


def told(record: Record) -> list[Say]:
    """What a teacher says before the loss's line: its own options, and what becomes of the losses
    of the single elements."""
    if record.op.name in classes.OPS:
        return classes.told(record)
    if record.op.name == ctc.OP:
        return []
    shapes = [x.shape for x in record.inputs[:2]]
    size = math.prod(max(shapes, key=math.prod))
    out = [Say("rules.loss.pos_weight")] if "pos_weight" in record.op.inputs else []
    if size == 1:
        return out
    reduction = record.settings.get("reduction", "mean")
    return [*out, Say(f"rules.reduction.{reduction}", {"count": Count(size)})]
