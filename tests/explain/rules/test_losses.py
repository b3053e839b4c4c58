"""Every loss with its options: the page's numbers, worked out from the printed formulas, are the
engine's and PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gobhir
from gobhir import nn
from gobhir.derivation.rounding import result
from gobhir.explain.quantity import element
from gobhir.explain.reading import Reading
from gobhir.explain.recording import record_step
from tests.explain.agreement import in_full

torch = pytest.importorskip("torch")

Y, IGNORED, WEIGHT = [0, 2, 1], [0, -100, 1], [0.5, 1.0, 2.0]
SHARES = [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0]]
BITS, SIGNS = [[1.0, 0, 1], [0, 0, 1], [1, 1, 0]], [[1.0, -1, 1], [-1, -1, 1], [1, 1, -1]]
REAL = [[0.3, -1.1, 0.6], [2.0, 0.1, -0.4], [-0.7, 0.9, 1.4]]
LISTS = [[0, 2, -1], [1, -1, -1], [0, 1, 2]]

Loss = Callable[[Any, Any, Any], Any]
"""Of the library (gobhir or torch), its nn.functional, and the scores (3, 3)."""


def weight(g: Any) -> Any:
    return g.tensor(WEIGHT, dtype=g.float64)


def real(g: Any, values: Any) -> Any:
    return g.tensor(values, dtype=g.float64)


REDUCED: dict[str, Any] = {
    "cross_entropy": lambda g, F, o, **k: F.cross_entropy(o, g.tensor(Y), **k),
    "class weights": lambda g, F, o, **k: F.cross_entropy(o, g.tensor(Y), weight(g), **k),
    "smoothed": lambda g, F, o, **k: F.cross_entropy(o, g.tensor(Y), label_smoothing=0.1, **k),
    "smoothed, weights": lambda g, F, o, **k: F.cross_entropy(
        o, g.tensor(Y), weight(g), label_smoothing=0.1, **k
    ),
    "ignored": lambda g, F, o, **k: F.cross_entropy(o, g.tensor(IGNORED), **k),
    "ignored, smoothed": lambda g, F, o, **k: F.cross_entropy(
        o, g.tensor(IGNORED), label_smoothing=0.2, **k
    ),
    "ignored, weights": lambda g, F, o, **k: F.cross_entropy(o, g.tensor(IGNORED), weight(g), **k),
    "shares": lambda g, F, o, **k: F.cross_entropy(o, real(g, SHARES), **k),
    "shares, weights": lambda g, F, o, **k: F.cross_entropy(o, real(g, SHARES), weight(g), **k),
    "nll": lambda g, F, o, **k: F.nll_loss(F.log_softmax(o, 1), g.tensor(Y), **k),
    "nll, weights": lambda g, F, o, **k: F.nll_loss(
        F.log_softmax(o, 1), g.tensor(IGNORED), weight(g), **k
    ),
    "bce": lambda g, F, o, **k: F.binary_cross_entropy(o.sigmoid(), real(g, BITS), **k),
    "bce, weights": lambda g, F, o, **k: F.binary_cross_entropy(
        o.sigmoid(), real(g, BITS), weight(g), **k
    ),
    "bce logits": lambda g, F, o, **k: F.binary_cross_entropy_with_logits(o, real(g, BITS), **k),
    "bce logits, pos_weight": lambda g, F, o, **k: F.binary_cross_entropy_with_logits(
        o, real(g, BITS), weight(g), pos_weight=weight(g), **k
    ),
    "kl": lambda g, F, o, **k: F.kl_div(F.log_softmax(o, 1), real(g, SHARES), **k),
    "mse": lambda g, F, o, **k: F.mse_loss(o, real(g, REAL), **k),
    "l1": lambda g, F, o, **k: F.l1_loss(o, real(g, REAL), **k),
    "huber": lambda g, F, o, **k: F.huber_loss(o, real(g, REAL), delta=0.7, **k),
    "smooth l1": lambda g, F, o, **k: F.smooth_l1_loss(o, real(g, REAL), beta=0.5, **k),
    "hinge embedding": lambda g, F, o, **k: F.hinge_embedding_loss(o, real(g, SIGNS), **k),
    "soft margin": lambda g, F, o, **k: F.soft_margin_loss(o, real(g, SIGNS), **k),
    "margin ranking": lambda g, F, o, **k: F.margin_ranking_loss(
        o, o.sin(), real(g, SIGNS), margin=0.3, **k
    ),
    "gaussian": lambda g, F, o, **k: F.gaussian_nll_loss(o, real(g, REAL), o.exp(), **k),
    "gaussian, full": lambda g, F, o, **k: F.gaussian_nll_loss(
        o, real(g, REAL), o.exp(), full=True, **k
    ),
    "poisson": lambda g, F, o, **k: F.poisson_nll_loss(o, real(g, BITS), **k),
    "poisson, full": lambda g, F, o, **k: F.poisson_nll_loss(
        o.exp(), 3 * real(g, BITS), log_input=False, full=True, **k
    ),
    "multi margin": lambda g, F, o, **k: F.multi_margin_loss(
        o, g.tensor(Y), p=2, weight=weight(g), **k
    ),
    "multilabel margin": lambda g, F, o, **k: F.multilabel_margin_loss(o, g.tensor(LISTS), **k),
    "cosine embedding": lambda g, F, o, **k: F.cosine_embedding_loss(
        o, o.sin() + 0.5, g.tensor([1, -1, 1]), margin=-0.9, **k
    ),
    "triplet": lambda g, F, o, **k: F.triplet_margin_loss(o, o.sin(), o.cos(), **k),
    "triplet, swapped": lambda g, F, o, **k: F.triplet_margin_loss(
        o, o.sin(), o.cos(), p=1, swap=True, margin=3.0, **k
    ),
    "multilabel soft margin": lambda g, F, o, **k: F.multilabel_soft_margin_loss(
        o, real(g, BITS), **k
    ),
}
CASES: dict[str, Loss] = {
    f"{name}, {reduction}": lambda g, F, o, loss=loss, reduction=reduction: loss(
        g, F, o, reduction=reduction
    )
    for name, loss in REDUCED.items()
    for reduction in ("mean", "sum")
}
CASES |= {
    f"{name}, none": lambda g, F, o, name=name: (
        REDUCED[name](g, F, o, reduction="none").reshape(3, -1) * real(g, WEIGHT).reshape(3, 1)
    ).sum()
    for name in ("cross_entropy", "ignored", "shares", "nll, weights", "mse", "bce")
}
CASES["kl, batchmean"] = lambda g, F, o: F.kl_div(
    F.log_softmax(o, 1), real(g, SHARES), reduction="batchmean"
)
CASES["kl, log"] = lambda g, F, o: F.kl_div(
    F.log_softmax(o, 1), real(g, SHARES)[1].log(), reduction="batchmean", log_target=True
)


def model(rows: int = 3) -> tuple[nn.Module, Any]:
    gobhir.manual_seed(0)
    return in_full(nn.Linear(2, 3)), gobhir.randn(rows, 2, dtype=gobhir.float64)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("mode", ["exact", "hand"])
@pytest.mark.parametrize("name", CASES)
def test_its_formulas_give_its_numbers(name: str, mode: str) -> None:
    net, x = model()
    r = Reading(record_step(net, x, None, lambda o: CASES[name](gobhir, nn.functional, o)), mode)
    assert not r.unruled
    for q in (*r.computed, *r.pulled):
        assert q.expr is not None
        for index, exact in np.ndenumerate(np.asarray(q.exact)):
            value = float(result(element(q.expr, index, q.shape), r.rounder))
            wanted = pytest.approx(exact, **({"rel": 1e-9} if mode == "exact" else {"rel": 0.01}))
            assert value == wanted or abs(value - exact) < (2e-3 if mode == "hand" else 1e-12)


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("name", CASES)
def test_pytorch_says_the_same(name: str) -> None:
    net, x = model()
    r = Reading(record_step(net, x, None, lambda o: CASES[name](gobhir, nn.functional, o)), "exact")
    w, b = (torch.tensor(p.array, requires_grad=True) for p in net.parameters())
    out = torch.nn.functional.linear(torch.tensor(x.array), w, b)
    CASES[name](torch, torch.nn.functional, out).backward()
    for p, there in zip(net.parameters(), (w, b), strict=True):
        assert r.pulled_of[p].exact == pytest.approx(there.grad.numpy().reshape(p.shape), rel=1e-9)


@pytest.mark.parametrize("target", [gobhir.tensor([2]), gobhir.tensor([[0.1, 0.2, 0.7]]).double()])
def test_one_example(target: Any) -> None:
    net, x = model(1)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    page = gobhir.explain(net, x, target, loss, mode="hand", reference="differences")
    assert not page.reading.unruled
    assert "t₃ = (1 − ϵ)y₃ + ϵ/3" in page.to_text("en")


def test_the_page_says_what_is_averaged() -> None:
    net, x = model()
    weights = gobhir.tensor(WEIGHT, dtype=gobhir.float64)
    loss = nn.CrossEntropyLoss(weights, label_smoothing=0.1)
    y = gobhir.tensor(IGNORED)
    told = gobhir.explain(net, x, y, loss, reference="differences").to_text("en")
    told = " ".join(told.split())
    assert "Label smoothing, ϵ = 0.1" in told
    assert "1 of the labels are -100" in told
    assert "the sum of these weights" in told and "only at the probability" not in told
    plain = gobhir.explain(net, x, gobhir.tensor(Y), nn.CrossEntropyLoss(), reference="differences")
    assert "mean of 3 losses" in " ".join(plain.to_text("en").split())
    assert "৩টা লসের গড়" in " ".join(plain.to_text("bn").split())


def test_a_single_class() -> None:
    for rows, wanted in ((1, [0]), (2, [0, 0])):
        x, y = gobhir.ones(rows, 2), gobhir.tensor(wanted)
        page = gobhir.explain(nn.Linear(2, 1), x, y, nn.CrossEntropyLoss(), mode="hand")
        assert not page.reading.unruled and page.to_text("bn")
