"""An op of the learner's own runs as under PyTorch: the same program on both."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


def cube(t: ModuleType) -> Any:
    class Cube(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            (x,) = ctx.saved_tensors
            return d * 3 * x**2

    return Cube


@BOTH
def test_first_and_second_derivative(t: ModuleType) -> None:
    x = t.tensor([1.0, 2.0, -0.5], dtype=t.float64, requires_grad=True)
    y = cube(t).apply(x)
    assert y.requires_grad and not y.is_leaf
    (first,) = t.autograd.grad(y.sum(), x, create_graph=True)
    assert first.tolist() == [3.0, 12.0, 0.75]
    (second,) = t.autograd.grad(first.sum(), x)
    assert second.tolist() == [6.0, 12.0, -3.0]
    assert t.autograd.gradcheck(cube(t).apply, (x,))
    assert t.autograd.gradgradcheck(cube(t).apply, (x,))


def test_gradgradcheck_draws_as_many_random_numbers() -> None:
    drawn = []
    for t in (gobhir, torch):
        t.manual_seed(0)
        x = t.ones(3, 4, dtype=t.float64, requires_grad=True)
        assert t.autograd.gradcheck(t.exp, x) and t.autograd.gradgradcheck(t.exp, x)
        drawn.append(t.rand(3).tolist())
    assert drawn[0] == drawn[1]


@BOTH
def test_several_inputs_and_results(t: ModuleType) -> None:
    class SumAndProduct(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any, factor: float) -> Any:
            ctx.save_for_backward(x, y)
            ctx.factor = factor
            largest = (x > y).long()
            ctx.mark_non_differentiable(largest)
            return x + y, factor * x * y, largest

        @staticmethod
        def backward(ctx: Any, ds: Any, dp: Any, _: Any) -> Any:
            x, y = ctx.saved_tensors
            assert ctx.needs_input_grad == (True, False, False)
            return ds + ctx.factor * dp * y, None, None

    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = t.tensor([3.0, 1.0])
    total, product, largest = SumAndProduct.apply(x, y, 2.0)
    assert largest.tolist() == [0, 1] and not largest.requires_grad
    (total.sum() + 10 * product.sum()).backward()
    assert x.grad.tolist() == [61.0, 21.0]
    x.grad = None
    product.requires_grad  # noqa: B018  a result alone, the other one without a gradient
    SumAndProduct.apply(x, y, 2.0)[1].sum().backward()
    assert x.grad.tolist() == [6.0, 2.0]


@BOTH
def test_setup_context(t: ModuleType) -> None:
    class Exp(t.autograd.Function):
        @staticmethod
        def forward(x: Any) -> Any:
            return t.exp(x)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(output)

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            (out,) = ctx.saved_tensors
            return d * out

    x = t.tensor([0.0, 1.0], requires_grad=True)
    (first,) = t.autograd.grad(Exp.apply(x).sum(), x, create_graph=True)
    (second,) = t.autograd.grad(first.sum(), x)
    assert t.allclose(second, t.exp(x))


@BOTH
def test_without_autograd_and_as_identity(t: ModuleType) -> None:
    with t.no_grad():
        assert not cube(t).apply(t.ones(2, requires_grad=True)).requires_grad
    assert not cube(t).apply(t.ones(2)).requires_grad

    class Reversal(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            return -d

    x = t.ones(2, requires_grad=True)
    Reversal.apply(x).sum().backward()
    assert x.grad.tolist() == [-1.0, -1.0] and x.is_leaf


@BOTH
def test_wrong_backwards_are_refused(t: ModuleType) -> None:
    def op(backward: Any) -> Any:
        class Wrong(t.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any, y: Any) -> Any:
                return x * y

        Wrong.backward = staticmethod(backward)
        return Wrong

    x = t.ones(3, requires_grad=True)
    for backward in (lambda ctx, d: d, lambda ctx, d: (d[:2], None), lambda ctx, d: (d, d, d)):
        with pytest.raises(RuntimeError):
            op(backward).apply(x, t.ones(3)).sum().backward()


@BOTH
def test_a_saved_tensor_changed_in_place(t: ModuleType) -> None:
    x = t.ones(2, requires_grad=True)
    z = x * 1
    y = cube(t).apply(z)
    z.add_(1)
    with pytest.raises(RuntimeError, match="inplace operation"):
        y.sum().backward()


@BOTH
def test_gradcheck_finds_a_wrong_gradient(t: ModuleType) -> None:
    class Wrong(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x**2

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            return d

    x = t.tensor([1.0, 3.0], dtype=t.float64, requires_grad=True)
    with pytest.raises(RuntimeError):
        t.autograd.gradcheck(Wrong.apply, (x,))
    assert not t.autograd.gradcheck(Wrong.apply, (x,), raise_exception=False)
    assert x.tolist() == [1.0, 3.0]


SHAPES = [((4,), (2, 2)), ((), (1,)), ((1,), (4,)), ((4,), (1, 4)), ((2, 4), (4,)), ((1, 4), (4,))]


@BOTH
@pytest.mark.parametrize("create_graph", [True, False])
@pytest.mark.parametrize(("given", "shape"), SHAPES)
def test_a_gradient_has_its_input_s_shape(
    t: ModuleType, given: tuple[int, ...], shape: tuple[int, ...], create_graph: bool
) -> None:
    class Ones(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.sum()

        @staticmethod
        def backward(ctx: Any, d: Any) -> Any:
            return t.ones(given) * d

    x = t.ones(shape, requires_grad=True)
    if len(given) > len(shape):  # summed, as after broadcasting
        (g,) = t.autograd.grad(Ones.apply(x), x, create_graph=create_graph)
        assert g.tolist() == [given[0]] * 4
    else:
        with pytest.raises(RuntimeError):
            t.autograd.grad(Ones.apply(x), x, create_graph=create_graph)


def test_a_derivation_and_a_replay_see_the_op() -> None:
    from gobhir.engine import Tape
    from gobhir.engine.replay import replay

    x = gobhir.tensor([1.0, 2.0], requires_grad=True)
    with Tape() as tape:
        y = cube(gobhir).apply(x) * 2
        y.sum().backward()
    assert [r.op.name for r in tape.records] == ["Cube", "mul", "sum"]
    (again,) = replay(tape, [tape.records[1]])
    assert again.tolist() == [2.0, 16.0]


@BOTH
def test_a_second_derivative_of_what_is_differentiable_once(t: ModuleType) -> None:
    class Square(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @t.autograd.function.once_differentiable
        def backward(ctx: Any, d: Any) -> Any:
            (x,) = ctx.saved_tensors
            return 2 * x * d

    x, w = (t.ones(2, requires_grad=True) for _ in range(2))
    (g,) = t.autograd.grad(Square.apply(x).sum(), x, create_graph=True)
    assert g.tolist() == [2, 2] and not g.requires_grad
    (g,) = t.autograd.grad((w * Square.apply(x)).sum(), x, create_graph=True)
    assert g.tolist() == [2, 2] and g.requires_grad
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()
