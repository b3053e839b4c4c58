"""One op at work, as its rule sees it: names, values, and its formula over the operands."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Sym, number
from gobhir.derivation.formula import read, tidy
from gobhir.derivation.functions import FUNCTIONS
from gobhir.derivation.places import shaped
from gobhir.engine.tape import Record


@dataclass(eq=False)
class Use:
    """One op at work: its record, the expressions of its operands and of its result.

    arrays: the operands' values as the engine had them; local: what to write under the brace of
    the local derivative (d result / d input i). helper, asked: for cross-entropy, the
    probabilities and what smoothed or weighted targets ask of each class.
    """

    record: Record
    operands: list[Expr]
    arrays: list[Any]
    result: Expr
    local: Callable[[int, tuple[int, ...]], Expr | None] = lambda i, shape: None
    helper: Sym | None = None
    asked: Sym | None = None
    results: tuple[Any, ...] = ()
    """Of an op of several results: all of them, as arrays."""
    helpers: dict[str, Expr] = field(default_factory=dict)
    """Quantities on the way that have a line of their own: mean, variance, ..."""

    cotangents: dict[int, Expr] = field(default_factory=dict)
    """Of an op of several results: dL/d(result) of those that something was made of."""

    def whole(self, i: int) -> Expr:
        """Operand i with all the dimensions that it has for the engine: on the page one example
        stands without its batch."""
        return shaped(self.operands[i], np.shape(self.arrays[i]))

    @property
    def names(self) -> dict[str, Expr]:
        """What the op's formulas call things."""
        op = self.record.op
        plain = {
            k: number(int(v) if isinstance(v, bool) else v)
            for k, v in self.record.settings.items()
            if isinstance(v, (int, float))
        }
        return plain | dict(zip(op.inputs, self.operands, strict=False)) | {op.result: self.result}


def in_formula(use: Use, formula: str) -> Expr | None:
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
