"""One rule a family: how an op's result, and the gradient that it passes back, are written down.

`forward(use)` gives the expression of the result in terms of the operands; `pull(use, i, c)` the
expression of what input i receives when dL/d(result) is `c`. Both return None where the family
has no rule: then the step is shown by name, shapes and values.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from gobhir.derivation.expression import (
    Expr,
    Fraction,
    Function,
    MatMul,
    Name,
    Negative,
    Product,
    Rearranged,
    Spread,
    Sum,
    SumOver,
    Sym,
    Transposed,
    number,
)
from gobhir.derivation.formula import labelled, product, read, tidy
from gobhir.derivation.functions import FUNCTIONS
from gobhir.engine.op import Family
from gobhir.engine.tape import Record


@dataclass(eq=False)
class Use:
    """One op at work: its record, the expressions of its operands and of its result.

    arrays: the operands' values as the engine had them; local: what to write under the brace of
    the local derivative (d result / d input i).
    """

    record: Record
    operands: list[Expr]
    arrays: list[Any]
    result: Expr
    local: Callable[[int, tuple[int, ...]], Expr | None] = lambda i, shape: None
    helper: Sym | None = None

    @property
    def names(self) -> dict[str, Expr]:
        """What the op's formulas call things."""
        op = self.record.op
        plain = {
            k: number(v)
            for k, v in self.record.settings.items()
            if isinstance(v, (int, float)) and not isinstance(v, bool)
        }
        return plain | dict(zip(op.inputs, self.operands, strict=False)) | {op.result: self.result}


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
    return _read(use, use.record.op.formula)


def _read(use: Use, formula: str) -> Expr | None:
    """The formula over the operands; None where it says more than a page can work out."""
    if not formula:
        return None
    called = {n.func.id for n in ast.walk(ast.parse(formula)) if isinstance(n, ast.Call)}  # type: ignore[attr-defined]
    if called - FUNCTIONS.keys():
        return None
    try:
        return tidy(read(formula, use.names))
    except (KeyError, ValueError):
        return None


def _elementwise_pull(use: Use, i: int, c: Expr) -> Expr | None:
    op = use.record.op
    local = _read(use, op.local_of(op.inputs[i]))
    if local is None:
        return None
    brace = use.local(i, local.shape)
    if brace is not None:
        local = labelled(local, brace)
    return tidy(Product((c, local)))


# -- weighted sums ----


def _matrix_like(e: Expr) -> bool:
    return len(e.shape) >= 2


def _linear(use: Use) -> Expr | None:
    op = use.record.op
    if op.name == "mat_mul":
        a, b = use.operands
        return MatMul(a, b) if a.shape and b.shape else Product((a, b))
    x, W = use.operands[:2]
    weighted = MatMul(x, Transposed(W)) if _matrix_like(x) else MatMul(W, x)
    bias = use.operands[2:3]
    return Sum((weighted, *bias)) if bias and bias[0] is not None else weighted


def _rows(e: Expr) -> Expr:
    """All examples under one another."""
    if len(e.shape) <= 2:
        return e
    n = math.prod(e.shape)
    return Rearranged(e, "rows", np.arange(n).reshape(-1, e.shape[-1]))


def _linear_pull(use: Use, i: int, c: Expr) -> Expr | None:
    if use.record.op.name == "mat_mul":
        return _matmul_pull(use, i, c)
    x, W = use.operands[:2]
    if not _matrix_like(x):
        if i == 0:
            return MatMul(Transposed(W), c)
        if i == 1:
            across = Transposed(x) if x.shape else x
            return MatMul(c, across) if c.shape and x.shape else Product((c, across))
        return c
    if i == 0:
        return MatMul(c, W)
    if i == 1:
        return MatMul(Transposed(_rows(c)), _rows(x))
    return SumOver(_rows(c), (0,))


def _matmul_pull(use: Use, i: int, c: Expr) -> Expr | None:
    a, b = use.operands
    if not a.shape or not b.shape:
        return Product((c, b if i == 0 else a))
    if len(a.shape) == 1 and len(b.shape) == 1:
        return Product((c, b if i == 0 else a))
    if len(a.shape) == 2 and len(b.shape) == 2:
        return MatMul(c, Transposed(b)) if i == 0 else MatMul(Transposed(a), c)
    if len(a.shape) == 2 and len(b.shape) == 1:
        if i == 0:
            return MatMul(c, Transposed(b)) if c.shape else Product((c, Transposed(b)))
        return MatMul(Transposed(a), c)
    return None


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
    if not c.shape:
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


# -- losses ----


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


def _loss(use: Use) -> Expr | None:
    if use.record.op.name == "cross_entropy_loss":
        return _cross_entropy(use)
    if not _plain_loss(use):
        return None
    each = _read(use, use.record.op.formula)
    return None if each is None else _reduced(use, each)


def _loss_pull(use: Use, i: int, c: Expr) -> Expr | None:
    if use.record.op.name == "cross_entropy_loss":
        return _cross_entropy_pull(use, c) if i == 0 else None
    op = use.record.op
    slope = _read(use, op.local_of(op.inputs[i])) if _plain_loss(use) else None
    if slope is None:
        return None
    n = _divisor(use, slope)
    scaled = Fraction(slope, number(n)) if n != 1 else slope
    return tidy(Product((c, scaled)))


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


_FORWARD: dict[Family, Callable[[Use], Expr | None]] = {
    Family.ELEMENTWISE: _elementwise,
    Family.LINEAR: _linear,
    Family.REDUCTION: _reduction,
    Family.REARRANGEMENT: _rearrangement,
    Family.GATHER: _rearrangement,
    Family.NORMALISATION: _normalisation,
    Family.LOSS: _loss,
}

_PULL: dict[Family, Callable[[Use, int, Expr], Expr | None]] = {
    Family.ELEMENTWISE: _elementwise_pull,
    Family.LINEAR: _linear_pull,
    Family.REDUCTION: _reduction_pull,
    Family.REARRANGEMENT: _rearrangement_pull,
    Family.GATHER: _rearrangement_pull,
    Family.NORMALISATION: _normalisation_pull,
    Family.LOSS: _loss_pull,
}
