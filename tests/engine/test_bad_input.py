"""What a beginner does wrong, and what is said about it, in Bangla and in English: what was wrong,
where (the layer, the user's own line), and what to do. PyTorch refuses the same things."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import gobhir
from gobhir.lang import Message


def network(t: ModuleType) -> Any:
    class Net(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = t.nn.Linear(4, 8)
            self.norm = t.nn.BatchNorm1d(8)
            self.last = t.nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            x = self.first(x)  # first
            x = self.norm(x)  # norm
            return self.last(x.relu())  # last

    return Net()


class Case(NamedTuple):
    """A wrong program; the kind of error; what the message must hold, in both languages; the line
    that must be shown. `theirs`: the kind in PyTorch, where it is another."""

    wrong: Callable[[ModuleType], Any]
    kind: type[Exception]
    told: tuple[str, ...]
    line: str = "here"
    theirs: type[Exception] | None = None


def twice(t: ModuleType) -> None:
    loss = network(t)(t.ones(3, 4)).sum()
    loss.backward()
    loss.backward()  # here


def state_from_last_round(t: ModuleType) -> None:
    cell, h = t.nn.GRUCell(2, 2), t.zeros(1, 2)
    for _ in range(2):
        h = cell(t.ones(1, 2), h)
        h.sum().backward()  # here


def leaf_in_place(t: ModuleType) -> None:
    w = t.ones(2, requires_grad=True)
    w += 1  # here


def part_of_leaf_in_place(t: ModuleType) -> None:
    w = t.ones(2, 2, requires_grad=True)
    w[0].add_(1)  # here


def changed_after_use(t: ModuleType) -> None:
    a = network(t).first(t.ones(2, 4)).sigmoid()
    a += 1  # changed
    a.sum().backward()  # here


def weights_moved_before_backward(t: ModuleType) -> None:
    model = network(t)
    loss = model(t.ones(3, 4)).sum()
    loss.backward(retain_graph=True)
    t.optim.SGD(model.parameters(), lr=0.1).step()
    loss.backward()  # here


def not_under_autograd(t: ModuleType) -> None:
    with t.no_grad():
        loss = network(t)(t.ones(3, 4)).sum()
    loss.backward()  # here


def parameters_used_up(t: ModuleType) -> None:
    parameters = network(t).parameters()
    list(parameters)
    t.optim.SGD(parameters, lr=0.1)  # here


def uneven_examples(t: ModuleType) -> None:
    rows = [t.ones(2), t.ones(3)]
    next(iter(t.utils.data.DataLoader(rows, batch_size=2)))  # here


def classes(t: ModuleType, labels: Any) -> Any:
    return t.nn.CrossEntropyLoss()(t.zeros(2, 3), t.tensor(labels))  # here


def cross_entropy_of_numbers(t: ModuleType) -> None:
    t.nn.functional.cross_entropy(t.zeros(2, 3), np.array([0, 1]))  # here


def integers_to_bce(t: ModuleType) -> None:
    t.nn.functional.binary_cross_entropy(t.ones(2), t.tensor([0, 1]))  # here


CASES: dict[str, Case] = {
    "a layer for other inputs": Case(
        lambda t: network(t)(t.ones(2, 5)),
        RuntimeError,
        ("'first'", "Linear(in_features=4", "(2, [5])", "(8, [4])"),
        "first",
    ),
    "float64 from NumPy": Case(
        lambda t: network(t)(t.from_numpy(np.ones((2, 4)))),
        RuntimeError,
        ("'first'", "float64", "float32", "x.float()"),
        "first",
    ),
    "whole numbers": Case(
        lambda t: network(t)(t.ones(2, 4, dtype=t.long)),
        RuntimeError,
        ("'first'", "int64", "x.float()"),
        "first",
    ),
    "an array": Case(
        lambda t: network(t)(np.ones((2, 4), np.float32)),
        TypeError,
        ("'first'", "numpy.ndarray", "gobhir.from_numpy"),
        "first",
    ),
    "a list": Case(
        lambda t: network(t)([[1.0, 2.0, 3.0, 4.0]]),
        TypeError,
        ("'first'", "list", "gobhir.tensor"),
        "first",
    ),
    "one example in BatchNorm": Case(
        lambda t: network(t)(t.ones(1, 4)),
        ValueError,
        ("'norm'", "(1, 8)", "drop_last=True", "model.eval()"),
        "norm",
    ),
    "BatchNorm for other channels": Case(
        lambda t: t.nn.BatchNorm2d(3)(t.ones(2, 4, 5, 5)),  # here
        RuntimeError,
        ("BatchNorm2d(3", "3", "4"),
    ),
    "a label too high": Case(
        lambda t: classes(t, [0, 3]), IndexError, ("CrossEntropyLoss()", "3", "0", "2", "y - 1")
    ),
    "a negative label": Case(
        lambda t: classes(t, [-1, 2]), IndexError, ("CrossEntropyLoss()", "-1"), "here"
    ),
    "labels as floats": Case(
        lambda t: classes(t, [0.0, 1.0]), RuntimeError, ("int64", "float32", "y.long()")
    ),
    "one column too many": Case(
        lambda t: classes(t, [[0], [1]]), RuntimeError, ("(2, 3)", "(2,)", "(2, 1)", "y.squeeze(1)")
    ),
    "labels as an array": Case(
        cross_entropy_of_numbers, TypeError, ("numpy.ndarray", "gobhir.from_numpy")
    ),
    "whole numbers as probabilities": Case(
        integers_to_bce, RuntimeError, ("float32", "int64", "y.float()")
    ),
    "backward() twice": Case(twice, RuntimeError, ("retain_graph=True", ".detach()")),
    "a state kept": Case(state_from_last_round, RuntimeError, (".detach()",)),
    "a leaf in place": Case(
        leaf_in_place, RuntimeError, ("leaf", "with gobhir.no_grad():", "x = x + 1")
    ),
    "a part of a leaf": Case(part_of_leaf_in_place, RuntimeError, ("gobhir.no_grad()", "clone()")),
    "changed after use": Case(
        changed_after_use, RuntimeError, ("sigmoid", "add_", "# changed", "detect_anomaly")
    ),
    "an optimizer in between": Case(
        weights_moved_before_backward, RuntimeError, ("linear", "SGD", "detect_anomaly")
    ),
    "nothing to differentiate": Case(
        not_under_autograd, RuntimeError, ("requires_grad=True", "no_grad")
    ),
    "a vector as loss": Case(
        lambda t: network(t)(t.ones(3, 4)).backward(),  # here
        RuntimeError,
        ("(3, 3)", ".mean()", "gradient="),
    ),
    "NumPy under autograd": Case(
        lambda t: network(t)(t.ones(3, 4)).numpy(),  # here
        RuntimeError,
        ("x.detach().numpy()",),
    ),
    "whole numbers under autograd": Case(
        lambda t: t.tensor([1, 2], requires_grad=True),  # here
        RuntimeError,
        ("int64", "dtype=float32"),
    ),
    "a product of other sizes": Case(
        lambda t: t.ones(2, 3) @ t.ones(2, 3),  # here
        RuntimeError,
        ("(2, [3]) @ ([2], 3)",),
    ),
    "a product of two dtypes": Case(
        lambda t: t.ones(2, 3) @ t.ones(3, 2).long(),  # here
        RuntimeError,
        ("float32", "int64", "x.float()"),
    ),
    "a sum of other sizes": Case(
        lambda t: t.ones(2, 3) + t.ones(2),  # here
        RuntimeError,
        ("(2, [3])", "([2])", "add"),
    ),
    "a place outside": Case(
        lambda t: t.ones(2, 3)[5],  # here
        IndexError,
        ("5", "([2], 3)", "-1"),
    ),
    "a word outside": Case(
        lambda t: t.nn.Embedding(5, 2)(t.tensor([1, 5])),  # here
        IndexError,
        ("Embedding(5, 2)", "5", "4"),
    ),
    "too many sizes open": Case(
        lambda t: t.ones(2, 3).reshape(-1, -1),  # here
        RuntimeError,
        ("(2, 3)", "(-1, -1)"),
    ),
    "a row too short": Case(
        lambda t: t.tensor([[1, 2], [3]]),  # here
        ValueError,
        (),
    ),
    "a text among numbers": Case(
        lambda t: t.tensor([[1.0, 2.0], [3.0, "4"]]),  # here
        TypeError,
        ("str",),
    ),
    "nothing among numbers": Case(
        lambda t: t.tensor([None, 1.0]),  # here
        RuntimeError,
        ("NoneType",),
    ),
    "no parameters left": Case(parameters_used_up, ValueError, ("model.parameters()",)),
    "uneven examples": Case(uneven_examples, RuntimeError, ("(2,), (3,)", "collate_fn")),
    "a GPU": Case(
        lambda t: t.ones(2).to("cuda"),  # here
        RuntimeError,
        ("CPU", "'cuda'", "'cpu'"),
        theirs=AssertionError,  # where there is none; RuntimeError where there is
    ),
    "no super().__init__()": Case(
        lambda t: type(
            "Net", (t.nn.Module,), {"__init__": lambda m: setattr(m, "a", t.nn.ReLU())}
        )(),
        AttributeError,
        ("Net.__init__", "super().__init__()"),
        "",
    ),
    "another model's weights": Case(
        lambda t: t.nn.Linear(4, 3).load_state_dict(t.nn.Linear(3, 4).state_dict()),  # here
        RuntimeError,
        ("'weight'", "(4, 3)", "(3, 4)", "'bias'"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_where_and_what_to_do(name: str) -> None:
    case = CASES[name]
    with pytest.raises(case.kind) as caught:
        case.wrong(gobhir)
    message = caught.value.args[0]
    assert isinstance(message, Message)
    for lang in ("bn", "en"):
        text = message.text(lang)
        assert [part for part in case.told if part not in text] == []
        assert any("\u0980" <= letter <= "\u09ff" for letter in text) == (lang == "bn")
    assert message.place is not None and message.place.file == __file__
    assert message.place.code.endswith(f"# {case.line}") or not case.line
    assert message.place.code in str(caught.value)


@pytest.mark.parametrize("name", CASES)
def test_pytorch_refuses_it_too(name: str) -> None:
    case = CASES[name]
    with pytest.raises((case.theirs or case.kind, RuntimeError)):
        case.wrong(torch)


def forgotten(t: ModuleType) -> None:
    layer = t.nn.Linear(2, 1)
    optimizer = t.optim.SGD(layer.parameters(), lr=0.1)
    for _ in range(3):
        layer(t.ones(1, 2)).sum().backward()
        optimizer.step()  # here


WARNINGS = {
    "a forgotten zero_grad": (forgotten, ("zero_grad()", "backward()")),
    "an empty batch": (
        lambda t: t.nn.CrossEntropyLoss()(t.zeros(0, 3), t.zeros(0).long()),  # here
        ("NaN", "drop_last"),
    ),
    "an empty batch of numbers": (
        lambda t: t.nn.functional.mse_loss(t.zeros(0, 3), t.zeros(0, 3)),  # here
        ("NaN", "drop_last"),
    ),
    "shapes that only broadcast": (
        lambda t: t.nn.functional.mse_loss(t.zeros(3, 1), t.zeros(3)),  # here
        ("(3, 1)", "(3,)"),
    ),
    "a softmax over what": (
        lambda t: t.nn.functional.softmax(t.zeros(2, 2)),  # here
        ("dim=1",),
    ),
}


@pytest.mark.parametrize("lang", ["bn", "en"])
@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_allowed_but_hardly_meant(name: str, lang: str) -> None:
    wrong, told = WARNINGS[name]
    gobhir.use_language(lang)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            wrong(gobhir)
    finally:
        gobhir.use_language(None)
    assert len(caught) == 1 and caught[0].filename == __file__
    lines = Path(__file__).read_text(encoding="utf-8").split("\n")
    assert lines[caught[0].lineno - 1].endswith("# here")
    text = str(caught[0].message)
    assert [part for part in told if part not in text] == []
    assert any("\u0980" <= letter <= "\u09ff" for letter in text) == (lang == "bn")


REFUSED: dict[str, Callable[[ModuleType], Any]] = {
    "whole numbers for logits": lambda t: t.nn.BCEWithLogitsLoss()(t.zeros(2), t.tensor([0, 1])),
    "truth values for logits": lambda t: t.nn.BCEWithLogitsLoss()(t.zeros(1), t.tensor([True])),
    "a divergence of whole numbers": lambda t: t.nn.KLDivLoss()(t.zeros(2), t.tensor([0, 1])),
    "a kernel of nothing": lambda t: t.nn.Conv2d(1, 1, 0)(t.zeros(1, 1, 4, 4)),
    "floats as words": lambda t: t.nn.Embedding(5, 3, max_norm=1.0)(t.zeros(2)),
    "running numbers of another dtype": lambda t: t.nn.BatchNorm1d(2, affine=False)(
        t.zeros(3, 2).double()
    ),
    "a size of other dimensions": lambda t: t.nn.Upsample((3, 3))(t.zeros(1, 1, 4)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_same_kind_of_error(name: str) -> None:
    kinds = []
    for t in (gobhir, torch):
        with pytest.raises((RuntimeError, ValueError)) as caught:
            REFUSED[name](t)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1]
