"""A tape recomputed from other starting values."""

import numpy as np
import pytest

import gobhir
from gobhir import nn, optim
from gobhir.engine import Tape
from gobhir.engine.replay import replay


def step():
    gobhir.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 1))
    x, y = gobhir.randn(2, 3), gobhir.randn(2, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    with Tape() as tape:
        value = nn.MSELoss()(model(x), y)
        value.backward()
        optimizer.step()
    return tape, model, x, y, value


def test_the_recorded_step_comes_back_although_the_weights_have_moved():
    tape, _, _, _, value = step()
    (again,) = replay(tape, [value.grad_fn])
    assert again.dtype == np.float64
    assert float(again) == pytest.approx(value.item(), rel=1e-6)


def test_moved_leaves_give_what_a_new_forward_pass_gives():
    tape, model, x, y, value = step()
    moved = {u.parameter: u.after["w"] for u in tape.updates}
    (after,) = replay(tape, [value.grad_fn], moved)
    assert float(after) == pytest.approx(nn.MSELoss()(model(x), y).item(), rel=1e-6)


def test_only_what_the_result_needs_is_computed():
    tape, model, *_ = step()
    first = tape.records[0]
    (z,) = replay(tape, [first])
    assert z.shape == (2, 4)
