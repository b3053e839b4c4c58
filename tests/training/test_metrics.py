"""Metrics beside their definitions, counted out by hand over pairs and thresholds."""

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
from gobhir.training import metrics as m

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=15)


def drawn(seed: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(true classes, given classes, scores); scores on a coarse grid in one of two draws."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    scores = rng.normal(size=(n, classes))
    if seed % 2:
        scores = np.round(scores * 2) / 2
    return rng.integers(0, classes, n), rng.integers(0, classes, n), scores


def per_class(y: np.ndarray, p: np.ndarray) -> list[tuple[int, int, int, int]]:
    """(tp, fp, fn, support) for each class that occurs anywhere."""
    out = []
    for c in sorted(set(y.tolist()) | set(p.tolist())):
        tp = sum(a == c and b == c for a, b in zip(y, p, strict=True))
        out.append((tp, int(sum(p == c)) - tp, int(sum(y == c)) - tp, int(sum(y == c))))
    return out


FRACTIONS: dict[str, Callable[[int, int, int], tuple[int, int]]] = {
    "precision": lambda tp, fp, fn: (tp, tp + fp),
    "recall": lambda tp, fp, fn: (tp, tp + fn),
    "f1": lambda tp, fp, fn: (2 * tp, 2 * tp + fp + fn),
}


def by_hand(name: str, average: str | None, y: np.ndarray, p: np.ndarray) -> Any:
    rows = per_class(y, p)
    if average == "micro":
        rows = [tuple(map(sum, zip(*rows, strict=True)))]  # type: ignore[list-item]
    each = []
    for tp, fp, fn, _ in rows:
        above, below = FRACTIONS[name](tp, fp, fn)
        each.append(above / below if below else 0.0)
    if average is None:
        return each
    weights = [r[3] for r in rows] if average == "weighted" else None
    return float(np.average(each, weights=weights))


@few
@given(SEEDS)
@pytest.mark.parametrize("average", ["macro", "micro", "weighted", None])
@pytest.mark.parametrize("name", FRACTIONS)
def test_precision_recall_f1(name: str, average: str | None, seed: int) -> None:
    y, p, scores = drawn(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert np.allclose(getattr(m, name)(p, y, average), by_hand(name, average, y, p))
        best = scores.argmax(1)
        assert np.allclose(getattr(m, name)(scores, y, average), by_hand(name, average, y, best))


@few
@given(SEEDS)
def test_counting(seed: int) -> None:
    y, p, scores = drawn(seed)
    assert m.accuracy(p, y) == sum(a == b for a, b in zip(y, p, strict=True)) / len(y)
    for k in (1, 2, 4):
        # among equals the higher class number comes first
        ranked = [sorted(range(4), key=lambda c, r=row: (r[c], c))[::-1] for row in scores]  # type: ignore[misc]
        hits = [a in order[:k] for a, order in zip(y, ranked, strict=True)]
        assert m.top_k(scores, y, k) == sum(hits) / len(y)
    one = m.ConfusionMatrix()
    counts = one(p, y)
    assert one.labels.tolist() == sorted(set(y.tolist()) | set(p.tolist()))
    for i, a in enumerate(one.labels):
        for j, b in enumerate(one.labels):
            assert counts[i, j] == np.sum((y == a) & (p == b))
    for normalize, axis in (("true", 1), ("pred", 0), ("all", None)):
        sums = m.confusion_matrix(p, y, normalize=normalize).sum(axis)
        assert np.all(np.isclose(sums, 1) | (sums == 0))


@few
@given(SEEDS)
def test_curves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 30))
    y = np.concatenate([[0, 1], rng.integers(0, 2, n - 2)])
    scores = np.round(rng.normal(size=n) * 3) / 3 if seed % 2 else rng.normal(size=n)
    pairs = [
        0.5 * (a == b) + (a > b) for a in scores[y == 1] for b in scores[y == 0]
    ]  # the area is the chance that a positive example scores higher than a negative one
    assert m.roc_auc(scores, y) == pytest.approx(np.mean(pairs))
    curve = m.roc_curve(scores, y, drop_intermediate=False)
    assert curve.auc == pytest.approx(np.mean(pairs)) and curve.thresholds[0] == np.inf
    for fpr, tpr, cut in zip(*curve[:3], strict=True):
        called = scores >= cut
        assert tpr == called[y == 1].mean() and fpr == called[y == 0].mean()
    short = m.roc_curve(scores, y)
    assert {*zip(*short[:2], strict=True)} <= {*zip(*curve[:2], strict=True)}
    assert short.auc == pytest.approx(curve.auc)
    pr = m.precision_recall_curve(scores, y)
    assert (pr.precision[-1], pr.recall[-1]) == (1, 0)
    area, before = 0.0, 0.0
    for precision, recall, cut in reversed([*zip(*pr[:3], strict=False)]):
        called = scores >= cut
        assert precision == y[called].mean() and recall == called[y == 1].mean()
        area, before = area + (recall - before) * precision, recall
    assert m.average_precision(scores, y) == pr.average_precision == pytest.approx(area)


@few
@given(SEEDS)
def test_areas_of_several_classes_are_the_mean_against_the_rest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, y = rng.normal(size=(30, 3)), np.arange(30) % 3
    p = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    each = [m.roc_auc(p[:, c], y == c) for c in range(3)]
    assert m.roc_auc(scores, y) == pytest.approx(np.mean(each)) == m.roc_auc(p, y)
    each = [m.average_precision(p[:, c], y == c) for c in range(3)]
    assert m.average_precision(scores, y) == pytest.approx(np.mean(each))
    assert len(m.roc_curve(scores, y)) == 3
    two, pair = scores[:, :2], y % 2  # two columns are one question, about the second of them
    assert m.roc_auc(two, pair) == pytest.approx(m.roc_auc(two[:, 1] - two[:, 0], pair))


@few
@given(SEEDS, st.sampled_from([(), (1,), (3,)]))
def test_regression(seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 40))
    y = rng.normal(size=(n, *shape)) + 100
    p = y + rng.normal(size=y.shape)
    errors = (p - y).reshape(n, -1)
    assert m.mse(p, y) == pytest.approx(np.mean(errors**2))
    assert m.mae(p, y) == pytest.approx(np.mean(np.abs(errors)))
    assert m.rmse(p, y) == pytest.approx(np.mean(np.sqrt(np.mean(errors**2, 0))))
    spread = ((y.reshape(n, -1) - y.reshape(n, -1).mean(0)) ** 2).sum(0)
    assert m.r2(p, y) == pytest.approx(np.mean(1 - (errors**2).sum(0) / spread))


ALL: dict[str, Callable[[], m.Metric]] = {**m.NAMES, "top_2": lambda: m.TopK(2)}
ALL.pop("top_k")
OF_NUMBERS = {"mse", "mae", "rmse", "r2"}


@pytest.mark.parametrize("name", ALL)
def test_batch_by_batch_is_all_at_once(name: str) -> None:
    rng = np.random.default_rng(3)
    y, scores = rng.integers(0, 3, 60), rng.normal(size=(60, 3))
    y[:3] = 0, 1, 2
    if name in OF_NUMBERS:
        y, scores = rng.normal(size=60), rng.normal(size=60)
    one, whole = ALL[name](), ALL[name]()
    one.update(scores[:5], y[:5])
    one.reset()
    for start in range(0, 60, 7):
        one.update(scores[start : start + 7], y[start : start + 7])
    expected = whole(scores, y)
    assert flat(one.compute()) == pytest.approx(flat(expected))
    assert flat(whole(scores, y)) == flat(expected), "called again it starts anew"
    for tensor in (gobhir.tensor, torch.tensor):
        # a tensor of either framework, float32, also one under autograd
        low = tensor(scores).float().requires_grad_()
        assert flat(whole(low, tensor(y))) == pytest.approx(flat(expected), rel=1e-5)
    assert whole.name and isinstance(m.metric(name if name != "top_2" else "top_k"), m.Metric)
    with pytest.raises(ValueError, match=whole.name):
        ALL[name]().compute()


def flat(value: Any) -> list[float]:
    if isinstance(value, (tuple, list)):
        return [x for one in value for x in flat(one)]
    return np.where(np.isinf(value), 9.0, value).ravel().tolist()


LOGITS = np.array([-2.0, 0.3, 1.5, -0.1, 0.2, 3.0])
TRUE = np.array([0, 1, 1, 1, 0, 1])


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1"])
def test_one_score_for_two_classes(name: str, shape: tuple[int, ...]) -> None:
    """Logits, probabilities and classes all mean the same, also where a batch of logits could
    be taken for probabilities."""
    expected = getattr(m, name)((LOGITS > 0).astype(int), TRUE)
    p = 1 / (1 + np.exp(-LOGITS))
    for output in (LOGITS, p, p > 0.5):
        assert getattr(m, name)(output.reshape(shape), TRUE) == expected
        assert getattr(m, name)(output, TRUE.reshape(shape).astype(float)) == expected
    one = m.metric(name)
    for i in (1, 4, 0, 2, 3, 5):  # the first two lie between 0 and 1
        one.update(LOGITS[i : i + 1].reshape(1, *shape[1:]), TRUE[i : i + 1])
    assert one.compute() == expected
    sure = getattr(m, name)(np.array([0.2, 0.7]), np.array([1, 1]), from_logits=True)
    assert sure == 1.0
    assert m.accuracy(p, TRUE, threshold=0.9) == np.mean((p > 0.9) == TRUE)
    assert m.accuracy(LOGITS, TRUE, threshold=0.9) == np.mean((p > 0.9) == TRUE)


def test_pixels_and_one_hot_targets() -> None:
    rng = np.random.default_rng(0)
    scores, y = rng.normal(size=(2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))
    assert m.accuracy(scores, y) == np.mean(scores.argmax(1) == y)
    flat_scores = scores.transpose(0, 2, 3, 1).reshape(-1, 3)
    assert m.accuracy(flat_scores, np.eye(3)[y.ravel()]) == m.accuracy(scores, y)


def test_labels_need_not_be_0_1_2() -> None:
    one = m.ConfusionMatrix()
    one.update(np.array([7, -1]), np.array([7, 7]))
    one.update(np.array([3]), np.array([-1]))
    assert one.labels.tolist() == [-1, 3, 7]
    assert one.compute().tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 1]]


def test_what_is_undefined_is_said() -> None:
    never = np.zeros(4, int)
    with pytest.warns(RuntimeWarning, match="0 / 0") as told:
        assert m.precision(never, np.array([0, 1, 1, 0]), "binary") == 0.0
    assert told[0].filename == __file__, "it is told about the learner's own line"
    with pytest.warns(RuntimeWarning, match="0 / 0"):
        assert m.recall(np.array([1, 0]), np.zeros(2, int), "binary", zero_division=1.0) == 1.0
    scores = np.array([0.1, 0.4, 0.3])
    with pytest.warns(RuntimeWarning, match="positive"):
        assert np.isnan(m.roc_auc(scores, np.zeros(3, int)))
    with pytest.warns(RuntimeWarning, match="negative"):
        assert np.isnan(m.roc_auc(scores, np.ones(3, int)))
    with pytest.warns(RuntimeWarning, match="positive"):
        assert m.average_precision(scores, np.zeros(3, int)) == 0.0
    with pytest.warns(RuntimeWarning, match="two"):
        assert np.isnan(m.r2([1.0], [2.0]))
    assert m.r2([2.0, 2.0], [2.0, 2.0]) == 1.0 and m.r2([2.0, 3.0], [2.0, 2.0]) == 0.0


REFUSED: dict[str, tuple[str, Callable[[], Any]]] = {
    "shapes": ("metrics.shapes", lambda: m.accuracy(np.zeros((4, 3)), np.zeros(5, int))),
    "columns": ("metrics.numbers", lambda: m.mse(np.zeros(3), np.zeros(4))),
    "broadcast": ("metrics.numbers", lambda: m.mse(np.zeros((3, 1)), np.zeros((3, 3)))),
    "several classes at once": (
        "metrics.one_hot",
        lambda: m.accuracy(np.zeros((2, 3)), np.ones((2, 3))),
    ),
    "no whole classes": (
        "metrics.labels",
        lambda: m.accuracy(np.zeros(2, int), np.array([0.5, 1.0])),
    ),
    "no scores": ("metrics.scores", lambda: m.top_k(np.zeros(3), np.zeros(3, int))),
    "average": ("metrics.choice", lambda: m.f1([0], [0], "mean")),
    "normalize": ("metrics.choice", lambda: m.confusion_matrix([0], [0], normalize="rows")),
    "binary": ("metrics.binary", lambda: m.f1([0, 1, 2], [0, 1, 2], "binary")),
    "nan": ("metrics.nan", lambda: m.roc_auc([0.1, float("nan")], [0, 1])),
    "name": ("training.metric", lambda: m.metric("acuracy")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured(case: str) -> None:
    why, program = REFUSED[case]
    with pytest.raises(ValueError) as caught:
        program()
    assert caught.value.args[0].key == f"errors.{why}"


def test_functions_are_metrics_too() -> None:
    def largest(output: Any, target: Any) -> float:
        return float(np.max(np.abs(np.asarray(output) - target)))

    one = m.metric(largest)
    one.update(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    one.update(np.array([3.0]), np.array([8.0]))
    assert one.name == "largest" and one.compute() == pytest.approx((2 * 2 + 5) / 3)
    with pytest.raises(TypeError):
        m.metric(3)
