"""What an op says of itself is true: its formula, evaluated by Python, gives its result, and its
local derivative gives its gradient."""

from __future__ import annotations

import ast
import math
from typing import Any

import numpy as np
import pytest

import gobhir  # noqa: F401  registers the ops
from gobhir.engine import OPS, Family, Op
from gobhir.engine.apply import apply
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

X = numbers(1, (3, 4), low=0.2, high=2.0)
Y = numbers(2, (3, 4), low=0.3, high=2.5)
HALF = numbers(4, (3, 4), low=0.1, high=0.9)
Z = numbers(5, (3, 4))
ANY = numbers(7, (3, 4))
HOT = np.eye(4)[[0, 3, 1]]

CASES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "abs": ([ANY], {}),
    "add": ([X, ANY], {}),
    "bce_loss": ([HALF, numbers(8, (3, 4), low=0.0, high=1.0)], {}),
    "bce_with_logits_loss": ([Z, HALF], {}),
    "cast": ([X], {"dtype": np.float32}),
    "clone": ([X], {}),
    "cross_entropy_loss": ([Z, HOT], {"label_smoothing": 0.1}),
    "div": ([ANY, X], {}),
    "exp": ([ANY], {}),
    "expand": ([X], {"shape": (2, 3, 4)}),
    "get_item": ([X], {"index": (slice(1, 3), 2)}),
    "huber_loss": ([X, ANY], {"delta": 0.7}),
    "kl_div_loss": ([np.log(HALF), Y], {}),
    "l1_loss": ([X, ANY], {}),
    "leaky_relu": ([ANY], {"negative_slope": 0.2}),
    "linear": ([X, numbers(9, (2, 4)), numbers(10, (2,))], {}),
    "log": ([X], {}),
    "log_softmax": ([Z], {"dim": 1}),
    "log_target_kl_div_loss": ([np.log(HALF), np.log(X)], {}),
    "mat_mul": ([X, numbers(11, (4, 2))], {}),
    "maximum": ([X, Y], {}),
    "mean": ([X], {}),
    "minimum": ([X, Y], {}),
    "mse_loss": ([X, ANY], {}),
    "mul": ([X, ANY], {}),
    "neg": ([X], {}),
    "permute": ([X], {"dims": (1, 0)}),
    "pow": ([X, ANY], {}),
    "relu": ([ANY], {}),
    "reshape": ([X], {"shape": (4, 3)}),
    "scatter": ([X[0]], {"index": ([0, 2, 2, 1],), "shape": (5,)}),
    "sigmoid": ([ANY], {}),
    "sign": ([ANY], {}),
    "smooth_l1_loss": ([X, ANY], {"beta": 0.7}),
    "softmax": ([Z], {"dim": 1}),
    "sqrt": ([X], {}),
    "sub": ([X, ANY], {}),
    "sum": ([X], {}),
    "sum_to": ([X], {"shape": ()}),
    "tanh": ([ANY], {}),
    "weighted_bce_with_logits_loss": ([Z, HALF, numbers(12, (4,), low=0.5, high=3.0)], {}),
    "where": ([ANY > 0, X, Y], {}),
}


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
        assert set(op.pullbacks) <= set(op.inputs)
        if op.family is Family.NORMALISATION:
            continue  # every result depends on every input: the family's rule says how
        for name in op.pullbacks:
            assert op.local_of(name), f"{op.name} has a gradient for {name} but no formula for it"


@pytest.mark.parametrize("name", CASES)
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
    name for name, op in OPS.items() if op.family in (Family.ELEMENTWISE, Family.LOSS)
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


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.pullbacks and n in CASES])
def test_gradients_against_finite_differences(name: str) -> None:
    """The gradient of a random weighting of the result, along one random direction an input."""
    op, (inputs, settings) = OPS[name], CASES[name]
    if name == "cast":
        settings = {"dtype": np.float64}  # float32 is too coarse to be wiggled
    options = op.defaults | settings
    out = np.asarray(op.forward(*inputs, **options))
    weights = numbers(14, out.shape)
    for k, which in enumerate(op.inputs[: len(inputs)]):
        if which not in op.pullbacks or inputs[k].dtype.kind != "f":
            continue
        direction, h = numbers(15, inputs[k].shape), 1e-6

        def along(step: float, k: int = k, direction: Any = direction) -> float:
            moved = [x + step * direction if i == k else x for i, x in enumerate(inputs)]
            return float((np.asarray(op.forward(*moved, **options)) * weights).sum())

        slope = (along(h) - along(-h)) / (2 * h)
        grad = op.pullbacks[which](weights, out, *inputs, **options)
        grad = apply(OPS["sum_to"], grad, shape=inputs[k].shape)
        got = float((grad * direction).sum())
        assert math.isclose(got, slope, rel_tol=1e-5, abs_tol=1e-6), which
