"""One rule a family: how an op's result, and the gradient that it passes back, are written down.

`forward(use)` gives the expression of the result in terms of the operands; `pull(use, i, c)` the
expression of what input i receives when dL/d(result) is `c`. Both return None where the family
has no rule: then the step is shown by name, shapes and values. The two families whose rules are
long have files of their own: weighted.py and losses.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gobhir.derivation.arrays import Rearranged, Spread, SumOver
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Product,
    number,
)
from gobhir.derivation.formula import labelled, read, tidy
from gobhir.engine.op import Family
from gobhir.explain.losses import loss, loss_pull
from gobhir.explain.use import Use, in_formula
from gobhir.explain.weighted import linear, linear_pull

_NAMED = {
    Family.LINEAR: {"linear", "mat_mul"},
    Family.NORMALISATION: {"softmax", "log_softmax"},
}
"""The ops of a family to which its rule is limited."""


def _ruled(use: Use, rules: Mapping[Family, Any]) -> Any:
    """The family's rule, if it is for this op."""
    op = use.record.op
    if op.name not in _NAMED.get(op.family, {op.name}):
        return None
    deep = any(np.ndim(a) > 2 for a in (use.record.value, *use.arrays))
    if deep and op.family is not Family.ELEMENTWISE and op.name != "linear":
        return None  # a page has rows and columns
    return rules.get(op.family)


def forward(use: Use) -> Expr | None:
    """The result in terms of the operands, or None without a rule."""
    rule = _ruled(use, _FORWARD)
    return None if rule is None else rule(use)


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What operand i receives when dL/d(result) is c, or None without a rule."""
    rule = _ruled(use, _PULL)
    out = None if rule is None else rule(use, i, c)
    return None if out is None else sum_to(out, use.operands[i].shape)


def sum_to(e: Expr, shape: tuple[int, ...]) -> Expr:
    """Undo broadcasting: an operand used for many elements receives the sum over them."""
    have = e.shape
    if math.prod(have) <= math.prod(shape):
        return e
    lead = len(have) - len(shape)
    e = SumOver(e, tuple(range(lead))) if lead else e
    stretched = tuple(a for a, n in enumerate(shape) if n == 1 and e.shape[a] != 1)
    return SumOver(e, stretched, keepdims=True) if stretched else e


# -- elementwise ----


def _elementwise(use: Use) -> Expr | None:
    return in_formula(use, use.record.op.formula)


def _elementwise_pull(use: Use, i: int, c: Expr) -> Expr | None:
    op = use.record.op
    local = in_formula(use, op.local_of(op.inputs[i]))
    if local is None:
        return None
    brace = use.local(i, local.shape)
    if brace is not None:
        local = labelled(local, brace)
    return tidy(Product((c, local)))


# -- sums and means ----


def view_axes(ndim: int, shown: Expr, dim: Any) -> tuple[int, ...]:
    """The op's dimensions as axes of the operand as the page shows it (leading ones dropped)."""
    dims = range(ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dropped = ndim - len(shown.shape)
    return tuple(d % ndim - dropped for d in dims if d % ndim >= dropped) if ndim else ()


def _reduction(use: Use) -> Expr | None:
    x = use.operands[0]
    if use.record.op.name not in ("sum", "mean"):
        return None
    axes = view_axes(use.arrays[0].ndim, x, use.record.settings["dim"])
    out: Expr = SumOver(x, axes) if axes else x
    return tidy(Fraction(out, number(_count(x, axes)))) if use.record.op.name == "mean" else out


def _count(x: Expr, axes: tuple[int, ...]) -> int:
    return math.prod(x.shape[a] for a in axes)


def _reduction_pull(use: Use, i: int, c: Expr) -> Expr | None:
    x = use.operands[0]
    if use.record.op.name not in ("sum", "mean"):
        return None
    axes = view_axes(use.arrays[0].ndim, x, use.record.settings["dim"])
    if use.record.op.name == "mean":
        c = tidy(Fraction(c, number(_count(x, axes))))
    if axes and c.shape and len(c.shape) < len(x.shape):
        kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
        c = Rearranged(c, "rows", np.arange(math.prod(c.shape)).reshape(kept))
    return Spread(c, x.shape) if c.shape != x.shape else c


# -- rearrangement and indexing ----


def _moved(use: Use, marks: np.ndarray) -> np.ndarray:
    """What the op makes of these marks in the place of its operand's numbers."""
    if use.record.op.name == "cast":
        return marks
    return np.asarray(use.record.op.forward(marks, **use.record.settings))


def _positions(use: Use) -> np.ndarray:
    """For each element of the result, its flat position in the operand; -1 for a 0 put in."""
    x = use.arrays[0]
    return _moved(use, np.arange(1.0, x.size + 1).reshape(x.shape)).astype(int) - 1


def _moves_only(use: Use) -> bool:
    """Whether each number of the result is one of the operand's, in a place that is known without
    looking at the numbers, or 0."""
    if isinstance(use.record.value, tuple) or len(use.operands) > 1:
        return False
    x = use.arrays[0]
    marks = np.arange(1.0, x.size + 1).reshape(x.shape)
    once, again = _moved(use, marks), _moved(use, marks + x.size)
    zero = (once == 0) & (again == 0)
    return bool((zero | (again - once == x.size)).all())


def _rearrangement(use: Use) -> Expr | None:
    if not _moves_only(use):
        return None
    x, where = use.operands[0], _positions(use).reshape(use.result.shape)
    if where.shape == x.shape and np.array_equal(where.ravel(), np.arange(where.size)):
        return x
    return Rearranged(x, use.record.op.name, where)


def _rearrangement_pull(use: Use, i: int, c: Expr) -> Expr | None:
    if not _moves_only(use):
        return None
    x, where = use.operands[0], _positions(use)
    if use.record.op.name == "expand":
        return c
    flat = where.ravel()
    taken = np.flatnonzero(flat >= 0)
    if len(set(flat[taken].tolist())) < taken.size:
        return None
    back = np.full(math.prod(x.shape), -1)
    back[flat[taken]] = taken
    if c.shape == x.shape and np.array_equal(back, np.arange(back.size)):
        return c
    return Rearranged(c, use.record.op.name, back.reshape(x.shape))


# -- normalisation ----


def _along(use: Use, e: Expr) -> Callable[[Expr], Expr]:
    axes = view_axes(use.arrays[0].ndim, e, use.record.settings["dim"])
    return lambda body: SumOver(body, axes, keepdims=True) if axes else body


def _normalisation(use: Use) -> Expr | None:
    return read(use.record.op.formula, use.names, _along(use, use.operands[0]))


_BACK = {"softmax": "p * (d - sum(d * p))", "log_softmax": "d - exp(s) * sum(d)"}


def _normalisation_pull(use: Use, i: int, c: Expr) -> Expr | None:
    formula = _BACK.get(use.record.op.name)
    if formula is None:
        return None
    return read(formula, use.names | {"d": c}, _along(use, use.operands[0]))


_FORWARD: dict[Family, Callable[[Use], Expr | None]] = {
    Family.ELEMENTWISE: _elementwise,
    Family.LINEAR: linear,
    Family.REDUCTION: _reduction,
    Family.REARRANGEMENT: _rearrangement,
    Family.GATHER: _rearrangement,
    Family.NORMALISATION: _normalisation,
    Family.LOSS: loss,
}

_PULL: dict[Family, Callable[[Use, int, Expr], Expr | None]] = {
    Family.ELEMENTWISE: _elementwise_pull,
    Family.LINEAR: linear_pull,
    Family.REDUCTION: _reduction_pull,
    Family.REARRANGEMENT: _rearrangement_pull,
    Family.GATHER: _rearrangement_pull,
    Family.NORMALISATION: _normalisation_pull,
    Family.LOSS: loss_pull,
}
