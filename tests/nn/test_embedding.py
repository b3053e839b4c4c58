"""Embedding and EmbeddingBag against PyTorch."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from gobhir.engine.ops.embedding import AddRows
from tests.engine.parity import check, numbers, same
from tests.nn.states import refused_alike, same_start

WEIGHT = numbers(2, (5, 3))
INDICES = {
    "table": np.array([[0, 1, 1], [4, 2, 1]]),
    "one": np.array(3),
    "none": np.zeros((0, 2), np.int64),
    "many": np.array([1, 1, 4, 1, 2] * 9),
    "int32": np.array([3, 0], np.int32),
}


def lookup(t: Any, x: np.ndarray, **options: Any) -> Any:
    return lambda w: t.nn.functional.embedding(t.from_numpy(x), w, **options)


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("padding", [None, 1, -1])
def test_embedding(name: str, padding: int | None) -> None:
    x, options = INDICES[name], {"padding_idx": padding}
    # PyTorch's second derivative of no rows at all fails.
    check(lookup(gobhir, x, **options), lookup(torch, x, **options), [WEIGHT], second=x.size > 0)


def test_gradients_by_frequency() -> None:
    x, options = INDICES["many"], {"scale_grad_by_freq": True}
    check(lookup(gobhir, x, **options), lookup(torch, x, **options), [WEIGHT], second=False)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, float("inf")])
def test_max_norm_shortens_what_is_asked_for(norm_type: float) -> None:
    tables = gobhir.from_numpy(WEIGHT.copy()), torch.from_numpy(WEIGHT.copy())
    options = {"max_norm": 1.0, "norm_type": norm_type}
    x = np.array([0, 2, 2])
    same(lookup(gobhir, x, **options)(tables[0]), lookup(torch, x, **options)(tables[1]))
    same(*tables)


@pytest.mark.parametrize(("rows", "count"), [(3, 40), (5, 5), (400, 7), (1, 3), (4, 0)])
def test_rows_are_added_up(rows: int, count: int) -> None:
    """Both ways of adding, for few rows and for many, against the plain loop."""
    rng = np.random.default_rng(rows)
    x, v = rng.integers(0, rows, count), rng.standard_normal((count, 2))
    want = np.zeros((rows, 2))
    for place, row in zip(x, v, strict=True):
        want[place] += row
    np.testing.assert_allclose(AddRows.forward(v, x, rows=rows), want, atol=1e-12)


BAG = np.array([3, 1, 1, 0, 4, 4, 1, 2, 0])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 1])
@pytest.mark.parametrize("with_end", [False, True])
def test_bags(mode: str, padding: int | None, with_end: bool) -> None:
    starts = np.array([0, 3, 3, 5, *([9] if with_end else [])])
    options = {"mode": mode, "padding_idx": padding}

    def bag(t: Any, x: np.ndarray, *more: np.ndarray, **others: Any) -> Any:
        function = t.nn.functional.embedding_bag
        return lambda w, *weights: function(
            t.from_numpy(x),
            w,
            *map(t.from_numpy, more),
            **options,
            **others,
            **({"per_sample_weights": weights[0]} if weights else {}),
        )

    end = {"include_last_offset": with_end}
    sides = bag(gobhir, BAG, starts, **end), bag(torch, BAG, starts, **end)
    check(*sides, [WEIGHT], second=False)
    if mode == "sum":
        check(*sides, [WEIGHT, numbers(8, BAG.shape)], second=False)
    table = BAG.reshape(3, 3)
    check(bag(gobhir, table), bag(torch, table), [WEIGHT], second=False)


def test_bags_by_frequency() -> None:
    """A row's gradient is divided by how often it was asked for, wherever it was."""
    w = gobhir.from_numpy(WEIGHT.copy()).requires_grad_()
    x = gobhir.tensor([1, 1, 1, 2])
    options = {"mode": "sum", "scale_grad_by_freq": True}
    gobhir.nn.functional.embedding_bag(x, w, gobhir.tensor([0, 2]), **options).sum().backward()
    assert w.grad[:, 0].tolist() == [0, 1, 1, 0, 0]


LAYERS = [
    ("Embedding", {}),
    ("Embedding", {"padding_idx": -2, "max_norm": 1.0}),
    ("Embedding", {"norm_type": 1.0, "scale_grad_by_freq": True, "sparse": True}),
    ("EmbeddingBag", {}),
    ("EmbeddingBag", {"padding_idx": -2, "mode": "max"}),
    ("EmbeddingBag", {"max_norm": 2.0, "norm_type": 1.0, "scale_grad_by_freq": True}),
]


@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_layers(kind: str, options: dict) -> None:
    mine, theirs = same_start(lambda nn: getattr(nn, kind)(5, 3, **options))
    assert mine.padding_idx == theirs.padding_idx
    x = np.array([[0, 3], [4, 1]])
    same(mine(gobhir.from_numpy(x)), theirs(torch.from_numpy(x)))


def test_a_row_of_padding_does_not_learn() -> None:
    table = gobhir.nn.Embedding(4, 2, padding_idx=0)
    table(gobhir.tensor([0, 1, 0])).sum().backward()
    assert table.weight[0].tolist() == [0, 0]
    assert table.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("kind", "freeze"), list(product(["Embedding", "EmbeddingBag"], [True, False]))
)
def test_from_pretrained(kind: str, freeze: bool) -> None:
    for t in (gobhir, torch):
        layer = getattr(t.nn, kind).from_pretrained(t.from_numpy(WEIGHT), freeze=freeze)
        assert layer.weight.requires_grad is not freeze
        assert layer.weight.tolist() == WEIGHT.tolist()


def test_one_hot() -> None:
    x = np.array([[0, 2], [1, 0]])
    for classes in (-1, 5):
        mine = gobhir.nn.functional.one_hot(gobhir.from_numpy(x), classes)
        same(mine, torch.nn.functional.one_hot(torch.from_numpy(x), classes))


def table(t: Any) -> Any:
    return t.zeros(5, 3)


def bag(t: Any, x: list, *more: Any, **options: Any) -> Any:
    given = (t.tensor(m) if isinstance(m, list) else m for m in more)
    return t.nn.functional.embedding_bag(t.tensor(x), table(t), *given, **options)


REFUSED: dict[str, Any] = {
    "too large": lambda t: t.nn.Embedding(5, 3)(t.tensor([0, 5])),
    "negative": lambda t: t.nn.Embedding(5, 3)(t.tensor([0, -1])),
    "floating": lambda t: t.nn.Embedding(5, 3)(t.tensor([0.0])),
    "bytes": lambda t: t.nn.Embedding(5, 3)(t.tensor([0], dtype=t.uint8)),
    "a list": lambda t: t.nn.functional.embedding([0], table(t)),
    "no table": lambda t: t.nn.functional.embedding(t.tensor([0]), t.zeros(3)),
    "padding": lambda t: t.nn.Embedding(5, 3, padding_idx=5),
    "pretrained": lambda t: t.nn.Embedding.from_pretrained(t.zeros(3)),
    "weight": lambda t: t.nn.Embedding(5, 3, _weight=t.zeros(5, 2)),
    "bag too large": lambda t: bag(t, [0, 9], [0]),
    "bag without offsets": lambda t: bag(t, [0, 1]),
    "bag with offsets": lambda t: bag(t, [[0, 1]], [0]),
    "bag of three dimensions": lambda t: bag(t, [[[0, 1]]]),
    "offsets": lambda t: bag(t, [0, 1], [1]),
    "offsets too far": lambda t: bag(t, [0, 1], [0, 3]),
    "mode": lambda t: bag(t, [[0, 1]], mode="median"),
    "frequency of max": lambda t: bag(t, [[0, 1]], mode="max", scale_grad_by_freq=True),
    "weights of mean": lambda t: bag(t, [[0, 1]], per_sample_weights=t.ones(1, 2)),
    "weights' shape": lambda t: bag(t, [[0, 1]], mode="sum", per_sample_weights=t.ones(2)),
    "weights' dtype": lambda t: bag(
        t, [[0, 1]], mode="sum", per_sample_weights=t.ones(1, 2, dtype=t.float64)
    ),
    "labels": lambda t: t.nn.functional.one_hot(t.tensor([3]), 2),
    "labels floating": lambda t: t.nn.functional.one_hot(t.tensor([0.5])),
    "no labels": lambda t: t.nn.functional.one_hot(t.zeros(0, dtype=t.int64)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])


def test_the_message_names_the_row_and_the_rows() -> None:
    with pytest.raises(IndexError, match=r"row 7.*5 rows"):
        gobhir.nn.Embedding(5, 2)(gobhir.tensor([[0, 7]]))
