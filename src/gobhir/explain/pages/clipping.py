"""What became of the gradients between backward and the optimizer's step: clipped by their norm
(all of them times one factor), cut off at a value, or changed otherwise. Read off from the
gradients that backward left and those that the optimizer took: it does not matter who clipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Fraction, Name, Num, Power, Sum, Sym, number
from gobhir.derivation.rounding import decimals, result
from gobhir.derivation.step import Count, Line, Piece, Say
from gobhir.engine import Update
from gobhir.explain.pages.lines import inline, scalar_line
from gobhir.explain.reading import Reading
from gobhir.optim.optimizer import Assignment

CLOSE = 1e-5
"""Of the largest number: so far apart two ways of rounding to float32 may be."""
TINY = 1e-6
"""What clip_grad_norm_ adds to the norm before it divides by it."""


@dataclass(frozen=True)
class Clipping:
    """kind: "norm", "value", "other" or "" (nothing happened). rule: what it did to one gradient;
    names: the names in it."""

    kind: str = ""
    rule: tuple[Assignment, ...] = ()
    names: dict[str, Expr] = field(default_factory=dict)
    factor: Expr = field(default_factory=lambda: number(1))
    """Of "norm": the one factor, in terms of the norm N."""
    norm: float = 0.0
    changed: frozenset[Any] = frozenset()
    """Of "other": the parameters whose gradients became something else."""


def clipping(r: Reading, updates: list[Update]) -> Clipping:
    """What happened to these updates' gradients."""
    pairs = [(np.asarray(r.pulled_of[u.parameter].exact).ravel(), u.grad.ravel()) for u in updates]
    if all(_near(left, taken) for left, taken in pairs):
        return Clipping()
    squares = sum(float(left @ left) for left, _ in pairs)
    scale = sum(float(left @ taken) for left, taken in pairs) / squares if squares else 1.0
    if scale < 1 and all(_near(scale * left, taken) for left, taken in pairs):
        norm = squares**0.5
        limit = _given(float(f"{scale * (norm + TINY):.6g}"))
        N = Sym(Name("N"), r.rounder(decimals(norm)))
        factor = Fraction(limit, Sum((N, Num(decimals(TINY)))))
        names: dict[str, Expr] = {"s": Sym(Name("s"), result(factor, r.rounder)), "limit": limit}
        return Clipping("norm", (Assignment("g", "s * g"),), names, factor, norm)
    most = max(float(np.abs(taken).max(initial=0.0)) for _, taken in pairs)
    if all(_near(np.clip(left, -most, most), taken) for left, taken in pairs):
        rule = Assignment("g", "min(max(g, -limit), limit)")
        return Clipping("value", (rule,), {"limit": _given(float(f"{most:.6g}"))})
    changed = (u for u, pair in zip(updates, pairs, strict=True) if not _near(*pair))
    return Clipping("other", changed=frozenset(u.parameter for u in changed))


def _given(limit: float) -> Sym:
    return Sym(Name("k"), decimals(limit))


def _near(a: np.ndarray, b: np.ndarray) -> bool:
    most = float(np.abs(b).max(initial=0.0))
    return bool(np.abs(a - b).max(initial=0.0) <= CLOSE * max(most, 1e-30))


def told(clip: Clipping, mode: str, count: int) -> list[Piece]:
    """What the page says of it before the update."""
    if clip.kind == "norm":
        N = next(n for n in clip.factor.walk() if isinstance(n, Sym) and n.name.base == "N")
        squares: Expr = Power(Sym(Name("w").d(), number(0).value), number(2))
        limit, off = inline(clip.names["limit"].value), abs(float(N.value) - clip.norm)  # type: ignore[attr-defined]
        return [
            Say("rules.clipping.norm", {"count": Count(count), "g": squares}),
            Line(N, (Num(N.value),), off, clip.norm),
            Say("rules.clipping.factor", {"limit": limit, "k": clip.names["limit"]}),
            scalar_line(clip.names["s"], clip.factor, mode),
        ]
    if clip.kind == "value":
        cut = inline(clip.names["limit"].value)  # type: ignore[attr-defined]  # a Sym
        return [Say("rules.clipping.value", {"limit": cut})]
    return [Say("rules.clipping.other")] if clip.kind else []
