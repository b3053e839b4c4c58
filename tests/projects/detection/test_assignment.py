"""Which cell answers for which box, against a slow, literal reading of the rule."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gobhir.projects.detection.assignment import ALPHA, BETA, assign, pairwise_iou
from gobhir.projects.detection.boxes import iou
from gobhir.projects.detection.network import cells


def case(seed: int):
    """Two pictures of 64 x 64 with up to three boxes, and what a network might say of them."""
    draw = np.random.default_rng(seed)
    places, steps = (part.numpy() for part in cells(64, 64))
    low = draw.uniform(0, 36, (2, 3, 2))
    true = np.concatenate([low, low + draw.uniform(10, 28, (2, 3, 2))], 2).astype(np.float32)
    kinds = draw.integers(0, 2, (2, 3))
    kinds[1, 2] = -1
    spread = draw.uniform(2, 30, (2, len(places), 4))
    boxes = np.concatenate([places - spread[..., :2], places + spread[..., 2:]], 2)
    return places, boxes.astype(np.float32), draw.uniform(0.01, 1, (2, len(places), 2)), true, kinds


def literal(places, boxes, scores, true, kinds, top):
    """{cell: (box, how sure)} of one picture."""
    wanted: dict[int, list[tuple[float, int, float]]] = {}
    for m, (box, kind) in enumerate(zip(true, kinds, strict=True)):
        if kind < 0:
            continue
        overlaps = iou(box[None], boxes)[0]
        rows = []
        for n, (x, y) in enumerate(places):
            if box[0] < x < box[2] and box[1] < y < box[3]:
                rows.append((scores[n, kind] ** ALPHA * overlaps[n] ** BETA, n))
        for aligned, n in sorted(rows, reverse=True)[:top]:
            if aligned > 0:
                wanted.setdefault(n, []).append((float(overlaps[n]), m, float(aligned)))
    mine = {n: max(rows) for n, rows in wanted.items()}
    out = {}
    for n, (_, m, aligned) in mine.items():
        own = [(a, o) for o, k, a in mine.values() if k == m]
        most, cover = max(a for a, _ in own), max(o for _, o in own)
        out[n] = (m, aligned / most * cover)
    return out


@pytest.mark.parametrize("top", [1, 4, 10])
@pytest.mark.parametrize("seed", range(6))
def test_it_is_what_the_rule_says(seed, top) -> None:
    places, boxes, scores, true, kinds = case(seed)
    given = (torch.from_numpy(a).float() for a in (scores, boxes, places, true))
    found = assign(*given, torch.from_numpy(kinds), top=top)
    for k in range(2):
        want = literal(places, boxes[k], scores[k].astype(np.float32), true[k], kinds[k], top)
        assert set(found.mine[k].nonzero()[:, 0].tolist()) == set(want)
        for n, (m, sure) in want.items():
            assert found.which[k, n] == m
            assert found.sure[k, n].item() == pytest.approx(sure, rel=1e-3)
        assert (found.sure[k][~found.mine[k]] == 0).all()


def test_the_best_cell_of_a_box_shall_be_as_sure_as_it_covers_it() -> None:
    places, boxes, scores, true, kinds = case(1)
    given = (torch.from_numpy(a).float() for a in (scores, boxes, places, true))
    found = assign(*given, torch.from_numpy(kinds))
    for k, m in ((0, 0), (0, 1), (1, 0)):
        own = found.mine[k] & (found.which[k] == m)
        if own.any():
            overlaps = iou(true[k, m][None], boxes[k][own.numpy()])[0]
            assert found.sure[k][own].max().item() == pytest.approx(overlaps.max(), rel=1e-3)


def test_nobody_answers_where_there_is_nothing() -> None:
    places, boxes, scores, true, _ = case(0)
    given = (torch.from_numpy(a).float() for a in (scores, boxes, places, true))
    assert not assign(*given, torch.full((2, 3), -1)).mine.any()


def test_a_box_finds_cells_even_when_all_is_still_far_off() -> None:
    """At first boxes are far too large, and nothing is sure: yet somebody has to begin."""
    places, _ = (part for part in cells(64, 64))
    boxes = torch.cat([places - 200, places + 200], 1)[None]
    scores = torch.full((1, len(places), 1), 1e-4)
    true = torch.tensor([[[20.0, 20, 40, 40]]])
    found = assign(scores, boxes, places, true, torch.zeros(1, 1, dtype=torch.long))
    assert found.mine.sum() >= 5 and (found.sure[found.mine] > 0).all()


def test_overlaps_are_those_of_numpy() -> None:
    _, boxes, _, true, _ = case(2)
    found = pairwise_iou(torch.from_numpy(true), torch.from_numpy(boxes))
    for k in range(2):
        assert np.allclose(found[k], iou(true[k], boxes[k]), atol=1e-6)
