"""Which detection is whom? Costs of all pairs, and the pairs that together cost least.

A cost of 0 is a perfect pair; pairs above a limit (the gate) are never made, however alone the two
are. Sources: H. W. Kuhn (1955), the Hungarian method, https://doi.org/10.1002/nav.3800020109 (here
in SciPy's version); J. Cao et al. (2023), OC-SORT, https://arxiv.org/abs/2203.14360, momentum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from gobhir.projects.detection.boxes import iou


class Matching(NamedTuple):
    """rows, columns: the pairs, (k,) each; free_rows, free_columns: who stayed alone."""

    rows: np.ndarray
    columns: np.ndarray
    free_rows: np.ndarray
    free_columns: np.ndarray


def match(cost: np.ndarray, most: float) -> Matching:
    """The pairs of (n, m) costs that, together with `most` for everybody who stays alone, cost
    least; no pair costs more than `most`."""
    n, m = cost.shape
    # What is above the gate costs as much as staying alone: it is chosen only where nothing better
    # is lost, and then taken out.
    rows, columns = linear_sum_assignment(np.minimum(cost, most))
    kept = cost[rows, columns] < most
    rows, columns = rows[kept], columns[kept]
    alone = np.ones(n, bool), np.ones(m, bool)
    alone[0][rows] = False
    alone[1][columns] = False
    return Matching(rows, columns, np.flatnonzero(alone[0]), np.flatnonzero(alone[1]))


def overlap(tracks: np.ndarray, boxes: np.ndarray, buffer: float = 0.0) -> np.ndarray:
    """1 - IoU of (n, 4) and (m, 4) boxes: (n, m). buffer: so many times their width and height are
    added on each side first, so that boxes that pass each other narrowly have something in common,
    too (F. Yang et al. 2023, C-BIoU, https://arxiv.org/abs/2211.14317)."""
    return 1 - iou(_wider(tracks, buffer), _wider(boxes, buffer))


def turn(heading: np.ndarray, last: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """How far each pair would turn somebody from where they are heading: (n, m), from 0 (straight
    on) to 1 (back). heading: (n, 2), of any length, 0 where it is not known; last: (n, 4), the box
    where they were last seen; boxes: (m, 4)."""
    middle = [(one[:, :2] + one[:, 2:]) / 2 for one in (last, boxes)]
    way = middle[1][None] - middle[0][:, None]
    length = np.linalg.norm(way, axis=-1) * np.linalg.norm(heading, axis=-1)[:, None]
    cosine = (way * heading[:, None]).sum(-1) / np.maximum(length, 1e-9)
    angle = np.arccos(np.clip(cosine, -1, 1)) / np.pi
    return np.where(length > 1e-9, angle, 0.0)


def _wider(boxes: np.ndarray, buffer: float) -> np.ndarray:
    if not buffer:
        return boxes
    margin = (boxes[:, 2:] - boxes[:, :2]) * buffer
    return np.concatenate([boxes[:, :2] - margin, boxes[:, 2:] + margin], 1)
