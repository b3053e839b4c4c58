r"""How good are the tracks? What was missed, what was made up, and how often one person became two.

A track's box is right for a person's when the two overlap (IoU) by at least `threshold`.

    MOTA = 1 - (misses + false positives + switches) / boxes      counts every frame's mistakes
    IDF1 = 2 IDTP / (boxes + track boxes)                         counts who is who over the whole

MOTA is about finding: a person who changes the track once pays once. IDF1 gives each person one
track and counts only the boxes of that pair (IDTP): whoever loses somebody half way pays half.

Sources: K. Bernardin, R. Stiefelhagen (2008), CLEAR MOT, https://doi.org/10.1155/2008/246309;
E. Ristani et al. (2016), IDF1, https://arxiv.org/abs/1609.01775; mostly tracked, fragmentations:
Y. Li, C. Huang, R. Nevatia (2009), https://doi.org/10.1109/CVPR.2009.5206735
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from gobhir.projects.detection.boxes import iou
from gobhir.projects.tracking.files import Rows


@dataclass(frozen=True)
class Tally:
    """What was counted.

    boxes: of the truth; found: of the tracks; misses, false_positives, switches, fragmentations:
    how often; overlap: the sum of the matched pairs' IoU; id_true: IDTP; people: how many there
    are; mostly_tracked, mostly_lost: how many of them were found in at least 80 % of their frames,
    and in less than 20 %.
    """

    boxes: int
    found: int
    misses: int
    false_positives: int
    switches: int
    fragmentations: int
    overlap: float
    id_true: int
    people: int
    mostly_tracked: int
    mostly_lost: int

    @property
    def mota(self) -> float:
        """Below 0 where there are more mistakes than boxes; nan without boxes."""
        return 1 - _share(self.misses + self.false_positives + self.switches, self.boxes)

    @property
    def motp(self) -> float:
        """The mean IoU of what was matched."""
        return _share(self.overlap, self.matches)

    @property
    def idf1(self) -> float:
        return _share(2 * self.id_true, self.boxes + self.found)

    @property
    def precision(self) -> float:
        return _share(self.matches, self.found)

    @property
    def recall(self) -> float:
        return _share(self.matches, self.boxes)

    @property
    def matches(self) -> int:
        return self.boxes - self.misses


@dataclass(frozen=True)
class Comparison:
    """The truth and the tracks frame by frame; all but the last two are (F,), one a frame.

    boxes: of the truth; found: of the tracks; matches; switches; overlap: the sum of the matched
    pairs' IoU. pairs: (k, 3), whoever overlapped enough: the frame's place, the person's and the
    track's number. seen: for each person found or missed, frame by frame.
    """

    boxes: np.ndarray
    found: np.ndarray
    matches: np.ndarray
    switches: np.ndarray
    overlap: np.ndarray
    pairs: np.ndarray
    seen: list[list[bool]]

    def id_true(self, weights: np.ndarray | None = None) -> float:
        """IDTP: how many boxes are right if each person has one track, and the best one. weights:
        (F,), how often each frame counts."""
        if not len(self.pairs):
            return 0.0
        frame, person, track = self.pairs.T
        shape = person.max() + 1, track.max() + 1
        cells = np.ravel_multi_index((person, track), shape)
        counted = None if weights is None else weights[frame]
        together = np.bincount(cells, counted, shape[0] * shape[1]).reshape(shape)
        return float(together[linear_sum_assignment(together, maximize=True)].sum())

    def shares(self, weights: np.ndarray) -> np.ndarray:
        """MOTA, IDF1, precision and recall where each frame counts `weights` times: (r, F) ->
        (r, 4). It is what a bootstrap resamples."""
        boxes, found, matches = (weights @ one for one in (self.boxes, self.found, self.matches))
        wrong = boxes + found - 2 * matches + weights @ self.switches
        right = np.array([self.id_true(row) for row in weights])
        with np.errstate(divide="ignore", invalid="ignore"):
            each = [
                1 - wrong / boxes,
                2 * right / (boxes + found),
                matches / found,
                matches / boxes,
            ]
        return np.stack(each, 1)


def compare(truth: Rows, tracks: Rows, threshold: float = 0.5) -> Comparison:
    """Lay the tracks beside the truth, in every frame that has a box of either."""
    people, person = np.unique(truth.ids, return_inverse=True)
    _, track = np.unique(tracks.ids, return_inverse=True)
    frames = np.union1d(truth.frames, tracks.frames)
    counts = np.zeros((4, len(frames)), np.int64)
    overlap = np.zeros(len(frames))
    partner: dict[int, int] = {}  # a person's last track
    seen: list[list[bool]] = [[] for _ in people]
    pairs = [np.empty((0, 3), np.int64)]
    for at, frame in enumerate(frames):
        there = slice(*np.searchsorted(truth.frames, [frame, frame + 1]))
        given = slice(*np.searchsorted(tracks.frames, [frame, frame + 1]))
        who, which = person[there], track[given]
        shared = iou(truth.boxes[there], tracks.boxes[given])
        near = shared >= threshold
        i, j = np.nonzero(near)
        pairs.append(np.stack([np.full(len(i), at), who[i], which[j]], 1))
        kept = _pairs(who, which, shared, near, partner)
        changed = 0
        for row, k in enumerate(who.tolist()):
            seen[k].append(row in kept)
            if row in kept:
                now = int(which[kept[row]])
                changed += partner.get(k, now) != now
                partner[k] = now
        counts[:, at] = len(who), len(which), len(kept), changed
        overlap[at] = sum(shared[row, column] for row, column in kept.items())
    boxes, found, matches, switches = counts
    return Comparison(boxes, found, matches, switches, overlap, np.concatenate(pairs), seen)


def measure(truth: Rows, tracks: Rows, threshold: float = 0.5) -> Tally:
    """Compare the tracks with the truth, frame by frame (CLEAR MOT) and as a whole (IDF1)."""
    return tally(compare(truth, tracks, threshold))


def tally(beside: Comparison) -> Tally:
    """What is counted over all frames."""
    boxes, found, matches = (int(one.sum()) for one in (beside.boxes, beside.found, beside.matches))
    shares = [sum(one) / len(one) for one in beside.seen]
    return Tally(
        boxes=boxes,
        found=found,
        misses=boxes - matches,
        false_positives=found - matches,
        switches=int(beside.switches.sum()),
        fragmentations=sum(map(_breaks, beside.seen)),
        overlap=float(beside.overlap.sum()),
        id_true=int(beside.id_true()),
        people=len(beside.seen),
        mostly_tracked=sum(share >= 0.8 for share in shares),
        mostly_lost=sum(share < 0.2 for share in shares),
    )


def _pairs(
    who: np.ndarray,
    which: np.ndarray,
    shared: np.ndarray,
    near: np.ndarray,
    partner: dict[int, int],
) -> dict[int, int]:
    """Who is matched with what in one frame: whoever still overlaps with the last track keeps it;
    the others are paired so that there are as many pairs, and then as much overlap, as can be."""
    kept: dict[int, int] = {}
    place = {int(name): j for j, name in enumerate(which)}
    for i, k in enumerate(who.tolist()):
        j = place.get(partner.get(k, -1))
        if j is not None and near[i, j] and j not in kept.values():
            kept[i] = j
    open_, free = near.copy(), len(who) + 1
    open_[list(kept), :] = False
    open_[:, list(kept.values())] = False
    for i, j in zip(*linear_sum_assignment(np.where(open_, 1 - shared, free)), strict=True):
        if open_[i, j]:
            kept[int(i)] = int(j)
    return kept


def _breaks(found: list[bool]) -> int:
    """How often somebody who was found is missed and then found again."""
    places = np.flatnonzero(found)
    return int((np.diff(places) > 1).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
