"""A recurrent step that is carried out as its formulas are written, gate by gate: what takes a step
apart for a page, and steps of another kind than the engine's own (with a mask, with another bend),
which are nothing but their formulas."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gobhir.engine.ops import activations
from gobhir.engine.ops.linear import linear
from gobhir.engine.ops.recurrent import Step
from gobhir.engine.tape import Tape, enable_grad, no_grad
from gobhir.engine.tensor import Tensor

BENDS: dict[str, Callable[..., Any]] = {
    "elu": activations.elu,
    "hardsigmoid": activations.hardsigmoid,
    "relu": activations.relu,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "softsign": activations.softsign,
    "tanh": activations.tanh,
}
"""What a formula may bend a sum with."""


def bends(seen: Callable[[Any], None] | None = None) -> dict[str, Callable[..., Any]]:
    """The functions of the formulas; `seen` is shown what goes into a bend."""

    def looking(bend: Callable[..., Any]) -> Callable[..., Any]:
        def call(z: Any) -> Any:
            if seen is not None:
                seen(z)
            return bend(z)

        return call

    return {name: looking(bend) for name, bend in BENDS.items()} | {
        "max": lambda zero, z: activations.relu(z)
    }


def value(
    formula: str, names: dict[str, Any], functions: dict[str, Callable[..., Any]] | None = None
) -> Any:
    """What the formula gives for these tensors. A bias that is not there adds nothing; W @ x is
    a layer's weighted sum."""
    functions = functions or bends()

    def go(n: ast.expr) -> Any:
        match n:
            case ast.Constant(value=v):
                return v
            case ast.Name(id=name):
                return names.get(name)
            case ast.BinOp(left=W, op=ast.MatMult(), right=x):
                return linear(go(x), go(W), None)
            case ast.BinOp(left=a, op=ast.Add(), right=b):
                left, right = go(a), go(b)
                return left if right is None else left + right
            case ast.BinOp(left=a, op=ast.Sub(), right=b):
                return go(a) - go(b)
            case ast.BinOp(left=a, op=ast.Mult(), right=b):
                return go(a) * go(b)
            case ast.Call(func=ast.Name(id=name), args=args):
                return functions[name](*map(go, args))
            case ast.IfExp(test=ast.Name(id=name), body=a, orelse=b):
                return go(a if names[name] else b)
        raise ValueError(f"not a step's formula: {formula!r}")

    return go(ast.parse(formula, mode="eval").body)


def rows_of_gates(names: dict[str, Any], gates: Sequence[str]) -> dict[str, Any]:
    """W_if, the rows of W_ih that belong to gate f, and so on; nothing where there is but one."""
    out: dict[str, Any] = {}
    for word in ("W_ih", "W_hh", "b_ih", "b_hh") if len(gates) > 1 else ():
        whole = names.get(word)
        if whole is not None:
            size = whole.shape[0] // len(gates)
            for k, gate in enumerate(gates):
                out[f"{word[:3]}{gate}"] = whole[k * size : (k + 1) * size]
    return out


def written(
    kind: type[Step],
    gates: dict[str, str],
    formula: str,
    more: Sequence[str] = (),
    peculiar: tuple[str, ...] = (),
) -> type[Step]:
    """A step like `kind`, by these formulas. more: names in them beside those that `kind` takes.
    It gives h_new, of an LSTM also c_new: what goes into the last bend."""
    inputs = (*kind.inputs, *more)
    results = len(kind.results) or 1

    def run(given: Sequence[Any]) -> list[Any]:
        names = dict(zip(inputs, given, strict=True))
        names |= rows_of_gates(names, tuple(gates))
        cell: list[Any] = []
        for gate, own in gates.items():
            names[gate] = value(own, names)
        h = value(formula, names, bends(cell.append))
        return [h, *cell[-1:]][:results]

    def forward(*given: Any) -> Any:
        with no_grad():
            found = [np.asarray(a) for a in run(given)]
        return tuple(found) if results > 1 else found[0]

    def vjps(d: Any, out: Any, *given: Any) -> Any:
        from gobhir.engine.backward import grad

        with Tape(private=True), enable_grad():
            own = [None if a is None else Tensor._wrap(_array(a), True) for a in given]
            asked = [t for t in own if t is not None]
            seeds = [Tensor._wrap(_array(a)) for a in (d if results > 1 else (d,))]
            found = iter(grad(run(own), asked, seeds, allow_unused=True))
        pulled = [None if t is None else next(found) for t in own]
        return tuple(None if g is None else g.array for g in pulled)

    about: dict[str, Any] = {
        "inputs": inputs,
        "settings": {},
        "defaults": {},
        "results": kind.results,
    }
    about |= {"name": kind.name, "gates": gates, "formula": formula, "memos": 0}
    about |= {"peculiar": peculiar}
    work = {"forward": forward, "vjps": vjps, "pullbacks": dict.fromkeys(inputs, vjps)}
    return type(kind.__name__, (Step,), about | work, abstract=True)


def _array(a: Any) -> np.ndarray:
    return a.array if isinstance(a, Tensor) else np.asarray(a)
