"""Losses with margins, and distances, against PyTorch: options, reductions, ties, refusals."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import gobhir
from tests.engine.ops.test_likelihoods import REDUCTIONS, compare
from tests.engine.parity import check, numbers, same
from tests.nn.states import refused_alike

X, OTHER, THIRD = (numbers(seed, (3, 4)) for seed in (3, 5, 8))
"""The first lies on a grid, so that margins are met exactly."""
SIDES = np.where(numbers(11, (3, 4)) > 0, 1.0, -1.0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("margin", [1.0, 0.5, 0.0])
def test_of_pairs(reduction: str, margin: float) -> None:
    options = {"margin": margin, "reduction": reduction}
    for y in (SIDES, SIDES[0], SIDES.astype(np.int64), np.zeros((3, 4))):
        compare("hinge_embedding_loss", [X], y, **options)
    compare("margin_ranking_loss", [X, OTHER, SIDES], **options)
    compare("margin_ranking_loss", [X, OTHER[:1], SIDES[:, :1]], **options)
    for y in (np.array([1.0, -1, -1]), np.array([1, -1, 0])):
        compare("cosine_embedding_loss", [X, OTHER], y, **options)
    compare("cosine_embedding_loss", [X[1], OTHER[1]], np.array(-1), **options)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_soft_margin(reduction: str) -> None:
    for y in (SIDES, SIDES[0], SIDES.astype(np.int64)):
        compare("soft_margin_loss", [X], y, reduction=reduction)


def test_soft_margin_far_out_does_not_overflow() -> None:
    far = gobhir.nn.functional.soft_margin_loss(gobhir.tensor([-500.0]), gobhir.tensor([1.0]))
    assert far.item() == 500


def first_order(name: str, x: np.ndarray, *others: Any, **options: Any) -> None:
    """Where PyTorch has no second derivative."""

    def loss(t: Any) -> Any:
        given = [t.from_numpy(a) if isinstance(a, np.ndarray) else a for a in others]
        return lambda x: getattr(t.nn.functional, name)(x, *given, **options)

    check(loss(gobhir), loss(torch), [x], second=False)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("p", "margin"), [(1, 1.0), (2, 0.5)])
def test_multi_margin(reduction: str, p: int, margin: float) -> None:
    y, weight = np.array([0, 3, 1]), numbers(14, (4,), low=0.5)
    for w, x in product((None, weight), (X, OTHER)):
        first_order("multi_margin_loss", x, y, p, margin, w, reduction=reduction)
    first_order("multi_margin_loss", X[0], y[0:1], p, margin, reduction=reduction)
    first_order("multi_margin_loss", X[0], np.array(2), p, margin, reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multilabel_margin(reduction: str) -> None:
    y = np.array([[0, 1, -1, 2], [3, -1, 0, 0], [-1, 0, 0, 0]])
    for x in (X, OTHER):
        first_order("multilabel_margin_loss", x, y, reduction=reduction)
    first_order("multilabel_margin_loss", X[0], np.array([1, 1, -1, 0]), reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_multilabel_soft_margin(reduction: str) -> None:
    y, weight = numbers(14, (3, 4), low=0.0, high=1.0), numbers(17, (4,), low=0.5)
    compare("multilabel_soft_margin_loss", [X, y], reduction=reduction)
    compare("multilabel_soft_margin_loss", [X, y], weight, reduction=reduction)
    compare("multilabel_soft_margin_loss", [X[0], y[0]], reduction=reduction)
    compare("multilabel_soft_margin_loss", [X[0], y], reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("p", [2.0, 1.0, 3.0])
@pytest.mark.parametrize("swap", [False, True])
def test_triplets(reduction: str, p: float, swap: bool) -> None:
    options = {"swap": swap, "reduction": reduction}
    inputs = [numbers(2, (3, 4)), OTHER, THIRD]
    compare("triplet_margin_loss", inputs, margin=0.7, p=p, **options)
    compare("triplet_margin_loss", [*inputs[:2], THIRD[:1]], p=p, **options)
    compare("triplet_margin_with_distance_loss", inputs, **options)


def test_triplets_by_a_distance_of_ones_own() -> None:
    def far(a: Any, b: Any) -> Any:
        return ((a - b) ** 2).sum(-1)

    inputs = [numbers(2, (3, 4)), OTHER, THIRD]
    compare("triplet_margin_with_distance_loss", inputs, distance_function=far)
    mine, theirs = (
        t.nn.TripletMarginWithDistanceLoss(distance_function=far, margin=0.5)
        for t in (gobhir, torch)
    )
    check(mine, theirs, inputs)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim: int) -> None:
    compare("cosine_similarity", [numbers(2, (3, 4)), OTHER], dim)
    compare("cosine_similarity", [numbers(2, (3, 4)), numbers(8, (4,))], dim)
    compare("cosine_similarity", [numbers(2, (2, 1, 4)), OTHER], dim)
    tiny = [1e-9 * OTHER, THIRD]
    compare("cosine_similarity", tiny, dim)


def test_cosine_similarity_with_nothing() -> None:
    for t in (gobhir, torch):
        zero = t.zeros(2, 3).requires_grad_()
        t.nn.functional.cosine_similarity(zero, t.ones(2, 3)).sum().backward()
        assert zero.grad.abs().max().item() < 1e9
        whole = t.nn.functional.cosine_similarity(t.tensor([[3, 4]]), t.tensor([[4.0, 3.0]]))
        assert whole.item() == pytest.approx(0.96)


@pytest.mark.parametrize("p", [2.0, 1.0, 3.0, float("inf")])
def test_pairwise_distance(p: float) -> None:
    for keepdim in (False, True):
        compare("pairwise_distance", [OTHER, THIRD], p, 1e-6, keepdim)
    compare("pairwise_distance", [OTHER, THIRD[0]], p)
    compare("pairwise_distance", [OTHER[0], THIRD[0]], p)


def test_distances_stand_beside_the_operators_too() -> None:
    for name in ("cosine_similarity", "pairwise_distance"):
        x, y = (t.tolist() for t in (OTHER, THIRD))
        same(
            getattr(gobhir, name)(gobhir.tensor(x), gobhir.tensor(y)),
            getattr(torch, name)(torch.tensor(x), torch.tensor(y)),
        )


def modules(t: Any) -> list[tuple[Any, Any]]:
    """Each with other settings than the defaults, and what it is asked."""
    x, y, z = (t.tensor(a.tolist()) for a in (X, OTHER, THIRD))
    side = t.tensor(SIDES.tolist())
    return [
        (t.nn.HingeEmbeddingLoss(0.5, reduction="sum"), (x, side)),
        (t.nn.SoftMarginLoss(reduction="none"), (x, side)),
        (t.nn.MarginRankingLoss(0.5, reduction="sum"), (x, y, side)),
        (t.nn.MultiMarginLoss(2, 0.5, t.tensor([1.0, 2, 3, 4])), (x, t.tensor([0, 3, 1]))),
        (t.nn.MultiLabelMarginLoss(reduction="sum"), (x, t.tensor([[0, 1, -1, 2]] * 3))),
        (t.nn.MultiLabelSoftMarginLoss(t.tensor([1.0, 2, 3, 4])), (x, side)),
        (t.nn.CosineEmbeddingLoss(0.2, reduction="sum"), (x, y, t.tensor([1, -1, 1]))),
        (t.nn.TripletMarginLoss(0.5, 1.0, swap=True), (x, y, z)),
        (t.nn.TripletMarginWithDistanceLoss(margin=0.5, swap=True), (x, y, z)),
        (t.nn.PairwiseDistance(1.0, keepdim=True), (x, y)),
        (t.nn.CosineSimilarity(0, 1e-3), (x, y)),
    ]


def test_modules() -> None:
    for (mine, given), (theirs, wanted) in zip(modules(gobhir), modules(torch), strict=True):
        assert repr(mine) == repr(theirs)
        same(mine(*given), theirs(*wanted), 1e-5)


def F(t: Any, name: str, *given: Any, **options: Any) -> Any:
    return getattr(t.nn.functional, name)(*given, **options)


def zeros(t: Any, *shapes: tuple) -> list[Any]:
    return [t.zeros(*shape) for shape in shapes]


S = (3, 4)
REFUSED: dict[str, Any] = {
    "hinge shapes": lambda t: F(t, "hinge_embedding_loss", *zeros(t, S, (3,))),
    "soft shapes": lambda t: F(t, "soft_margin_loss", *zeros(t, S, (3,))),
    "soft grows": lambda t: F(t, "soft_margin_loss", *zeros(t, (4,), S)),
    "ranking dims": lambda t: F(t, "margin_ranking_loss", *zeros(t, S, S, (4,))),
    "ranking shapes": lambda t: F(t, "margin_ranking_loss", *zeros(t, S, S, (3, 3))),
    "cosine dims": lambda t: F(t, "cosine_embedding_loss", *zeros(t, S, S, (3, 1))),
    "cosine of three": lambda t: F(t, "cosine_embedding_loss", *zeros(t, (2, *S), (2, *S), (2,))),
    "cosine features": lambda t: F(t, "cosine_embedding_loss", *zeros(t, S, (3, 2), (3,))),
    "triplet margin": lambda t: F(t, "triplet_margin_loss", *zeros(t, S, S, S), margin=0),
    "triplet dims": lambda t: F(t, "triplet_margin_loss", *zeros(t, S, (4,), S)),
    "triplet shapes": lambda t: F(t, "triplet_margin_loss", *zeros(t, S, (3, 2), S)),
    "triplet reduction": lambda t: F(
        t, "triplet_margin_with_distance_loss", *zeros(t, S, S, S), reduction="max"
    ),
    "label": lambda t: F(t, "multi_margin_loss", t.zeros(*S), t.tensor([0, 1, 4])),
    "labels": lambda t: F(t, "multi_margin_loss", t.zeros(*S), t.tensor([0, 1])),
    "labels int32": lambda t: F(
        t, "multi_margin_loss", t.zeros(*S), t.tensor([0, 1, 2], dtype=t.int32)
    ),
    "power": lambda t: F(t, "multi_margin_loss", t.zeros(*S), t.tensor([0, 1, 2]), p=3),
    "class weights": lambda t: F(
        t, "multi_margin_loss", t.zeros(*S), t.tensor([0, 1, 2]), weight=t.ones(3)
    ),
    "three dimensions": lambda t: F(t, "multi_margin_loss", t.zeros(2, 3, 4), t.tensor([0, 1])),
    "list shapes": lambda t: F(
        t, "multilabel_margin_loss", t.zeros(*S), t.zeros(3, 3, dtype=t.int64)
    ),
    "list label": lambda t: F(
        t, "multilabel_margin_loss", t.zeros(*S), t.full(S, 9, dtype=t.int64)
    ),
    "list floating": lambda t: F(t, "multilabel_margin_loss", t.zeros(*S), t.zeros(*S)),
    "soft reduction": lambda t: F(
        t, "multilabel_soft_margin_loss", *zeros(t, S, S), reduction="max"
    ),
    "similarity shapes": lambda t: F(t, "cosine_similarity", *zeros(t, S, (2, 3))),
    "similarity dim": lambda t: F(t, "cosine_similarity", *zeros(t, S, S), dim=5),
    "distance shapes": lambda t: F(t, "pairwise_distance", *zeros(t, S, (3, 3))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_as_by_pytorch(name: str) -> None:
    refused_alike(REFUSED[name])
