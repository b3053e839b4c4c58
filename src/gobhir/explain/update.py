"""The optimizer's step, by the rule that stands beside the optimizer: one weight with every
intermediate, then all parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from gobhir.derivation.expression import Expr, Index, Name, Num, Sym, indices
from gobhir.derivation.formula import read, tidy
from gobhir.derivation.rounding import decimals, objects, result
from gobhir.derivation.step import Count, Line, Piece, Say, Section, Step
from gobhir.engine import Tensor, Update
from gobhir.explain.lines import distance, page_values, scalar_line
from gobhir.explain.reading import Reading, element, size

_SYMBOLS = {
    "lr": "eta",
    "momentum": "mu",
    "dampening": "tau",
    "weight_decay": "lambda",
    "eps": "epsilon",
}
INTRODUCED = {"SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop"}
INTRODUCED |= {"NAdam", "RAdam", "Adamax", "Rprop", "ASGD"}
"""Optimizers with an introduction of their own, under `rules.update.<name>`."""
# keys: rules.update.*


def update(r: Reading, shown: Tensor, index: Index) -> Section:
    """All updates; the parameter `shown` has its element `index` worked out in full."""
    updates = [u for u in r.run.tape.updates if u.parameter in r.pulled_of]
    steps = []
    for k, u in enumerate(sorted(updates, key=lambda u: u.parameter is not shown)):
        pieces: list[Piece] = []
        if k == 0 and not u.rule:
            pieces.append(Say("rules.update.whole", {"optimizer": type(u.optimizer).__name__}))
        elif k == 0:
            name = type(u.optimizer).__name__
            kind = name if name in INTRODUCED else "other"
            kind = "momentum" if name == "SGD" and len(u.rule) > 1 else kind
            pieces.append(Say(f"rules.update.{kind}", {"optimizer": name}))
            pieces += _one(r, u, index)
            total = sum(size(r.pulled_of[v.parameter].shape) for v in updates)
            pieces.append(Say("rules.update.all", {"count": Count(total)}))
        pieces.append(_all(r, u))
        layer = r.quantities[u.parameter].layer
        operands = {"w": r.quantities[u.parameter].shape}
        name = type(u.optimizer).__name__
        steps.append(Step(f"update.{k}", "update", "update", name, layer, operands, tuple(pieces)))
    return Section("update", tuple(steps))


def _names(r: Reading, u: Update) -> dict[str, Expr]:
    q, pulled = r.quantities[u.parameter], r.pulled_of[u.parameter]
    names: dict[str, Expr] = {"w": q.sym, "g": pulled.sym}
    for key, value in u.hyper.items():
        names[key] = Sym(Name(_SYMBOLS.get(key, key)), decimals(value))
    for key, value in u.before.items():
        if key != "w":
            exact = np.asarray(value).reshape(q.shape)
            names[key] = Sym(_state_name(q.name, key), r.values(None, exact))
    return names


def _state_name(w: Name, key: str) -> Name:
    return Name(key, w.layer, w.index)


def _assignments(r: Reading, u: Update) -> list[tuple[Sym, Expr]]:
    """Each assignment of the rule: what is set, and to what, with the page's values."""
    q: Any = r.quantities[u.parameter]
    names = _names(r, u)
    out = []
    for k, (target, formula) in enumerate(u.rule):
        expr = tidy(read(formula, names))
        exact = np.asarray(u.after.get(target, np.zeros(q.shape))).reshape(q.shape)
        values = r.values(expr, exact)
        if r.mode == "exact" and (target not in u.after or not is_last(u, k)):
            values = _each(r, expr, q.shape)
        name = q.name if target == "w" else _state_name(q.name, target)
        sym = Sym(name, values)
        out.append((sym, expr))
        names[target] = sym
    return out


def is_last(u: Update, k: int) -> bool:
    """Whether assignment k of the rule is the one that gives its target the value it ends with:
    AdamW sets w twice."""
    return all(target != u.rule[k][0] for target, _ in u.rule[k + 1 :])


def _each(r: Reading, expr: Expr, shape: tuple[int, ...]) -> Any:
    """Exact values of an intermediate that the optimizer does not keep (m_hat, v_hat)."""
    values = [result(element(expr, i, shape), r.rounder) for i in indices(shape)]
    return objects(values, shape) if shape else values[0]


def _one(r: Reading, u: Update, index: Index) -> list[Piece]:
    shape = r.quantities[u.parameter].shape
    lines: list[Piece] = []
    for k, (sym, expr) in enumerate(_assignments(r, u)):
        key = "w" if sym.name == r.quantities[u.parameter].name else sym.name.base
        after = u.after.get(key) if is_last(u, k) else None
        exact = None if after is None else float(np.asarray(after).reshape(shape)[index])
        e = element(expr, index, shape)
        lines.append(
            scalar_line(sym.at(index), e, r.mode, exact, arrow=key == "w" or key in u.before)
        )
    return lines


def _all(r: Reading, u: Update) -> Line:
    name = r.quantities[u.parameter].name
    if not u.rule:  # only the result can be shown
        shape = r.quantities[u.parameter].shape
        exact = np.asarray(u.after["w"]).reshape(shape)
        sym = Sym(name, r.values(None, exact))
        value = page_values(sym.value, r.mode)
        return Line(sym, (Num(value),), _off(r, sym, exact), exact, arrow=True)
    sym, expr = [a for a in _assignments(r, u) if a[0].name == name][-1]
    exact = np.asarray(u.after["w"]).reshape(sym.shape)
    value = page_values(sym.value, r.mode)
    return Line(sym, (expr, Num(value)), _off(r, sym, exact), exact, arrow=True)


def _off(r: Reading, sym: Sym, exact: Any) -> float | None:
    """How far rounding by hand has led away; exact mode shows the engine's own numbers."""
    return distance(sym.value, exact) if r.mode == "hand" else None
