"""Graphs that are long, that are let go of, and gradients that are still there."""

from __future__ import annotations

import gc
import warnings
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import torch

import gobhir

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


@pytest.mark.slow
def test_a_hundred_thousand_ops_neither_recurse_nor_stay() -> None:
    x = gobhir.ones(3, requires_grad=True)
    gc.disable()  # what is let go of must not wait for the collector of cycles
    try:
        for used in (True, False):
            y = x
            for _ in range(100_000):
                y = y * 1.0
            if used:
                y.sum().backward()
                assert x.grad.tolist() == [1.0, 1.0, 1.0]
            gone = weakref.ref(y)
            del y
            assert gone() is None
    finally:
        gc.enable()


CHAINS: dict[str, Callable[[gobhir.Tensor], gobhir.Tensor]] = {
    "numbers": lambda y: y * 1.0,
    "views": lambda y: y.view(2, 2).view(4),
    "slices": lambda y: y[:],
    "in place": lambda y: y.add_(1.0),
    "results of several": lambda y: y.sort()[0],
    "joined": lambda y: gobhir.cat([y[:2], y[2:]]),
    "written into": lambda y: y.index_fill_(0, gobhir.tensor([1]), 0.5),
}


def differentiated(y: gobhir.Tensor, x: gobhir.Tensor, way: str) -> None:
    if way == "retain_graph":
        loss = y.sum()
        loss.backward(retain_graph=True)
        loss.backward()
    elif way == "create_graph":
        (slope,) = gobhir.autograd.grad(y.pow(2).sum(), x, create_graph=True)
        slope.sum().backward()
    x.grad = None


@pytest.mark.slow
@pytest.mark.parametrize("way", ["no_grad", "retain_graph", "create_graph"])
@pytest.mark.parametrize("name", CHAINS)
def test_long_chains_of_all_kinds_leave_nothing_behind(name: str, way: str) -> None:
    x = gobhir.arange(4.0, requires_grad=True)

    def run(length: int) -> None:
        with gobhir.set_grad_enabled(way != "no_grad"):
            y = x * 1.0
            for _ in range(length):
                y = CHAINS[name](y)
        differentiated(y, x, way)

    run(3)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        run(2_000)
        assert len(gc.get_objects()) - before < 100
    finally:
        gc.enable()


def test_a_graph_is_let_go_of_by_backward() -> None:
    x = gobhir.ones(3, requires_grad=True)
    middle = x * 2
    gone = weakref.ref(middle)
    loss = middle.exp().sum()
    del middle
    assert gone() is not None
    loss.backward()
    assert gone() is None


class Own(gobhir.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, d: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * x * d


def test_so_is_what_an_op_of_one_s_own_has_saved() -> None:
    x = gobhir.ones(3, requires_grad=True)
    middle = x * 2
    gone = weakref.ref(middle)
    last = Own.apply(middle)
    del middle
    last.sum().backward()
    assert gone() is None and x.grad.tolist() == [8.0] * 3


def test_a_gradient_that_is_kept_does_not_keep_its_tensor() -> None:
    x = gobhir.ones(3, requires_grad=True)
    middle = x * 2
    middle.retain_grad()
    (middle * 3).sum().backward()
    assert middle.grad.tolist() == [3.0] * 3
    gone = weakref.ref(middle)
    gc.disable()
    try:
        del middle
        assert gone() is None
    finally:
        gc.enable()


@BOTH
def test_gradients_add_up_in_the_same_memory(t: ModuleType) -> None:
    x = t.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first and first.tolist() == [6.0, 6.0]
    (x**2).sum().backward(create_graph=True)
    assert x.grad.tolist() == [8.0, 8.0] and first.tolist() == [6.0, 6.0]


def test_a_forgotten_zero_grad_is_noticed_once() -> None:
    layer = gobhir.nn.Linear(2, 1)
    optimizer = gobhir.optim.SGD(layer.parameters(), lr=0.1)

    def step(zero: bool) -> None:
        if zero:
            optimizer.zero_grad()
        layer(gobhir.ones(1, 2)).sum().backward()
        optimizer.step()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(zero=False)  # the first: there is nothing old
        for _ in range(3):
            step(zero=True)
        layer(gobhir.ones(1, 2)).sum().backward()  # two batches for one step, on purpose
        step(zero=False)
        for p in layer.parameters():
            p.grad.zero_()
        step(zero=False)
    with pytest.warns(UserWarning, match="zero_grad") as told:
        step(zero=False)
    assert told[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step(zero=False)


@BOTH
def test_a_graph_can_be_walked(t: ModuleType) -> None:
    w, x = t.ones(2, requires_grad=True), t.ones(2)
    step = ((w * x) + 1).grad_fn
    assert step.name() == "AddBackward0" and step.next_functions[1:] == ((None, 0),)
    product, place = step.next_functions[0]
    assert product.name() == "MulBackward0" and place == 0
    (leaf, _), nothing = product.next_functions
    assert nothing == (None, 0)
    assert leaf.variable is w and leaf.next_functions == ()


@BOTH
def test_the_precision_of_matrix_products(t: ModuleType) -> None:
    t.set_float32_matmul_precision("highest")
    assert t.get_float32_matmul_precision() == "highest"


@BOTH
def test_backward_and_grad_by_name(t: ModuleType) -> None:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    t.autograd.backward((x**2).sum())
    t.autograd.backward([(x**2).sum(), x.sum()])
    assert x.grad.tolist() == [5.0, 9.0]
    t.autograd.backward(x * 3, grad_tensors=t.tensor([1.0, 0.0]), inputs=x)
    t.autograd.backward([x, x.sum()], [t.ones(2), None])
    assert x.grad.tolist() == [10.0, 11.0]
    got = t.autograd.grad((x**2).sum(), x, None, True, True, True, False)
    assert got[0].tolist() == [2.0, 4.0]


@BOTH
def test_grad_leaves_what_lies_beyond_its_inputs(t: ModuleType) -> None:
    a = t.tensor([0.0, 1.0], requires_grad=True)
    between = 2 * a
    (d,) = t.autograd.grad((between**2).sum(), between)
    assert d.tolist() == [0.0, 4.0]
    between.sum().backward()
    assert a.grad.tolist() == [2.0, 2.0]
    (d,) = t.autograd.grad((between * 3).sum(), between)  # how it was made is not needed here
    assert d.tolist() == [3.0, 3.0]
