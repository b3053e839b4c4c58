"""Why the learning rate of this step is what it is: the scheduler that set it, by the formula that
stands beside the scheduler, with its numbers put in."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from gobhir.derivation.expression import Expr, Name, Sym
from gobhir.derivation.formula import read
from gobhir.derivation.functions import FUNCTIONS
from gobhir.derivation.rounding import result, significant
from gobhir.derivation.step import Count, Piece, Say
from gobhir.engine import Update
from gobhir.explain.pages.lines import inline, scalar_line
from gobhir.optim.lr_scheduler.scheduler import FUNCTIONS as CALLED
from gobhir.optim.lr_scheduler.scheduler import LRScheduler

# keys: rules.schedule.*
TOLD = {"StepLR", "MultiStepLR", "ConstantLR", "LinearLR", "ExponentialLR", "PolynomialLR"}
TOLD |= {"CosineAnnealingLR", "CosineAnnealingWarmRestarts", "OneCycleLR", "CyclicLR"}
TOLD |= {"LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler", "ReduceLROnPlateau"}
"""Schedulers with a sentence of their own."""
_NAMES = {"lr0": Name("eta", index=(0,)), "lr": Name("eta"), "gamma": Name("gamma")}
_NAMES |= {"min_lr": Name("eta", index=("min",)), "num_bad_epochs": Name("bad")}


def setting(value: Any, mode: str) -> Decimal:
    """A number that an optimizer was given, as the page writes it: 0.0729, not 0.07290000000002."""
    short = Decimal(f"{value:.10g}")
    return significant(short) if mode == "hand" else short


def rate(u: Update, mode: str) -> Decimal:
    """The learning rate of this update as the page works it out."""
    scheduler, expr = _scheduled(u, mode)
    if expr is None or mode == "exact":
        return setting(u.hyper["lr"], mode)
    return result(expr, significant)


def learning_rate(u: Update, mode: str) -> list[Piece]:
    """Who set the learning rate of this update, and how; nothing where nobody did."""
    scheduler, expr = _scheduled(u, mode)
    if scheduler is None:
        return []
    kind = type(scheduler).__name__
    told = Say(f"rules.schedule.{kind if kind in TOLD else 'other'}", {"scheduler": kind})
    if expr is None:
        return [told]
    line = scalar_line(Name("eta"), expr, mode, float(u.hyper["lr"]))
    if kind == "ReduceLROnPlateau":
        return [told, *_waiting(scheduler.words(_group(u))), line]
    steps = scheduler.words(_group(u))["t"]
    counted = "rules.schedule.steps" if steps else "rules.schedule.first"
    return [told, Say(counted, {"count": Count(steps)}), line]


def _waiting(words: dict[str, Any]) -> Iterator[Say]:
    """Of ReduceLROnPlateau: the best so far, and how long it has waited for a better one."""
    if not words["t"]:
        yield Say("rules.schedule.plateau_first")
        return
    relative = words["threshold_mode"] == "rel"
    better = f"{words['threshold']:.2%}" if relative else f"{words['threshold']:g}"
    best = {"best": inline(words["best"]), "better": better}
    key = "rules.schedule.plateau_most" if words["mode"] == "max" else "rules.schedule.plateau_best"
    yield Say(key, best)
    numbers = {"bad": words["num_bad_epochs"], "patience": words["patience"]}
    rates = {"factor": words["factor"], "lowest": words["min_lr"]}
    yield Say("rules.schedule.plateau_bad", {k: f"{v:g}" for k, v in (numbers | rates).items()})
    if words["cooldown_counter"]:
        yield Say("rules.schedule.plateau_rest", {"count": Count(words["cooldown_counter"])})


def _scheduled(u: Update, mode: str) -> tuple[LRScheduler | None, Expr | None]:
    """Who set the learning rate, and by which formula: None where that gives another number now,
    because it has gone on since, or others changed the rate in between."""
    scheduler = _scheduler(u)
    if scheduler is None:
        return None, None
    if not hasattr(scheduler, "last_epoch"):  # a chain of several has none, and no one formula
        return scheduler, None
    if type(scheduler).words is LRScheduler.words and not hasattr(scheduler, "base_lrs"):
        return scheduler, None  # somebody's own kind of ReduceLROnPlateau
    words = scheduler.words(_group(u))
    same = math.isclose(_value(scheduler, words), u.hyper["lr"], rel_tol=1e-6, abs_tol=1e-15)
    return scheduler, _formula(scheduler.formula, words, mode) if same else None


def _scheduler(u: Update) -> LRScheduler | None:
    """The last one that was put over the optimizer and is still there."""
    alive = [s() for s in getattr(u.optimizer, "schedulers", [])]
    found = [s for s in alive if isinstance(s, LRScheduler) and s.formula]
    return found[-1] if found and "lr" in u.hyper else None


def _group(u: Update) -> int:
    groups = u.optimizer.param_groups
    return next(i for i, g in enumerate(groups) if any(p is u.parameter for p in g["params"]))


def _value(scheduler: LRScheduler, words: dict[str, Any]) -> float:
    try:
        return float(eval(scheduler.formula, CALLED | words))
    except (NameError, SyntaxError, TypeError, ZeroDivisionError):
        return math.nan


def _formula(formula: str, words: dict[str, Any], mode: str) -> Expr | None:
    """The scheduler's formula; what no page writes (comparisons, counting) is a number already."""
    names: dict[str, Expr] = {
        k: Sym(_NAMES.get(k) or Name(k), setting(v, mode))
        for k, v in words.items()
        if isinstance(v, (int, float)) and not isinstance(v, bool)
    }
    try:
        tree = ast.fix_missing_locations(
            _Worked(words, mode).visit(ast.parse(formula, mode="eval"))
        )
        return read(ast.unparse(tree), names)
    except (KeyError, ValueError, SyntaxError, NameError, TypeError):
        return None


class _Worked(ast.NodeTransformer):
    """Puts numbers in for what formulas of a page do not have, and floor(a / b) for a // b."""

    def __init__(self, words: dict[str, Any], mode: str):
        self.words, self.mode = words, mode

    def _number(self, node: ast.expr) -> ast.expr:
        value = setting(float(eval(ast.unparse(node), CALLED | self.words)), self.mode)
        whole = value == value.to_integral_value()
        return ast.Constant(value=int(value) if whole else float(value))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        known = isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS
        return self.generic_visit(node) if known else self._number(node)  # type: ignore[return-value]

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        return self._number(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node  # what it asks stands on the page, too

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.FloorDiv):
            return node
        ratio = ast.BinOp(left=node.left, op=ast.Div(), right=node.right)
        return ast.Call(func=ast.Name(id="floor", ctx=ast.Load()), args=[ratio], keywords=[])
