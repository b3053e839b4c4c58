"""One rule a family: how an op's result, and the gradient that it passes back, are written down.

`forward(use)` gives the expression of the result in terms of the operands; `pull(use, i, c)` the
expression of what input i receives when dL/d(result) is `c`. Both return None where the family
has no rule: then the step is shown by name, shapes and values. Rules that are long have files of
their own: weighted.py, spatial.py, standard.py, moves.py, losses.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gobhir.derivation.arrays import Extreme, SumOver
from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    Num,
    Product,
    number,
)
from gobhir.derivation.formula import labelled, read, tidy
from gobhir.derivation.places import Rearranged, Reshaped, Spread, shaped
from gobhir.derivation.rounding import decimals
from gobhir.engine.op import Family
from gobhir.explain.rules import matrices, meeting, moves, running, spatial, standard
from gobhir.explain.rules.losses import loss, loss_pull
from gobhir.explain.rules.use import Use, in_formula
from gobhir.explain.rules.weighted import linear, linear_pull

_WHOLE: dict[str, Any] = {
    **dict.fromkeys(spatial.NAMES, spatial),
    **dict.fromkeys((*standard.OPS, standard.RUNNING), standard),
    **dict.fromkeys(running.OPS, running),
    **dict.fromkeys(meeting.OPS, meeting),
}
"""Ops whose rules speak of all the dimensions that an array has for the engine."""


def forward(use: Use) -> Expr | None:
    """The result in terms of the operands, or None without a rule."""
    op = use.record.op
    if op.name in matrices.OPS:
        return matrices.forward(use)
    if op.name in _WHOLE:
        out = _WHOLE[op.name].forward(use)
        return None if out is None else shaped(out, use.result.shape)
    rule = _FORWARD.get(op.family)
    return None if rule is None else rule(use)


def pull(use: Use, i: int, c: Expr) -> Expr | None:
    """What operand i receives when dL/d(result) is c, or None without a rule."""
    op = use.record.op
    if op.name in matrices.OPS:
        return matrices.pull(use, i, c)
    if op.name in _WHOLE:
        if math.prod(c.shape) < use.record.value.size:
            c = Spread(c, use.result.shape)
        out = _WHOLE[op.name].pull(use, i, shaped(c, use.record.value.shape))
        return None if out is None else shaped(out, use.operands[i].shape)
    rule = _PULL.get(op.family)
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


_BY_FORMULA = {"var", "std", "norm", "log_sum_exp"}
"""Reductions whose formula says all, its sums going along the op's dimension."""


def _reduction(use: Use) -> Expr | None:
    x = use.operands[0]
    if use.record.op.name == "norm" and math.isinf(use.record.settings["p"]):
        which = "max" if use.record.settings["p"] > 0 else "min"
        return Extreme(Function("abs", (x,)), _axes(use), use.record.settings["keepdim"], which)
    if use.record.op.name in ("amax", "amin"):
        return Extreme(x, _axes(use), use.record.settings["keepdim"], use.record.op.name[1:])
    if use.record.op.name in moves.PICKS:
        return moves.forward(use)
    if use.record.op.name == "median":
        middle = int(np.flatnonzero(use.arrays[0].ravel() == use.record.value.ravel()[0])[0])
        return Rearranged(x, "median", np.reshape(middle, use.result.shape))
    if use.record.op.name == "sum_to":
        return shaped(sum_to(use.whole(0), use.record.value.shape), use.result.shape)
    if use.record.op.name in _BY_FORMULA:
        found = _along_formula(use, use.record.op.formula)
        return None if found is None else shaped(found, use.result.shape)
    if use.record.op.name not in ("sum", "mean"):
        return None
    axes = _axes(use)
    out: Expr = SumOver(x, axes) if axes else x
    return tidy(Fraction(out, number(_count(x, axes)))) if use.record.op.name == "mean" else out


def _count(x: Expr, axes: tuple[int, ...]) -> int:
    return math.prod(x.shape[a] for a in axes)


def _reduction_pull(use: Use, i: int, c: Expr) -> Expr | None:
    x = use.operands[0]
    if use.record.op.name == "norm" and math.isinf(use.record.settings["p"]):
        return Product((_to_the_extreme(use, c, np.abs(use.arrays[0])), Function("sign", (x,))))
    if use.record.op.name in ("amax", "amin", "median"):
        return _to_the_extreme(use, c, use.arrays[0])
    if use.record.op.name in moves.PICKS:
        return moves.pull(use, i, c)
    if use.record.op.name == "sum_to":
        asked = Spread(shaped(c, use.record.value.shape), use.arrays[0].shape)
        return shaped(asked, x.shape)
    if use.record.op.name in _BY_FORMULA:
        local = _along_formula(use, use.record.op.local_of("x"))
        return None if local is None else tidy(Product((shaped(c, _kept(use)), local)))
    if use.record.op.name not in ("sum", "mean"):
        return None
    axes = _axes(use)
    if use.record.op.name == "mean":
        c = tidy(Fraction(c, number(_count(x, axes))))
    if axes and c.shape and len(c.shape) < len(x.shape):
        kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
        c = Reshaped(c, kept)
    return Spread(c, x.shape) if c.shape != x.shape else c


def _axes(use: Use) -> tuple[int, ...]:
    return view_axes(use.arrays[0].ndim, use.operands[0], use.record.settings.get("dim"))


def _kept(use: Use) -> tuple[int, ...]:
    """The result's shape beside the operand."""
    axes = _axes(use)
    return tuple(1 if a in axes else n for a, n in enumerate(use.operands[0].shape))


def _along_formula(use: Use, formula: str) -> Expr | None:
    """A formula whose sums go along the op's dimensions; N is how many numbers they add up."""
    names = use.names | {"N": number(_count(use.operands[0], _axes(use)))}
    names[use.record.op.result] = shaped(use.result, _kept(use))
    try:
        return tidy(read(formula, names, _along(use, use.operands[0])))
    except (KeyError, ValueError):
        return None


def _to_the_extreme(use: Use, c: Expr, sizes: np.ndarray) -> Expr:
    """The gradient goes to the largest (smallest) of `sizes`; equal ones share it."""
    hits = sizes == use.record.value.reshape(_kept_for_engine(use))
    dims = use.record.settings.get("dim")
    ties = hits.sum(dims if dims is None else tuple(np.atleast_1d(dims)), keepdims=True)
    share = (hits / ties).reshape(use.operands[0].shape)
    return Product((shaped(c, _kept(use)), Num(decimals(share))))


def _kept_for_engine(use: Use) -> tuple[int, ...]:
    x, dims = use.arrays[0], use.record.settings.get("dim")
    gone = range(x.ndim) if dims is None else [d % x.ndim for d in np.atleast_1d(dims)]
    return tuple(1 if a in gone else n for a, n in enumerate(x.shape))


# -- normalisation ----


def _along(use: Use, e: Expr) -> Callable[[Expr], Expr]:
    axes = view_axes(use.arrays[0].ndim, e, use.record.settings["dim"])
    return lambda body: SumOver(body, axes, keepdims=True) if axes else body


def _normalisation(use: Use) -> Expr | None:
    if use.record.op.name not in _BACK:
        return None
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
    Family.REARRANGEMENT: moves.forward,
    Family.GATHER: moves.forward,
    Family.NORMALISATION: _normalisation,
    Family.LOSS: loss,
}

_PULL: dict[Family, Callable[[Use, int, Expr], Expr | None]] = {
    Family.ELEMENTWISE: _elementwise_pull,
    Family.LINEAR: linear_pull,
    Family.REDUCTION: _reduction_pull,
    Family.REARRANGEMENT: moves.pull,
    Family.GATHER: moves.pull,
    Family.NORMALISATION: _normalisation_pull,
    Family.LOSS: loss_pull,
}
