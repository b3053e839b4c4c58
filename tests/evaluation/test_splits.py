"""Splits against scikit-learn's, and the promises that they make."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from gobhir.evaluation import by_id, in_order, k_fold, leaks, rolling, split

DRAW = np.random.default_rng(7)
LABELS = DRAW.choice(3, 900, p=[0.7, 0.25, 0.05])
GROUPS = DRAW.integers(120, size=900)


def is_partition(parts: list[np.ndarray], n: int) -> bool:
    return sorted(np.concatenate(parts).tolist()) == list(range(n))


def test_ids_keep_their_side_when_rows_are_added_or_reordered() -> None:
    names = [f"scan-{i}.png" for i in range(3000)]
    first = by_id(names[:2000])
    side = {names[row]: part for part, rows in first.items() for row in rows}
    order = DRAW.permutation(3000)
    later = by_id([names[i] for i in order])
    assert is_partition(list(first.values()), 2000)
    for part, rows in later.items():
        assert {side.get(names[order[row]], part) for row in rows} == {part}
    assert abs(len(first["train"]) / 2000 - 0.8) < 0.03
    assert abs(len(first["test"]) / 2000 - 0.1) < 0.03
    assert not np.array_equal(by_id(names, seed=1)["test"], by_id(names)["test"])


def test_ids_may_be_texts_numbers_or_pictures_and_copies_stay_together() -> None:
    pictures = DRAW.integers(0, 256, (50, 4, 4), dtype=np.uint8)
    twice = np.concatenate([pictures, pictures])
    parts = by_id(twice, {"a": 0.5, "b": 0.5})
    assert leaks(parts, np.tile(np.arange(50), 2)) == 0
    # NFC: the same word from two keyboards.
    assert [len(rows) for rows in by_id(["নয়", "নয়"]).values()].count(0) == 2
    assert np.array_equal(by_id([1, 2, 3])["train"], by_id(["1", "2", "3"])["train"])
    with pytest.raises(TypeError, match="dict"):
        by_id([{}])


def test_an_id_goes_where_it_always_went() -> None:
    """Whoever changes this moves everybody's test set."""
    parts = by_id("abcdefghij", {"train": 0.5, "test": 0.5})
    hashes = [blake2b(c.encode(), digest_size=8, key=b"0").digest() for c in "abcdefghij"]
    upper = [row for row, one in enumerate(hashes) if one[0] >= 128]
    assert parts["test"].tolist() == upper == [0, 1, 2, 3, 4, 5, 7]


def test_classes_have_their_share_in_each_part() -> None:
    parts = split(LABELS, labels=LABELS, seed=3)
    assert is_partition(list(parts.values()), 900)
    assert [len(rows) for rows in parts.values()] == [720, 90, 90]
    for part, share in (("train", 0.8), ("validation", 0.1), ("test", 0.1)):
        wanted = np.bincount(LABELS) * share
        assert np.abs(np.bincount(LABELS[parts[part]], minlength=3) - wanted).max() <= 2
    again = split(900, labels=LABELS, seed=3)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)
    assert not np.array_equal(split(900, seed=1)["test"], split(900, seed=2)["test"])


def test_folds_are_as_even_as_scikit_learns() -> None:
    ours = k_fold(900, 7, labels=LABELS)
    theirs = StratifiedKFold(7, shuffle=True, random_state=0).split(LABELS, LABELS)

    def table(folds: object) -> list[list[int]]:
        return sorted(np.bincount(LABELS[test], minlength=3).tolist() for _, test in folds)

    assert is_partition([test for _, test in ours], 900)
    assert all(is_partition([train, test], 900) for train, test in ours)
    mine, sklearns = np.array(table(ours)), np.array(table(theirs))
    assert np.ptp(mine, 0).max() <= np.ptp(sklearns, 0).max() <= 1
    assert np.ptp(mine.sum(1)) <= 1


def test_groups_never_cross_and_stay_balanced() -> None:
    folds = k_fold(900, 5, groups=GROUPS)
    theirs = list(GroupKFold(5).split(GROUPS, groups=GROUPS))
    for train, test in folds:
        assert not set(GROUPS[train]) & set(GROUPS[test])
    assert is_partition([test for _, test in folds], 900)
    sizes, wanted = ([len(test) for _, test in f] for f in (folds, theirs))
    assert np.ptp(sizes) <= max(np.ptp(wanted), 2)


def test_groups_and_classes_at_once_as_even_as_scikit_learns() -> None:
    def unevenness(folds: object) -> float:
        shares = [np.bincount(LABELS[test], minlength=3) / np.bincount(LABELS) for _, test in folds]
        return float(np.std(shares, 0).mean())

    ours = k_fold(900, 5, labels=LABELS, groups=GROUPS)
    theirs = StratifiedGroupKFold(5).split(LABELS, LABELS, GROUPS)
    assert all(not set(GROUPS[train]) & set(GROUPS[test]) for train, test in ours)
    assert unevenness(ours) <= 1.1 * unevenness(theirs)
    parts = split(900, labels=LABELS, groups=GROUPS)
    assert leaks(parts, GROUPS) == 0 < leaks(split(900), GROUPS)
    assert abs(len(parts["train"]) - 720) <= 9


def test_time_runs_one_way() -> None:
    days = DRAW.permutation(np.repeat(np.arange(100), 3))
    parts = in_order(days, gap=2)
    train, validation, test = (days[rows] for rows in parts.values())
    assert train.max() + 2 < validation.min() and validation.max() + 2 < test.min()
    assert len(train) == 240 and set(validation) == set(range(82, 90))
    with pytest.raises(ValueError, match="gap"):
        in_order(10, gap=1)


@pytest.mark.parametrize(("gap", "ahead", "window"), [(0, None, None), (3, 10, None), (2, 8, 20)])
def test_rolling_as_scikit_learn(gap: int, ahead: int | None, window: int | None) -> None:
    theirs = TimeSeriesSplit(4, gap=gap, test_size=ahead, max_train_size=window)
    pairs = zip(
        rolling(100, 4, gap=gap, ahead=ahead, window=window),
        theirs.split(np.zeros(100)),
        strict=True,
    )
    for (train, test), (train2, test2) in pairs:
        assert np.array_equal(train, train2) and np.array_equal(test, test2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: split(10, {"train": 0.8, "test": 0.3}),
        lambda: split(10, {"train": 1.0, "test": 0.0}),
        lambda: split(2),
        lambda: split(10, labels=[1, 2]),
        lambda: split(10, groups=[0] * 10),
        lambda: k_fold(3, 4),
        lambda: k_fold(10, 3, groups=[0, 1] * 5),
        lambda: rolling(4, 5),
        lambda: by_id([]),
    ],
)
def test_what_cannot_be_cut_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        wrong()
