"""Who learns and who is asked: splits that are the same tomorrow, and that keep together what
belongs together.

A split is a dictionary, {"train": rows, "validation": rows, "test": rows}: row numbers, ascending,
each row in one part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np

from gobhir.evaluation.duplicates import content
from gobhir.lang import say

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
Split = dict[str, np.ndarray]


def by_id(ids: Iterable[Any], shares: Mapping[str, float] = SHARES, *, seed: int = 0) -> Split:
    """Each row goes where the hash of its id sends it, whatever other rows there are: rows that are
    added later, or reordered, move nobody. The parts are as large as `shares` say, about.

    ids: one a row, str, int, bytes or an array: a file's name, a writer (then all of one writer's
    rows are on one side), or the content itself (then its copies are).
    """
    names, sizes = _checked(shares)
    key = str(seed).encode()
    # The first 8 bytes of the hash, as a number from 0 to 1.
    places = [blake2b(content(one), digest_size=8, key=key).digest() for one in ids]
    _enough(len(places), 1)
    where = np.frombuffer(b"".join(places), ">u8") / 2.0**64
    return _parts(names, np.searchsorted(np.cumsum(sizes)[:-1], where, side="right"))


def split(
    count: int | Sequence[Any] | np.ndarray,
    shares: Mapping[str, float] = SHARES,
    *,
    labels: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> Split:
    """Drawn by chance: from the same seed always the same rows.

    count: how many rows, or something that has so many. labels: one a row; each part then gets its
    share of each class. groups: one a row; a group is never divided.
    """
    names, sizes = _checked(shares)
    n = count if isinstance(count, int) else len(count)
    _enough(n, len(names))
    return _parts(names, _deal(n, sizes, labels, groups, seed))


def k_fold(
    count: int | Sequence[Any] | np.ndarray,
    k: int = 5,
    *,
    labels: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """k pairs (train, test): each row is in one test. labels, groups: as in `split`."""
    n = count if isinstance(count, int) else len(count)
    there = n if groups is None else len(np.unique(_column(groups, n, "groups")))
    if not 2 <= k <= there:
        raise ValueError(say("evaluation.bad.folds", k=k, count=there))
    fold = _deal(n, np.full(k, 1 / k), labels, groups, seed)
    return [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]


def in_order(times: Any, shares: Mapping[str, float] = SHARES, *, gap: int = 0) -> Split:
    """What came first is learned, what came last is asked. Rows of the same time stay together.

    times: how many rows (they are in order then), or a time for each. gap: so many times are left
    out before each later part, so that no window reaches over a border.
    """
    names, sizes = _checked(shares)
    rank, moments = _ranks(times)
    ends = np.round(np.cumsum(sizes) * moments).astype(int)
    starts = np.append(0, ends[:-1] + gap)
    if gap < 0 or (starts >= ends).any():
        said = {"count": moments, "parts": len(names), "gap": gap}
        raise ValueError(say("evaluation.bad.time", **said))
    return {
        name: np.flatnonzero((rank >= a) & (rank < b))
        for name, a, b in zip(names, starts, ends, strict=True)
    }


def rolling(
    times: Any, k: int = 5, *, gap: int = 0, ahead: int | None = None, window: int | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """k pairs (train, test) that move through time: all that came before is learned (or the last
    `window` times of it), the next `ahead` times are asked; `gap` as in `in_order`."""
    rank, moments = _ranks(times)
    ahead = moments // (k + 1) if ahead is None else ahead
    if k < 1 or gap < 0 or ahead < 1 or moments - k * ahead - gap < 1:
        raise ValueError(say("evaluation.bad.time", count=moments, parts=k + 1, gap=gap))
    pairs = []
    for start in range(moments - k * ahead, moments, ahead):
        end = start - gap
        begin = 0 if window is None else max(0, end - window)
        train = np.flatnonzero((rank >= begin) & (rank < end))
        pairs.append((train, np.flatnonzero((rank >= start) & (rank < start + ahead))))
    return pairs


def leaks(parts: Mapping[str, np.ndarray], groups: Any) -> int:
    """How many groups have rows in more than one part; groups: one a row of the whole data, such as
    `same(texts)`. An honest split has 0."""
    column = np.asarray(groups)
    seen = [np.unique(column[rows]) for rows in parts.values()]
    return int((np.unique(np.concatenate(seen), return_counts=True)[1] > 1).sum())


# -- dealing out ---------------------------------------------------------------------------------


def _deal(n: int, sizes: np.ndarray, labels: Any, groups: Any, seed: int) -> np.ndarray:
    """For each row the number of its part."""
    draw = np.random.default_rng(seed)
    classes = np.zeros(n, int) if labels is None else _numbered(_column(labels, n, "labels"))
    if groups is not None:
        return _deal_groups(classes, _numbered(_column(groups, n, "groups")), sizes, draw)
    # Cards are dealt class by class, always to the part that is furthest from its share: so both
    # the parts and the classes in them are as large as they should be, but for a card.
    order = draw.permutation(n)
    order = order[np.argsort(classes[order], kind="stable")]
    where = np.empty(n, int)
    where[order] = _turns(n, sizes)
    return where


def _turns(n: int, sizes: np.ndarray) -> np.ndarray:
    """Whose turn it is, n times: the part that has least of what it should have."""
    have, shares = [0] * len(sizes), sizes.tolist()
    turns = np.empty(n, int)
    for i in range(n):
        missing = [share * (i + 1) - has for share, has in zip(shares, have, strict=True)]
        turns[i] = best = max(range(len(missing)), key=missing.__getitem__)
        have[best] += 1
    return turns


def _deal_groups(
    classes: np.ndarray, groups: np.ndarray, sizes: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    """Whole groups, the largest first, each to the part that then is nearest to its shares of all
    classes (as StratifiedGroupKFold of scikit-learn does, for parts of unequal size)."""
    count = np.zeros((groups.max() + 1, classes.max() + 1))
    np.add.at(count, (groups, classes), 1)
    if len(count) < len(sizes):
        raise ValueError(say("evaluation.bad.groups", count=len(count), parts=len(sizes)))
    count /= count.sum(0)
    missing = np.outer(sizes, np.ones(count.shape[1]))
    where = np.empty(len(count), int)
    order = draw.permutation(len(count))
    for group in order[np.argsort(-count[order].sum(1), kind="stable")]:
        # How much nearer a part would come, in squares, for its size.
        gain = ((2 * missing - count[group]) * count[group]).sum(1) / sizes
        where[group] = best = int(np.argmax(gain))
        missing[best] -= count[group]
    return where[groups]


# -- what is given -------------------------------------------------------------------------------


def _checked(shares: Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    sizes = np.array(list(shares.values()), float)
    if not len(sizes) or not (sizes > 0).all() or abs(sizes.sum() - 1) > 1e-9:
        raise ValueError(say("evaluation.bad.shares", shares=dict(shares)))
    return list(shares), sizes


def _enough(n: int, least: int) -> None:
    if n < least:
        raise ValueError(say("evaluation.bad.few", count=n, least=least))


def _column(values: Any, n: int, what: str) -> np.ndarray:
    column = np.asarray(values)
    if column.shape != (n,):
        said = {"what": what, "shape": column.shape, "count": n}
        raise ValueError(say("evaluation.bad.column", **said))
    return column


def _numbered(column: np.ndarray) -> np.ndarray:
    return np.unique(column, return_inverse=True)[1]


def _ranks(times: Any) -> tuple[np.ndarray, int]:
    """For each row the number of its time, and how many times there are."""
    column = np.arange(times) if isinstance(times, int) else np.asarray(times)
    _enough(len(column), 2)
    rank = _numbered(column)
    return rank, int(rank.max()) + 1


def _parts(names: list[str], where: np.ndarray) -> Split:
    return {name: np.flatnonzero(where == i) for i, name in enumerate(names)}
