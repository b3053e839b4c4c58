"""The rule of what brings numbers onto a common scale: batch, instance, group and layer norm, RMS
norm, and batch norm by its running statistics.

All are one rule over other groups of numbers: which axes share a mean, and how the learned scale
lies beside the numbers (`Layout`). The mean, the variance and the standardised numbers have lines
of their own (`aside`). In the gradient three terms meet: the blame itself, its mean, and as much
of it as goes with the standardised number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gobhir.derivation.arrays import SumOver
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Name,
    Negative,
    Power,
    Product,
    Sum,
    number,
)
from gobhir.derivation.places import shaped
from gobhir.explain.rules.use import Use

OPS = {"batch_norm", "instance_norm", "group_norm", "layer_norm", "rms_norm"}
RUNNING = "batch_norm_by_running"


@dataclass(frozen=True)
class Layout:
    """shape: the numbers as the op groups them; axes: what shares a mean; learned: the shape of
    scale and shift beside them."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    learned: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape[a] for a in self.axes)


def layout(use: Use) -> Layout:
    x, settings = use.arrays[0].shape, use.record.settings
    along = (1,) * (len(x) - 2)
    match use.record.op.name:
        case "instance_norm":
            return Layout(x, tuple(range(2, len(x))), (x[1], *along))
        case "group_norm":
            groups = settings["groups"]
            grouped = (x[0], groups, x[1] // groups, *x[2:])
            return Layout(grouped, tuple(range(2, len(grouped))), (groups, x[1] // groups, *along))
        case "layer_norm" | "rms_norm":
            count = settings["count"]
            return Layout(x, tuple(range(len(x) - count, len(x))), x[len(x) - count :])
    return Layout(x, (0, *range(2, len(x))), (x[1], *along))


def aside(use: Use) -> Iterator[tuple[str, Name, Expr, np.ndarray]]:
    """Mean, variance and standardised numbers: key, name, expression over what came before
    (which is then in `use.helpers`), value."""
    lay = layout(use)
    if lay.count == 0:
        return
    x = shaped(use.whole(0), lay.shape)
    exact = use.arrays[0].reshape(lay.shape)
    eps, n = use.record.settings["eps"], number(lay.count)
    name = use.record.op.name
    centred, middle = x, np.zeros(())
    if name == "rms_norm":
        spread = (exact * exact).mean(lay.axes, keepdims=True)
        squares = SumOver(Power(x, number(2)), lay.axes, keepdims=True)
        yield "variance", Name("q"), Fraction(squares, n), spread
    elif name == RUNNING:
        middle, spread = (a.reshape(lay.learned) for a in use.arrays[1:3])
        use.helpers["variance"] = use.whole(2)
        centred = Sum((x, Negative(shaped(use.whole(1), lay.learned))))
    else:
        middle, spread = use.results[1:3]
        yield "mean", Name("mu"), Fraction(SumOver(x, lay.axes, keepdims=True), n), middle
        centred = Sum((x, Negative(shaped(use.helpers["mean"], middle.shape))))
        squares = SumOver(Power(centred, number(2)), lay.axes, keepdims=True)
        yield "variance", Name("v"), Fraction(squares, n), spread
    root = _root(use, spread.shape, eps)
    standard = (exact - middle) * (spread + eps) ** -0.5
    over = shaped(Fraction(centred, root), use.arrays[0].shape)
    yield "standard", Name("xhat"), over, standard.reshape(use.arrays[0].shape)


def _root(use: Use, shape: tuple[int, ...], eps: float) -> Expr:
    return Function("sqrt", (Sum((shaped(use.helpers["variance"], shape), number(eps))),))


def forward(use: Use) -> Expr | None:
    """Scale times the standardised number, plus shift."""
    if "standard" not in use.helpers:
        return None
    lay = layout(use)
    out: Expr = shaped(use.helpers["standard"], lay.shape)
    scale, shift = _learned(use, lay)
    if scale is not None:
        out = Product((scale, out))
    return shaped(out if shift is None else Sum((out, shift)), use.arrays[0].shape)


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    """The textbook's three terms for x; sums for scale and shift."""
    if "standard" not in use.helpers:
        return None
    lay, role = layout(use), use.record.op.inputs[i]
    c = shaped(c, lay.shape)
    standard = shaped(use.helpers["standard"], lay.shape)
    if role in ("weight", "bias"):
        body = c if role == "bias" else Product((c, standard))
        first = len(lay.shape) - len(lay.learned)
        kept = {first + a for a, n in enumerate(lay.learned) if n > 1}
        axes = tuple(a for a, n in enumerate(lay.shape) if a not in kept and n > 1)
        summed = SumOver(body, axes) if axes else body
        return shaped(summed, use.arrays[i].shape)
    if role != "x":
        return None
    scale, _ = _learned(use, lay)
    blame = c if scale is None else Product((scale, c))
    inner: Expr = blame
    if use.record.op.name != RUNNING:
        n = number(lay.count)
        terms = [blame]
        if use.record.op.name != "rms_norm":
            mean = Fraction(SumOver(blame, lay.axes, keepdims=True), n)
            terms.append(Negative(mean))
        turned = SumOver(_times(blame, standard), lay.axes, keepdims=True)
        terms.append(Negative(Product((standard, Fraction(turned, n)))))
        inner = Sum(tuple(terms))
    spread = _spread_shape(use, lay)
    return shaped(Fraction(inner, _root(use, spread, use.record.settings["eps"])), lay.shape)


def _times(a: Expr, b: Expr) -> Expr:
    return Product((*a.terms, b)) if isinstance(a, Product) else Product((a, b))


def _spread_shape(use: Use, lay: Layout) -> tuple[int, ...]:
    if use.record.op.name == RUNNING:
        return lay.learned
    return tuple(1 if a in lay.axes else n for a, n in enumerate(lay.shape))


def _learned(use: Use, lay: Layout) -> tuple[Expr | None, Expr | None]:
    """Scale and shift, laid beside the numbers."""
    found: dict[str, Any] = {"weight": None, "bias": None}
    for i, role in enumerate(use.record.op.inputs[: len(use.operands)]):
        if role in found and use.operands[i] is not None:
            found[role] = shaped(use.whole(i), lay.learned)
    return found["weight"], found["bias"]
