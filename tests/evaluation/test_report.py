"""The numbers of a report against training/metrics and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as theirs

from gobhir.evaluation import (
    blocks,
    classification,
    gain,
    mean,
    regression,
    report,
    wilson,
    worst,
)
from gobhir.lang import LANGUAGES
from gobhir.training import metrics

DRAW = np.random.default_rng(0)
Y = DRAW.choice(3, 200, p=[0.6, 0.3, 0.1])
Z = DRAW.normal(size=(200, 3)) + 1.5 * np.eye(3)[Y]
P = np.exp(Z) / np.exp(Z).sum(1, keepdims=True)
GIVEN = P.argmax(1)


def test_the_values_are_those_of_the_metrics_and_of_scikit_learn() -> None:
    found = classification(Z, Y, ["a", "b", "c"], resamples=200)
    numbers = {name: one.value for name, one in found.numbers.items()}
    assert numbers == pytest.approx(
        {
            "accuracy": metrics.accuracy(Z, Y),
            "balanced_accuracy": theirs.balanced_accuracy_score(Y, GIVEN),
            "macro_f1": metrics.f1(Z, Y),
            "auc": metrics.roc_auc(Z, Y),
            "average_precision": metrics.average_precision(Z, Y),
            "brier": ((P - np.eye(3)[Y]) ** 2).sum(1).mean(),
            "log_loss": theirs.log_loss(Y, P),
        }
    )
    assert found.confusion == theirs.confusion_matrix(Y, GIVEN).tolist()
    sklearns = theirs.precision_recall_fscore_support(Y, GIVEN)
    for i, row in enumerate(found.per_class):
        mine = [row.precision.value, row.recall.value, row.f1.value, row.support]
        assert mine == pytest.approx([column[i] for column in sklearns])
        for one in (row.precision, row.recall, row.f1):
            assert one.low < one.value < one.high
    assert all(one.low < one.value < one.high for one in found.numbers.values())


def test_resampled_areas_are_those_of_the_rows_written_out() -> None:
    score = np.round(DRAW.random(60), 1)  # ties
    y = (DRAW.random(60) < score).astype(int)
    area = report.Areas(score, y == 1)
    times = DRAW.integers(0, 4, (5, 60)).astype(float)
    roc, precision = area(times)
    for i, row in enumerate(times.astype(int)):
        p, t = np.repeat(score, row), np.repeat(y, row)
        assert roc[i] == pytest.approx(theirs.roc_auc_score(t, p))
        assert precision[i] == pytest.approx(theirs.average_precision_score(t, p))


def test_one_score_an_example_and_class_numbers_are_outputs_too() -> None:
    y = (Y > 0).astype(int)
    one, two = P[:, 1] + P[:, 2], np.stack([P[:, 0], P[:, 1] + P[:, 2]], 1)
    mine, other = (classification(out, y, resamples=200) for out in (one, two))
    assert mine.confusion == other.confusion and mine.per_class == other.per_class
    for name, number in mine.numbers.items():
        assert number.low == pytest.approx(other.numbers[name].low)
    plain = classification(GIVEN, Y, resamples=200)
    assert list(plain.numbers) == ["accuracy", "balanced_accuracy", "macro_f1"]
    assert plain.confusion == classification(P, Y, resamples=200).confusion


def test_intervals_are_wide_for_few_and_for_groups() -> None:
    found = classification(P, Y, resamples=500)
    common, *_, rare = found.per_class
    assert rare.recall.high - rare.recall.low > 1.5 * (common.recall.high - common.recall.low)
    twice = classification(
        np.tile(P, (2, 1)), np.tile(Y, 2), groups=np.tile(np.arange(200), 2), resamples=500
    )
    once = mean(GIVEN == Y, resamples=500)
    accuracy = twice.numbers["accuracy"]
    assert (accuracy.low, accuracy.high) == pytest.approx((once.low, once.high), abs=0.02)
    assert accuracy.groups == 200 and accuracy.n == 400


def test_groups_that_are_all_right_tell_as_much_as_so_many_examples() -> None:
    y = np.repeat([0, 1], 30)
    groups = np.arange(60) // 6
    found = classification(y, y, 2, groups=groups, resamples=100).numbers["accuracy"]
    alone = wilson(10, 10)
    assert (found.value, found.low, found.high) == (1.0, alone.low, alone.high)
    assert found.n == 60 and found.groups == 10
    none = classification(1 - y, y, 2, groups=groups, resamples=100).numbers["accuracy"]
    assert (none.low, none.high) == (wilson(0, 10).low, wilson(0, 10).high)


def test_many_classes_have_no_areas() -> None:
    y = np.arange(60) % 12
    found = classification(np.eye(12)[y] * 3 + DRAW.normal(size=(60, 12)), y, resamples=100)
    assert list(found.numbers)[3:] == ["brier", "log_loss"]


def test_a_class_without_examples_has_no_numbers() -> None:
    found = classification(P, np.minimum(Y, 1), ["a", "b", "c"], resamples=200)
    assert np.isnan(found.per_class[2].recall.value) and found.per_class[2].support == 0
    assert found.numbers["balanced_accuracy"].value == pytest.approx(
        np.mean([row.recall.value for row in found.per_class[:2]])
    )
    perfect = classification(np.eye(3)[Y], Y, resamples=200)
    assert all(0.8 < row.f1.low < row.f1.high == 1.0 for row in perfect.per_class)


@pytest.mark.parametrize("width", [1, 2])
def test_errors_of_numbers(width: int) -> None:
    y = DRAW.normal(10, 3, size=(90, width))
    p = y + DRAW.normal(size=(90, width))
    found = regression(p, y, scale=2.0, resamples=300)
    assert {name: one.value for name, one in found.items()} == pytest.approx(
        {
            "mae": metrics.mae(p, y),
            "rmse": metrics.rmse(p, y),
            "r2": theirs.r2_score(y, p),
            "mase": metrics.mae(p, y) / 2,
        }
    )
    assert all(one.low < one.value < one.high for one in found.values())


def test_a_forecasts_errors_are_drawn_in_blocks() -> None:
    wave = np.cumsum(DRAW.normal(size=400)) * 0.1
    alone = regression(wave, np.zeros(400) + 1e-9 * np.arange(400), resamples=300)["mae"]
    together = regression(
        wave, np.zeros(400) + 1e-9 * np.arange(400), groups=blocks(400, 40), resamples=300
    )["mae"]
    assert together.high - together.low > 2 * (alone.high - alone.low)
    assert np.bincount(blocks(25, 10)).tolist() == [10, 10, 5]


def test_gain_and_worst() -> None:
    bad = DRAW.permutation(P)
    found = gain(P, bad, Y, resamples=300)
    assert found.value == pytest.approx(metrics.accuracy(P, Y) - metrics.accuracy(bad, Y))
    assert found.low > 0
    y = DRAW.normal(size=50)
    assert gain(y, y + 1, y, resamples=300).value == pytest.approx(1)
    rows = worst(P, Y, 5)
    wrong = np.flatnonzero(GIVEN != Y)
    assert set(rows) <= set(wrong)
    assert rows[0] == max(wrong, key=lambda i: P[i].max() - P[i, Y[i]])
    assert worst(np.array([1.0, 5.0, 2.0]), np.array([1.0, 1.0, 1.0]), 2).tolist() == [1, 2]


def test_names_are_said_in_both_languages() -> None:
    for lang in LANGUAGES:
        assert report.title("macro_f1", lang) != "macro_f1" != report.title("accuracy", lang)
        assert report.title("my_own", lang) == "my_own"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: classification(P, Y, ["a", "b"]),
        lambda: classification(P[:, 0] > 1, Y),
        lambda: regression([1.0, np.nan], [1.0, 2.0]),
        lambda: blocks(10, 6),
    ],
)
def test_what_cannot_be_judged_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="."):
        wrong()
