"""The tape computed once more by PyTorch: an independent opinion on every gradient."""

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.engine import OPS, Family, Op, Tape, apply
from gobhir.lift import torch_replay
from gobhir.lift.torch_functions import functions
from tests.engine.ops.cases.elementwise import CASES
from tests.engine.parity import numbers


def recorded(model, x, loss):
    with Tape() as tape:
        value = loss(model(x))
        value.backward()
    return tape, value


def test_it_agrees_with_the_engine():
    gobhir.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    x = gobhir.randn(5, 3).double()
    y = gobhir.tensor([0, 1, 1, 0, 1])
    tape, value = recorded(model, x, lambda z: nn.CrossEntropyLoss()(z, y))
    leaves = list(model.parameters())
    theirs = torch_replay.gradients(tape, value.grad_fn, leaves)
    for p in leaves:
        assert theirs[p] == pytest.approx(p.grad.numpy(), rel=1e-12, abs=1e-15)


def test_it_would_notice_a_wrong_gradient(monkeypatch):
    monkeypatch.setitem(OPS["tanh"].pullbacks, "z", lambda da, a, z: da * (1 - a))
    model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)).double()
    tape, value = recorded(model, gobhir.tensor([0.5, -0.3]).double(), lambda p: (p**2).sum())
    leaf = model[0].weight
    theirs = torch_replay.gradients(tape, value.grad_fn, [leaf])
    assert not np.allclose(theirs[leaf], leaf.grad.numpy())


def test_an_op_that_pytorch_does_not_have_makes_it_unavailable():
    class Thrice(Op):
        """3 x."""

        def forward(x):
            return 3 * x

        def vjp(d, out, x):
            return 3 * d

    w = gobhir.tensor([1.0, 2.0], requires_grad=True)
    with Tape() as tape:
        value = apply(Thrice, w).sum()
        value.backward()
    assert torch_replay.gradients(tape, value.grad_fn, [w]) is None


def test_the_whole_table_is_of_ops_that_exist():
    assert set(functions()) <= set(OPS)


ELEMENTWISE = [
    name
    for name, op in OPS.items()
    if op.family is Family.ELEMENTWISE and name in functions() and name in CASES
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_each_elementwise_op_has_its_counterpart(name):
    """The same numbers and gradients, with the op's own settings and inputs."""
    inputs, settings = CASES[name]
    leaves = [gobhir.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    with Tape() as tape:
        value = apply(OPS[name], *leaves, **settings)
        value = (value * gobhir.tensor(numbers(3, value.shape))).sum()
        value.backward()
    wanted = [x for x in leaves if x.grad is not None]
    theirs = torch_replay.gradients(tape, value.grad_fn, wanted)
    for x in wanted:
        assert theirs[x] == pytest.approx(x.grad.numpy(), rel=1e-9, abs=1e-12)
