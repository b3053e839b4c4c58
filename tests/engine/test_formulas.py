"""What an op says of itself is true: its formula, evaluated by Python, gives its result, and its
local derivative gives its gradient.

The inputs stand in ops/cases/, a file for a file of engine/ops: CASES {op: (inputs, settings)};
WORDS, functions that the formulas name; NOT_PER_ELEMENT {op: why its formula, which a reader
understands, cannot be evaluated line by line here}; SYMMETRIC, ops of symmetric matrices."""

from __future__ import annotations

import ast
import importlib
import math
import pkgutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gobhir  # noqa: F401  registers the ops
from gobhir.engine import OPS, Family, Op
from gobhir.engine.apply import Parts, Pieces, apply
from tests.engine.parity import numbers

FUNCTIONS = {
    "abs": np.abs,
    "exp": np.exp,
    "log": np.log,
    "max": np.maximum,
    "min": np.minimum,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "sign": np.sign,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
    "choose": np.where,
}

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {}
NOT_PER_ELEMENT: dict[str, str] = {}
NOT_BY_WIGGLING: dict[str, str] = {}
WITHOUT_GRADIENT = {
    "weighted_bce_with_logits_loss": {"pos_weight"},
    "dropout": {"noise"},
    "gammainc": {"a"},
    "gammaincc": {"a"},
    "zeta": {"s"},
    "alpha_dropout": {"noise", "shift"},
    "nll_loss": {"weight"},
    "hinge_embedding_loss": {"y"},
    "soft_margin_loss": {"y"},
    "batch_norm_by_running": {"mean", "variance"},
    "max_pool_back": {"x", "largest"},
    "max_pool_pick": {"x", "largest"},
}
"""Floating inputs that no gradient goes to: constants of a loss or a layer, drawn numbers, and
what only says which place was chosen."""
SYMMETRIC: set[str] = set()
for _file in pkgutil.iter_modules([str(Path(__file__).parent / "ops" / "cases")]):
    _cases = importlib.import_module(f"tests.engine.ops.cases.{_file.name}")
    CASES |= _cases.CASES
    FUNCTIONS |= getattr(_cases, "WORDS", {})
    NOT_PER_ELEMENT |= getattr(_cases, "NOT_PER_ELEMENT", {})
    NOT_BY_WIGGLING |= getattr(_cases, "NOT_BY_WIGGLING", {})
    SYMMETRIC |= getattr(_cases, "SYMMETRIC", set())


class Choices(ast.NodeTransformer):
    """`a if c else b` chooses for whole arrays at once."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.Call:
        self.generic_visit(node)
        call = ast.Call(ast.Name("choose", ast.Load()), [node.test, node.body, node.orelse], [])
        return ast.copy_location(call, node)


def evaluate(formula: str, op: type[Op], inputs: list[Any], settings: dict, out: Any = None) -> Any:
    names: dict[str, Any] = dict(FUNCTIONS)
    names |= op.defaults | settings | dict(zip(op.inputs, inputs, strict=False))
    names |= {op.result: out, "N": inputs[0].size} | rearranging(op, settings)
    dim = 1 if op.name == "cross_entropy_loss" else settings.get("dim")
    names["sum"] = lambda a: a.sum(axis=dim, keepdims=dim is not None)
    tree = ast.fix_missing_locations(Choices().visit(ast.parse(formula, mode="eval")))
    with np.errstate(all="ignore"):
        return np.asarray(eval(compile(tree, formula, "eval"), {"__builtins__": {}}, names))


def rearranging(op: type[Op], settings: dict) -> dict[str, Any]:
    """Rearrangements are called by their own name: what they do is moving, not computing."""
    if op.family not in (Family.REARRANGEMENT, Family.GATHER):
        return {}
    return {op.name: lambda x: op.forward(x, **settings)}


def per_element(op: type[Op], inputs: list[Any], settings: dict) -> np.ndarray:
    more = {"reduction": "none"} if op.family is Family.LOSS else {}
    return np.asarray(op.forward(*inputs, **op.defaults | settings | more))


def shipped() -> dict[str, type[Op]]:
    return {name: op for name, op in OPS.items() if op.__module__.startswith("gobhir.")}


def test_every_op_has_a_case_and_says_what_it_is() -> None:
    assert set(shipped()) == set(CASES)
    for op in shipped().values():
        assert op.formula and op.__doc__ and op.family is not Family.OPAQUE
        given = zip(op.inputs, CASES[op.name][0], strict=False)
        floating = {name for name, x in given if np.asarray(x).dtype.kind == "f"}
        assert floating - WITHOUT_GRADIENT.get(op.name, set()) <= set(op.pullbacks), op.name
        assert set(op.pullbacks) <= set(op.inputs)
        if op.family not in (Family.ELEMENTWISE, Family.LOSS) or op.name in NOT_PER_ELEMENT:
            continue  # every result depends on many inputs: the family's rule says how
        for name in op.pullbacks:
            assert op.local_of(name), f"{op.name} has a gradient for {name} but no formula for it"


@pytest.mark.parametrize("name", [n for n in CASES if n not in NOT_PER_ELEMENT])
def test_the_formula_is_the_forward_computation(name: str) -> None:
    op, (inputs, settings) = OPS[name], CASES[name]
    want = per_element(op, inputs, settings)
    shown = list(inputs)
    if name == "cross_entropy_loss":  # its y in the formula is what the target asks for
        shown[1] = op.asked(*inputs, **op.defaults | settings)
    got = evaluate(op.formula, op, shown, settings)
    if name == "cross_entropy_loss":
        got = got.squeeze(1)
    np.testing.assert_allclose(np.broadcast_to(got, want.shape), want, rtol=1e-6, atol=1e-12)


ELEMENT_BY_ELEMENT = [
    name
    for name, op in OPS.items()
    if op.family in (Family.ELEMENTWISE, Family.LOSS) and name in CASES.keys() - NOT_PER_ELEMENT
]


@pytest.mark.parametrize("name", ELEMENT_BY_ELEMENT)
def test_the_local_derivative_is_the_gradient(name: str) -> None:
    op, (inputs, settings) = OPS[name], CASES[name]
    options = op.defaults | settings | ({"reduction": "none"} if op.family is Family.LOSS else {})
    out = np.asarray(op.forward(*inputs, **options))
    shown = list(inputs)
    if name == "cross_entropy_loss":
        shown[1] = op.asked(*inputs, **options)
    for which, pullback in op.pullbacks.items():
        if name == "cross_entropy_loss" and which == "y":
            continue  # its derivative is to the target before smoothing
        cotangent = numbers(13, out.shape)
        got = pullback(cotangent, out, *inputs, **options)
        local = evaluate(op.local_of(which), op, shown, settings, out)
        spread = cotangent[:, None] if name == "cross_entropy_loss" else cotangent
        want = np.broadcast_to(spread * local, got.shape)
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)


def weights_for(out: Any) -> Any:
    """Drawn numbers in the shape of a result, or of each of several; 0 for whole numbers."""
    if isinstance(out, tuple):
        return Parts(weights_for(part) for part in out)
    drawn = numbers(14, np.shape(out))
    return drawn if np.asarray(out).dtype.kind == "f" else np.zeros_like(drawn)


def weighed(out: Any, weights: Any) -> float:
    if isinstance(out, tuple):
        return sum(weighed(part, w) for part, w in zip(out, weights, strict=True))
    return float((np.asarray(out) * weights).sum())


WIGGLED = [n for n, op in OPS.items() if op.pullbacks and n in CASES.keys() - NOT_BY_WIGGLING]


@pytest.mark.parametrize("name", WIGGLED)
def test_gradients_against_finite_differences(name: str) -> None:
    """The gradient of a random weighting of the result, along one random direction an input."""
    op, (inputs, settings) = OPS[name], CASES[name]
    if name == "cast":
        settings = {"dtype": np.float64}  # float32 is too coarse to be wiggled
    options = op.defaults | settings
    out = op.forward(*inputs, **options)
    weights = weights_for(out)
    for k, which in enumerate(op.inputs[: len(inputs)]):
        if (
            which not in op.pullbacks
            or np.asarray(inputs[k]).dtype.kind != "f"
            or op.name == "part"
        ):
            continue
        direction, h = numbers(15, inputs[k].shape), 1e-6
        if name in SYMMETRIC:
            direction = direction + direction.mT

        def along(step: float, k: int = k, direction: Any = direction) -> float:
            moved = [x + step * direction if i == k else x for i, x in enumerate(inputs)]
            return weighed(op.forward(*moved, **options), weights)

        slope = (along(h) - along(-h)) / (2 * h)
        grad = op.pullbacks[which](weights, out, *inputs, **options)
        if op.vjps is not None:
            grad = grad[k]
        grad = grad.whole() if isinstance(grad, Pieces) else grad
        grad = apply(OPS["sum_to"], grad, shape=inputs[k].shape)
        got = float((grad * direction).sum())
        assert math.isclose(got, slope, rel_tol=1e-5, abs_tol=1e-6), which
