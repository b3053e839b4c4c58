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
from gobhir.explain.pages.clipping import Clipping, clipping, told
from gobhir.explain.pages.lines import distance, page_values, scalar_line
from gobhir.explain.pages.schedule import learning_rate, rate, setting
from gobhir.explain.quantity import Quantity, element, size
from gobhir.explain.reading import Reading

SYMBOLS = {
    "lr": Name("eta"),
    "momentum": Name("mu"),
    "dampening": Name("tau"),
    "weight_decay": Name("lambda"),
    "lambd": Name("lambda", index=("d",)),
    "eps": Name("epsilon"),
    "eps2": Name("epsilon", index=("2",)),
    "decay": Name("gamma"),
    "w_norm": Name("N", index=("w",)),
    "u_norm": Name("N", index=("u",)),
    "w_size": Name("N", index=("w",)),
    "u_size": Name("N", index=("u",)),
    "r_mean": Name("R"),
    "eta_plus": Name("eta", index=("+",)),
    "eta_minus": Name("eta", index=("−",)),
}
INTRODUCED = {"SGD", "Adam", "AdamW", "Adagrad", "Adadelta", "RMSprop"}
INTRODUCED |= {"NAdam", "RAdam", "Adamax", "Rprop", "ASGD"}
INTRODUCED |= {"Lamb", "Adafactor", "Muon", "Lion", "Ftrl"}
"""Optimizers with an introduction of their own, under `rules.update.<name>`."""
# keys: rules.update.*


WHOLE = {"Muon", "Lamb", "Adafactor"}
"""Optimizers of other houses that look at a matrix of weights as a whole."""


_SAID = {
    ("g", "-g"): "maximize",
    ("g", "g + weight_decay * w"): "decay",
    ("w", "w - lr * weight_decay * w"): "decoupled",
    ("v", "g"): "first_velocity",
    ("g", "g + momentum * v"): "nesterov",
    ("m_hat", "m / (1 - beta1**t)"): "corrected",
    ("v_max", "max(v_max, v)"): "amsgrad",
    ("m", "alpha * m + (1 - alpha) * g"): "centered",
    ("rho", "w_norm / u_norm if w_norm > 0 else 1"): "trust",
    ("r", "beta2 * r + (1 - beta2) * p"): "rows",
    ("v", "r / r_mean * c"): "together",
    ("alpha", "max(eps2, w_size) * min(lr, 1 / sqrt(t))"): "usual_size",
    ("w", "w - alpha * u / max(1, u_size / d)"): "not_too_far",
    ("g", "s * g"): "scaled",
    ("g", "min(max(g, -limit), limit)"): "cut",
}
"""Lines of rules with a sentence of their own, under `rules.update_line.<name>`."""
# keys: rules.update_line.*


def update(r: Reading, shown: Tensor, index: Index) -> Section:
    """All updates; the parameter `shown` has its element `index` worked out in full."""
    updates = [u for u in r.run.tape.updates if u.parameter in r.pulled_of]
    clip = clipping(r, updates)
    steps = []
    for k, u in enumerate(sorted(updates, key=lambda u: u.parameter is not shown)):
        pieces: list[Piece] = []
        if k == 0:
            first = u
            total = sum(size(r.pulled_of[v.parameter].shape) for v in updates)
            pieces += [*told(clip, r.mode, total), *learning_rate(u, r.mode)]
            pieces += [*_introduced(u), *_one(r, u, index, clip)] if u.rule else [as_a_whole(u)]
            if u.rule:
                pieces.append(Say("rules.update.all", {"count": Count(total)}))
        else:
            pieces += _own_settings(r, u, first)
        pieces.append(_all(r, u, clip))
        layer = r.quantities[u.parameter].layer
        operands = {"w": r.quantities[u.parameter].shape}
        name = called(u)
        steps.append(Step(f"update.{k}", "update", "update", name, layer, operands, tuple(pieces)))
    return Section("update", tuple(steps))


def called(u: Update) -> str:
    """The optimizer's name."""
    return str(getattr(u.optimizer, "name", "")) or type(u.optimizer).__name__


def as_a_whole(u: Update) -> Say:
    """Why no weight's step is shown alone."""
    if u.optimizer is None:
        return Say("rules.update.by_hand")
    known = not hasattr(u.optimizer, "name") or called(u) in WHOLE
    if called(u) == "LBFGS":
        return Say("rules.update.LBFGS")
    key = "rules.update.whole" if known else "rules.update.unruled"
    return Say(key, {"optimizer": called(u)})


def _introduced(u: Update) -> list[Piece]:
    """What this optimizer does, and what it remembers of the steps before."""
    name = type(u.optimizer).__name__
    name = {"Nadam": "NAdam"}.get(name, name)
    kind = name if name in INTRODUCED else "other"
    kind = "momentum" if name == "SGD" and u.hyper.get("momentum") else kind
    out: list[Piece] = [Say(f"rules.update.{kind}", {"optimizer": name})]
    t = u.hyper.get("t", 0)
    if t > 2:
        out.append(Say("rules.update.later", {"t": Count(t), "before": Count(t - 1)}))
    elif t == 2:
        out.append(Say("rules.update.second"))
    elif not t and any(np.any(v) for k, v in u.before.items() if k != "w"):
        out.append(Say("rules.update.remembered"))
    return out


def _own_settings(r: Reading, u: Update, first: Update) -> list[Piece]:
    """Settings by which this parameter's group differs from the first one's."""
    seen = getattr(u.optimizer, "measured", ())
    keys = {k for k in u.hyper.keys() | first.hyper.keys() if k != "t" and k not in seen}
    own = sorted(k for k in keys if u.hyper.get(k, 0) != first.hyper.get(k, 0))
    out: list[Piece] = []
    for said, names in ("group", own), ("measured", [k for k in seen if k in u.hyper]):
        if names:
            out.append(Say(f"rules.update.{said}", {"w": r.quantities[u.parameter].sym}))
        for k in names:
            value = setting(u.hyper.get(k, 0), "exact" if said == "group" else "hand")
            shown = {"name": SYMBOLS.get(k) or Name(k), "value": Num(value)}
            out.append(Say("rules.update.setting", shown))
    return out


def _names(r: Reading, u: Update, clip: Clipping) -> dict[str, Expr]:
    q, pulled = r.quantities[u.parameter], r.pulled_of[u.parameter]
    names: dict[str, Expr] = {"w": q.sym, "g": pulled.sym, **clip.names}
    if u.parameter in clip.changed:
        taken = r.values(None, np.asarray(u.grad).reshape(q.shape))
        names["g"] = Sym(state_name(q.name, "g"), taken)
    for key, value in u.hyper.items():
        own = rate(u, r.mode) if key == "lr" else setting(value, "exact")
        if key in getattr(u.optimizer, "measured", ()):
            own = r.rounder(decimals(value))
        names[key] = Sym(SYMBOLS.get(key) or Name(key), own)
    for key, value in u.before.items():
        if key != "w":
            exact = np.asarray(value).reshape(q.shape)
            exact = exact.ravel()[0] if _is_shared(u, key) else exact
            name = Name(key) if _is_shared(u, key) else state_name(q.name, key)
            names[key] = Sym(name, r.values(None, np.asarray(exact)))
    return names


def _is_shared(u: Update, key: str) -> bool:
    """Whether this state is one number for the whole parameter."""
    return u.optimizer is not None and u.optimizer.names.get(key) in u.optimizer.shared


def state_name(w: Name, key: str) -> Name:
    return Name({"a": "m"}.get(key, key), w.layer, w.index)  # a is an activation


def assignments(r: Reading, u: Update, clip: Clipping) -> list[tuple[Sym, Expr, str]]:
    """Each assignment of the rule: what is set, and to what, with the page's values; and the
    sentence that belongs to it."""
    q: Any = r.quantities[u.parameter]
    names = _names(r, u, clip)
    out = []
    rule = (*clip.rule, *u.rule)
    for k, (target, formula) in enumerate(rule):
        expr = tidy(read(formula, names))
        shape = q.shape if expr.shape or target in ("w", "g") else ()
        kept = u.after.get(target) if _ends(rule, k) else None
        if kept is None:
            values = _worked_out(r, expr, shape)
        else:
            kept = np.asarray(kept)
            values = r.values(expr, kept.reshape(q.shape) if shape else kept.reshape(-1)[0])
        name = q.name if target == "w" else state_name(q.name, target) if shape else Name(target)
        sym = Sym(name, values)
        out.append((sym, expr, _SAID.get((target, formula), "")))
        names[target] = sym
    return out


def is_last(u: Update, k: int) -> bool:
    """Whether assignment k of the rule is the one that gives its target the value it ends with:
    AdamW sets w twice."""
    return _ends(u.rule, k)


def _ends(rule: tuple[Any, ...], k: int) -> bool:
    return all(target != rule[k][0] for target, _ in rule[k + 1 :])


def _worked_out(r: Reading, expr: Expr, shape: tuple[int, ...]) -> Any:
    """Values of an intermediate that the optimizer does not keep (m_hat, v_hat)."""
    if r.mode == "hand" or not shape:
        values = [result(element(expr, i, shape), r.rounder) for i in indices(shape)]
        return objects(values, shape) if shape else values[0]
    where = tuple(np.ogrid[tuple(map(slice, expr.shape))])
    return np.broadcast_to(np.asarray(expr.floats(where), float).reshape(expr.shape), shape)


def _one(r: Reading, u: Update, index: Index, clip: Clipping) -> list[Piece]:
    q = r.quantities[u.parameter]
    pieces: list[Piece] = []
    rule = (*clip.rule, *u.rule)
    made = assignments(r, u, clip)
    for k, ((key, _), (sym, expr, said)) in enumerate(zip(rule, made, strict=True)):
        after = u.after.get(key) if _ends(rule, k) else None
        at = index if sym.shape else ()
        exact = None if after is None else _at(after, q, index)
        theirs = r.updated.get(u.parameter, {}).get(key)
        truth = None if theirs is None else _at(theirs, q, index)
        if said:
            pieces.append(Say(f"rules.update_line.{said}"))
        arrow = key == "w" or key in u.before or sym.name.base == _base(expr)
        e = element(expr, at, sym.shape)
        pieces.append(scalar_line(sym.at(at), e, r.mode, exact, arrow=arrow, truth=truth))
    return pieces


def one_change(r: Reading, parameter: Tensor, index: Index) -> list[Piece]:
    """What the optimizer did with one number, line by line."""
    updates = [u for u in r.run.tape.updates if u.parameter in r.pulled_of]
    (u,) = (u for u in updates if u.parameter is parameter)
    return _one(r, u, index, clipping(r, updates))


def _at(array: Any, q: Quantity, index: Index) -> float:
    """The number of a parameter's array, or of what is one for the whole parameter."""
    array = np.asarray(array)
    return float(array.reshape(q.shape)[index] if array.ndim else array)


def _base(expr: Expr) -> str:
    """What is changed, where a formula changes what it starts from (g becomes g + ...)."""
    names = [n.name.base for n in expr.walk() if isinstance(n, Sym)]
    return "g" if "g" in names else ""


def _all(r: Reading, u: Update, clip: Clipping) -> Line:
    name = r.quantities[u.parameter].name
    if not u.rule:  # only the result can be shown
        shape = r.quantities[u.parameter].shape
        exact = np.asarray(u.after["w"]).reshape(shape)
        sym = Sym(name, r.values(None, exact))
        value = page_values(sym.value, r.mode)
        return Line(sym, (Num(value),), _off(r, u, sym, exact), exact, arrow=True)
    sym, expr, _ = [a for a in assignments(r, u, clip) if a[0].name == name][-1]
    exact = np.asarray(u.after["w"]).reshape(sym.shape)
    value = page_values(sym.value, r.mode)
    return Line(sym, (expr, Num(value)), _off(r, u, sym, exact), exact, arrow=True)


def _off(r: Reading, u: Update, sym: Sym, exact: Any) -> float | None:
    """How far it is from PyTorch's, or rounding by hand has led away."""
    theirs = r.updated.get(u.parameter, {}).get("w")
    if theirs is not None:
        return distance(sym.value, theirs)
    return distance(sym.value, exact) if r.mode == "hand" else None
