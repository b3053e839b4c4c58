"""Changing in place under autograd, through views and beside them: the same programs on both."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import gobhir
from tests.engine.parity import both, numbers, same

Program = Callable[[Any, Any, Any], Any]


def add_to_a_result(t: Any, x: Any, y: Any) -> Any:
    z = x * 2
    z += y
    return z * z


def scale_by_a_learning_factor(t: Any, x: Any, y: Any) -> Any:
    z = x.clone()
    z *= y
    z /= y + 5
    z -= x
    return z


def change_a_plain_tensor(t: Any, x: Any, y: Any) -> Any:
    z = t.zeros(3, 4, dtype=t.float64)
    z += x
    z.mul_(y)
    return z


def write_rows(t: Any, x: Any, y: Any) -> Any:
    z = t.zeros(3, 4, dtype=t.float64)
    z[0] = x[1]
    z[1:, 2] = y[:2, 0]
    z[2, 0] = 7.0
    return z * y


def change_a_view(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z[1].mul_(3)
    z[:, 2] += y[:, 0]
    return z**2


def change_the_base_of_a_view(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    row, turned = z[1], z.t()
    z *= y
    return row.sum() * turned.sum() + (turned**2).sum()


def change_one_view_and_read_another(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    left, flat = z[:, :2], z.view(-1)
    flat[1:5].add_(y.reshape(-1)[:4])
    left.mul_(2)
    return (flat**2).sum() + left.sum()


def a_view_of_a_view(t: Any, x: Any, y: Any) -> Any:
    z = (x * 1).t()
    z[1:][0][1] = y.sum()
    return z @ y


def history_before_the_change_stays(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    before = z + y
    z.add_(5)
    return before.sum() + (z * y).sum()


def again_and_again(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    for i in range(3):
        z[i] = y[i] + z.sum(0)
    return z


def activation_in_place(t: Any, x: Any, y: Any) -> Any:
    return t.nn.functional.relu(x * y, inplace=True)


def overwrite_all(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z.copy_(y)
    z[0].fill_(2.0)
    z[1].zero_()
    return z * x


def change_a_detached_part(t: Any, x: Any, y: Any) -> Any:
    z = x + y
    z.detach().add_(1)
    return z.sum() * 2


def a_slice_by_itself(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z[1:] = z[:-1].clone()
    return z * y


def write_by_mask_and_list(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z[y > 0] = 0.5
    z[[0, 2], 1] = y[0, :2]
    return z**2


def inner_value_needed(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    out = z.exp()
    out += 1
    return out


def input_needed(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    out = z * y
    z.add_(1)
    return out


def base_needed(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    out = z.sin() if hasattr(z, "sin") else z.exp() * z
    z[0].zero_()
    return out


def detached_needed(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    out = z**2
    z.detach().zero_()
    return out


def power_of_itself(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z.mul_(z)
    return z


def view_needed(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z[1] = z[1] * y[1]
    return z


def a_number_as_a_row_of_one(t: Any, x: Any, y: Any) -> Any:
    z = x.sum() * 1
    z.scatter_reduce_(0, t.tensor(0), y.sum(), "prod")
    return z * x


def fill_a_part_of_a_buffer(t: Any, x: Any, y: Any) -> Any:
    buffer = t.zeros(3, 8, dtype=x.dtype)
    part = buffer[:, ::2]
    part.add_(x)
    assert part.requires_grad and not part.is_leaf
    part.register_hook(lambda d: d * 3)
    return part * y


def compare_in_place(t: Any, x: Any, y: Any) -> Any:
    z = x * 1
    z.gt_(0.2)
    assert z.requires_grad
    return z + y


def change_a_leaf(t: Any, x: Any, y: Any) -> Any:
    x += 1
    return x


def change_a_view_of_a_leaf(t: Any, x: Any, y: Any) -> Any:
    x[0] = 5
    return x


def wrong_shape(t: Any, x: Any, y: Any) -> Any:
    z = x[0] * 1
    z += y
    return z


def grows(t: Any, x: Any, y: Any) -> Any:
    z = x[:1] * 1
    z.mul_(y)
    return z


def expanded(t: Any, x: Any, y: Any) -> Any:
    z = (x[:1] * 1).expand(3, 4)
    z += 1
    return z


GOOD = [
    add_to_a_result,
    scale_by_a_learning_factor,
    change_a_plain_tensor,
    write_rows,
    change_a_view,
    change_the_base_of_a_view,
    change_one_view_and_read_another,
    a_view_of_a_view,
    history_before_the_change_stays,
    again_and_again,
    a_number_as_a_row_of_one,
    fill_a_part_of_a_buffer,
    compare_in_place,
    activation_in_place,
    overwrite_all,
    change_a_detached_part,
    a_slice_by_itself,
    write_by_mask_and_list,
]
REFUSED = [
    inner_value_needed,
    input_needed,
    base_needed,
    detached_needed,
    power_of_itself,
    view_needed,
    change_a_leaf,
    change_a_view_of_a_leaf,
    wrong_shape,
    grows,
    expanded,
]


def leaves() -> tuple[list[Any], list[Any]]:
    pairs = [both(numbers(seed, (3, 4)), True) for seed in (2, 5)]
    return [p[0] for p in pairs], [p[1] for p in pairs]


@pytest.mark.parametrize("program", GOOD, ids=lambda f: f.__name__)
def test_values_and_gradients(program: Program) -> None:
    results = []
    for t, xs in zip((gobhir, torch), leaves(), strict=True):
        if program is a_view_of_a_view:
            xs[1] = xs[1].detach()[:, :3].contiguous().requires_grad_()
        out = program(t, *xs)
        first = t.autograd.grad(out.sum(), xs, create_graph=True, allow_unused=True)
        known = [g for g in first if g is not None and g.requires_grad]
        second = []
        if known:
            total = sum((g**2).sum() for g in known)
            second = t.autograd.grad(total, xs, allow_unused=True)
        results.append((out, *first, *second))
    for mine, theirs in zip(*results, strict=True):
        same(mine, theirs)


@pytest.mark.parametrize("program", REFUSED, ids=lambda f: f.__name__)
def test_refused_as_by_pytorch(program: Program) -> None:
    for t, xs in zip((gobhir, torch), leaves(), strict=True):
        with pytest.raises(RuntimeError):
            program(t, *xs).sum().backward()


def test_the_error_names_what_changed_it() -> None:
    z = gobhir.ones(2, requires_grad=True) * 1
    out = z.exp()
    out.mul_(2)
    with pytest.raises(RuntimeError, match=r"exp.*inplace operation.*mul_, .*out\.mul_\(2\)"):
        out.sum().backward()


def test_versions_are_shared_by_views() -> None:
    for t in (gobhir, torch):
        z = t.zeros(2, 3)
        row, flat, apart = z[0], z.view(-1), z.clone()
        row.add_(1)
        flat[4] = 2
        assert [x._version for x in (z, row, flat, apart)] == [2, 2, 2, 0]
        z.detach().zero_()
        assert z._version == 3


@pytest.mark.parametrize("t", [gobhir, torch], ids=["gobhir", "torch"])
def test_out_writes_over_a_parameter_only_beside_autograd(t: Any) -> None:
    p = t.nn.Parameter(t.tensor([-2.0, 3.0]))
    with t.no_grad():
        assert t.sign(p, out=p) is p
    assert p.tolist() == [-1.0, 1.0] and p.requires_grad
    with pytest.raises(RuntimeError):
        t.sign(p, out=p)


@pytest.mark.parametrize(
    "call", ["add_(2, y)", "sub_(2.0, y)", "addcmul_(3, y, y)", "addcdiv_(3, y, y)"]
)
def test_the_factor_first_as_old_optimizers_write(call: str) -> None:
    results = []
    for t in (gobhir, torch):
        x, y = t.tensor([1.0, 2.0]), t.tensor([4.0, 0.5])
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            assert eval(f"x.{call}") is x
        results.append(x.tolist())
        assert t is torch or len(seen) == 1  # PyTorch warns once in a whole program
        with pytest.raises(TypeError):
            x.add_(2, y, alpha=2)
    assert results[0] == results[1]


STEPS = {
    "scale": lambda z, y: z.mul_(2.0),
    "add": lambda z, y: z.add_(y),
    "times": lambda z, y: z.mul_(y),
    "row": lambda z, y: z[0].add_(y[1]),
    "column": lambda z, y: z[:, 1].mul_(y[:, 0]),
    "turned": lambda z, y: z.t()[1:].sub_(y.t()[:3]),
    "flat": lambda z, y: z.view(-1)[3:7].mul_(y.reshape(-1)[:4]),
    "set": lambda z, y: z.__setitem__((slice(None), 2), y[:, 3]),
    "zero": lambda z, y: z[1:, :2].zero_(),
    "wide": lambda z, y: z.unsqueeze(0).add_(y),
}
READS = {
    "square": lambda z, y: (z**2).sum(),
    "sum": lambda z, y: z.sum(),
    "product": lambda z, y: (z * y).sum(),
    "view": lambda z, y: (z.t()[2] * y[:, 1]).sum(),
}


@given(
    plan=st.lists(st.sampled_from([*STEPS, *READS]), min_size=2, max_size=7),
    seed=st.integers(0, 99),
)
@settings(max_examples=60)
def test_drawn_programs(plan: list[str], seed: int) -> None:
    """Whatever is changed and read in whatever order: the same gradients, or both refuse."""
    outcomes: list[Any] = []
    arrays = [np.array(numbers(3 * seed + 2, (3, 4))), np.array(numbers(3 * seed + 5, (3, 4)))]
    for k, t in enumerate((gobhir, torch)):
        x, y = (both(a, True)[k] for a in arrays)
        z, seen = x * 1, [x.sum()]
        view = z[1:, 1:]
        for word in plan:
            (STEPS | READS)[word](z, y) if word in STEPS else seen.append(READS[word](z, y))
        seen.append((view * view).sum())
        try:
            outcomes.append(t.autograd.grad(sum(seen), (x, y), allow_unused=True))
        except RuntimeError:
            outcomes.append("refused")
    mine, theirs = outcomes
    if theirs == "refused" or mine == "refused":
        assert mine == theirs
    else:
        for a, b in zip(mine, theirs, strict=True):
            same(a, b)
