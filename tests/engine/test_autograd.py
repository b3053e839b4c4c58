"""The tape and backward(): order, accumulation, hooks, graphs used twice, in-place changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.engine import Gradient, Record, Tape

BOTH = pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])


def numbers_of(x: Any) -> np.ndarray:
    return x.detach().numpy()


@BOTH
def test_paths_that_meet_are_complete_before_they_are_passed_on(t: Any) -> None:
    a = t.tensor([3.0], requires_grad=True)
    b = a + a
    c = b * b + b
    c.backward()
    assert a.grad.item() == 8 * 3.0 + 2


@pytest.mark.parametrize("length", [2_000, 20_000])
def test_long_chains_do_not_recurse(length: int) -> None:
    x = gobhir.tensor(1.0, dtype=gobhir.float64, requires_grad=True)
    y = x
    for _ in range(length):
        y = y * 1.0001
    y.backward()
    assert x.grad.item() == pytest.approx(1.0001**length)
    del y  # letting go of the chain must not recurse either


def test_many_paths_are_walked_once() -> None:
    x = gobhir.tensor(1.0, dtype=gobhir.float64, requires_grad=True)
    y = x
    for _ in range(60):
        y = (y + y) * 0.5  # 2 ** 60 paths
    y.backward()
    assert x.grad.item() == 1.0


@BOTH
def test_backward_twice_is_refused_unless_the_graph_is_retained(t: Any) -> None:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert numbers_of(x.grad).tolist() == [4.0, 8.0]
    with pytest.raises(RuntimeError):
        y.backward()


@BOTH
def test_a_part_used_before_is_refused_too(t: Any) -> None:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    shared = x * x
    shared.sum().backward()
    with pytest.raises(RuntimeError):
        shared.exp().sum().backward()


@BOTH
def test_gradients_add_up_until_they_are_taken_away(t: Any) -> None:
    x = t.tensor(2.0, requires_grad=True)
    for k in (1, 2, 3):
        (x**2).backward()
        assert x.grad.item() == 4.0 * k
    x.grad = None
    (x**2).backward()
    assert x.grad.item() == 4.0


@BOTH
def test_gradients_do_not_share_memory(t: Any) -> None:
    a = t.ones(2, requires_grad=True)
    b = t.ones(2, requires_grad=True)
    (a + b).backward(t.ones(2))
    with t.no_grad():
        a.grad.mul_(5)
    assert numbers_of(b.grad).tolist() == [1.0, 1.0]


@BOTH
def test_a_cotangent_is_not_written_to(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    seed = t.tensor([1.0, 2.0])
    for _ in range(2):
        (x + 0).backward(seed)
    assert numbers_of(seed).tolist() == [1.0, 2.0]
    assert numbers_of(x.grad).tolist() == [2.0, 4.0]


@BOTH
def test_only_a_number_starts_by_itself(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError):
        (x * 2).backward()
    with pytest.raises(RuntimeError):
        (x * 2).backward(t.ones(3))
    with pytest.raises(RuntimeError):
        t.ones(1).backward()


@BOTH
def test_third_derivative(t: Any) -> None:
    x = t.tensor(0.7, dtype=t.float64, requires_grad=True)
    y = t.tanh(x)
    for _ in range(3):
        (y,) = t.autograd.grad(y, x, create_graph=True)
    a = np.tanh(0.7)
    assert y.item() == pytest.approx((1 - a**2) * (6 * a**2 - 2))


@BOTH
def test_a_step_as_soon_as_a_gradient_is_there(t: Any) -> None:
    """A hook on the leaf itself: called once a backward(), with `.grad` complete."""
    w = t.tensor([1.0, 2.0], requires_grad=True)
    seen = []

    def step(p: Any) -> None:
        assert p is w
        seen.append(p.grad.tolist())
        p.grad = None

    handle = w.register_post_accumulate_grad_hook(step)
    w.register_hook(lambda d: d * 10)
    for _ in range(2):
        (w * w + w).sum().backward()
    assert seen == [[30.0, 50.0]] * 2 and w.grad is None
    t.autograd.grad((w * 3).sum(), w)
    handle.remove()
    (w * 3).sum().backward()
    assert len(seen) == 2 and w.grad.tolist() == [30.0, 30.0]
    with pytest.raises(RuntimeError):
        (w * 2).register_post_accumulate_grad_hook(step)


@BOTH
def test_a_polynomial_can_be_derived_until_nothing_is_left(t: Any) -> None:
    x = t.tensor(2.0, requires_grad=True)
    y, slopes = x**3, []
    for _ in range(4):
        (y,) = t.autograd.grad(y, x, create_graph=True)
        slopes.append(y.item())
    assert slopes == [12, 12, 6, 0]


@BOTH
def test_gradient_penalty(t: Any) -> None:
    """A gradient in the loss: create_graph with backward()."""
    w = t.tensor([0.5, -1.0], dtype=t.float64, requires_grad=True)
    x = t.tensor([2.0, 3.0], dtype=t.float64, requires_grad=True)
    out = t.sigmoid((w * x).sum())
    (g,) = t.autograd.grad(out, x, create_graph=True)
    (g**2).sum().backward()
    s = 1 / (1 + np.exp(2.0))
    d, dd = s * (1 - s), s * (1 - s) * (1 - 2 * s)
    want = 2 * d * d * numbers_of(w) + 2 * d * dd * 1.25 * numbers_of(x)
    np.testing.assert_allclose(numbers_of(w.grad), want)


@BOTH
def test_grad_leaves_grad_alone(t: Any) -> None:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    unused = t.ones(1, requires_grad=True)
    y = (x**3).sum()
    (g,) = t.autograd.grad(y, x, retain_graph=True)
    assert numbers_of(g).tolist() == [3.0, 12.0] and x.grad is None
    assert t.autograd.grad(y, [x, unused], allow_unused=True, retain_graph=True)[1] is None
    with pytest.raises(RuntimeError):
        t.autograd.grad(y, [x, unused])


@BOTH
def test_gradient_of_something_in_the_middle(t: Any) -> None:
    x = t.tensor(2.0, requires_grad=True)
    y = x * 3
    z = y * y
    (g,) = t.autograd.grad(z, y)
    assert g.item() == 12.0 and x.grad is None


@BOTH
def test_backward_for_chosen_inputs(t: Any) -> None:
    a, b = t.ones(1, requires_grad=True), t.ones(1, requires_grad=True)
    (a * b).backward(inputs=[a])
    assert a.grad.item() == 1.0 and b.grad is None


@BOTH
def test_no_grad(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    with t.no_grad():
        assert not t.is_grad_enabled()
        y = x * 2
        with t.enable_grad():
            z = x * 2
    assert t.is_grad_enabled()
    assert not y.requires_grad and y.is_leaf and y.grad_fn is None
    assert z.requires_grad and not z.is_leaf

    @t.no_grad()
    def doubled(x: Any) -> Any:
        return x * 2

    assert not doubled(x).requires_grad


@BOTH
def test_switches_as_decorators(t: Any) -> None:
    assert not t.no_grad(t.is_grad_enabled)()  # `@no_grad`, without parentheses
    assert not t.inference_mode(t.is_grad_enabled)()
    assert t.inference_mode(False)(t.is_grad_enabled)()
    assert not t.set_grad_enabled(False)(t.is_grad_enabled)() and t.is_grad_enabled()
    with t.set_grad_enabled(mode=False), t.inference_mode(mode=False):
        assert t.is_grad_enabled()
    with t.no_grad():
        assert t.enable_grad(t.is_grad_enabled)()


def test_no_grad_nests_with_itself() -> None:
    guard = gobhir.no_grad()
    with guard, guard:
        assert not gobhir.is_grad_enabled()
    assert gobhir.is_grad_enabled()


@BOTH
def test_detach_shares_memory_and_stops_the_gradient(t: Any) -> None:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    (x * x.detach()).sum().backward()
    assert numbers_of(x.grad).tolist() == [1.0, 2.0]
    with t.no_grad():
        x.detach()[0] = 9.0
    assert x[0].item() == 9.0


@BOTH
def test_hooks_see_and_change_gradients(t: Any) -> None:
    x = t.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    seen = []
    handle = y.register_hook(lambda g: seen.append(numbers_of(g).tolist()))
    x.register_hook(lambda g: g * 10)
    y.sum().backward(retain_graph=True)
    assert seen == [[1.0, 1.0]]
    assert numbers_of(x.grad).tolist() == [30.0, 30.0]
    handle.remove()
    y.sum().backward()
    assert len(seen) == 1


@BOTH
def test_hooks_take_part_in_second_derivatives(t: Any) -> None:
    x = t.tensor(2.0, requires_grad=True)
    y = x * x
    with y.register_hook(lambda g: g * 3):
        (g,) = t.autograd.grad(y * 1, x, create_graph=True)
    assert g.item() == 12.0
    (gg,) = t.autograd.grad(g, x)
    assert gg.item() == 6.0


@BOTH
def test_retain_grad(t: Any) -> None:
    x = t.tensor(2.0, requires_grad=True)
    y = x * 3
    y.retain_grad()
    (y * y).backward()
    assert y.grad.item() == 12.0


@BOTH
def test_changing_what_backward_needs_is_noticed(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    w = t.ones(2)
    y = (x * w).sum()
    w.mul_(3)
    with pytest.raises(RuntimeError):
        y.backward()


@BOTH
def test_changing_what_backward_does_not_need_is_allowed(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    w = t.ones(2)
    y = ((x + w) * 2).sum()
    w.mul_(3)
    y.backward()
    assert numbers_of(x.grad).tolist() == [2.0, 2.0]


@BOTH
def test_a_changed_result_is_noticed(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    y = x.exp()
    with t.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError):
        y.sum().backward()


@BOTH
def test_a_change_through_a_view_is_noticed(t: Any) -> None:
    x, w = t.ones(4, requires_grad=True), t.ones(4)
    y = (x * w).sum()
    w.view(2, 2)[0].zero_()
    assert w.tolist() == [0.0, 0.0, 1.0, 1.0]
    with pytest.raises(RuntimeError):
        y.backward()


@BOTH
def test_changing_a_leaf_in_place_is_refused(t: Any) -> None:
    x = t.ones(2, requires_grad=True)
    for change in (lambda: x.add_(1), lambda: x.zero_(), lambda: x.__setitem__(0, 5.0)):
        with pytest.raises(RuntimeError):
            change()
    with t.no_grad():
        x -= 0.5
        x[0] = 4.0
    assert numbers_of(x).tolist() == [4.0, 0.5] and x.requires_grad


@BOTH
def test_in_place_changes_outside_autograd(t: Any) -> None:
    x = t.tensor([1.0, 2.0, 3.0])
    x += 1
    x *= t.tensor([1.0, 2.0, 3.0])
    x /= 2
    x -= 0.5
    x[1:] = t.tensor([7.0, 8.0])
    x[0].fill_(9.0)
    assert x.tolist() == [9.0, 7.0, 8.0]
    x.copy_(t.tensor([1.0, 1.0, 1.0]))
    assert x.add_(x, alpha=2).tolist() == [3.0, 3.0, 3.0]
    with pytest.raises(RuntimeError):
        x.add_(t.ones(4))
    for wrong in (t.ones(4), t.ones(2, 3)):
        with pytest.raises(RuntimeError):
            x.copy_(wrong)
        with pytest.raises(RuntimeError):
            x += wrong
    whole = t.tensor([1, 2])
    with pytest.raises(RuntimeError):
        whole += 0.5


@BOTH
def test_whole_numbers_have_no_gradient(t: Any) -> None:
    with pytest.raises(RuntimeError):
        t.tensor([1, 2], requires_grad=True)
    x = t.ones(3, requires_grad=True)
    assert not x.argmax().requires_grad
    assert not (x > 0).requires_grad


@BOTH
def test_requires_grad_cannot_be_switched_off_in_the_middle(t: Any) -> None:
    x = t.ones(1, requires_grad=True)
    with pytest.raises(RuntimeError):
        (x * 2).requires_grad_(False)
    assert not x.requires_grad_(False).requires_grad


def test_the_tape_keeps_the_order_of_things() -> None:
    x = gobhir.tensor(2.0, requires_grad=True)
    with Tape() as tape:
        y = (x * x).sigmoid()
        y.backward()
    names = [e.op.name if isinstance(e, Record) else f"d {e.of.op.name}" for e in tape.entries]
    assert names == ["mul", "sigmoid", "d sigmoid", "d mul"]
    last = tape.entries[-1]
    assert isinstance(last, Gradient)
    s = y.item()
    assert last.cotangent == pytest.approx(s * (1 - s))
    assert sum(last.grads) == pytest.approx(x.grad.item())


def test_the_tape_remembers_values_from_before_an_update() -> None:
    x = gobhir.tensor(2.0, requires_grad=True)
    with Tape() as tape:
        x * 2
        with gobhir.no_grad():
            x += 1
    assert tape.value(x) == 2.0 and x.item() == 3.0


def test_without_a_tape_the_graph_is_let_go() -> None:
    x = gobhir.ones(1, requires_grad=True)
    y = x * 2
    record = y.grad_fn
    y.backward()
    assert record.spent and not record.inputs
