"""The losses, against formulas written out by hand and derivatives by finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gobhir.projects.detection.assignment import assign
from gobhir.projects.detection.head import BINS
from gobhir.projects.detection.losses import (
    BOX,
    CLASS,
    DISTANCE,
    DetectionLoss,
    ciou,
    distribution,
    giou,
)
from gobhir.projects.detection.network import boxes_of, cells


def pairs(seed: int, count: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(seed)
    low = draw.uniform(0, 30, (2, count, 2))
    both = np.concatenate([low, low + draw.uniform(1, 30, (2, count, 2))], 2)
    return torch.from_numpy(both[0]), torch.from_numpy(both[1])


def by_hand(a, b) -> tuple[float, float]:
    """(GIoU, CIoU) of two boxes."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, wide) * max(0.0, high)
    sizes = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    either = sum(sizes) - both
    w, h = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    iou = both / either
    apart = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    angle = [math.atan((c[2] - c[0]) / (c[3] - c[1])) for c in (a, b)]
    v = 4 / math.pi**2 * (angle[0] - angle[1]) ** 2
    return iou - (w * h - either) / (w * h), iou - apart / (w * w + h * h) - v * v / (1 - iou + v)


def test_overlaps_are_those_of_the_papers() -> None:
    a, b = pairs(0)
    for k, (one, other) in enumerate(zip(a.tolist(), b.tolist(), strict=True)):
        want = by_hand(one, other)
        assert giou(a, b)[k].item() == pytest.approx(want[0], abs=1e-6)
        assert ciou(a, b)[k].item() == pytest.approx(want[1], abs=1e-6)


def test_the_same_box_is_1_and_boxes_far_apart_still_say_which_way_to_go() -> None:
    a, _ = pairs(1)
    assert torch.allclose(giou(a, a), torch.ones(20).double(), atol=1e-6)
    assert torch.allclose(ciou(a, a), torch.ones(20).double(), atol=1e-6)
    near = torch.tensor([[0.0, 0, 10, 10]], requires_grad=True)
    for function in (giou, ciou):
        aim = near.new_tensor([[40.0, 0, 50, 10]])
        (slope,) = torch.autograd.grad(function(near, aim).sum(), near)
        assert slope[0, 0] + slope[0, 2] > 0


def test_the_distribution_loss_is_cross_entropy_with_both_neighbours() -> None:
    torch.manual_seed(0)
    likely = torch.randn(30, BINS, dtype=torch.float64)
    far = torch.rand(30, dtype=torch.float64) * (BINS - 1)
    share = torch.zeros(30, BINS, dtype=torch.float64)
    for k, value in enumerate(far.tolist()):
        whole = int(value)
        share[k, whole], share[k, whole + 1] = 1 - (value - whole), value - whole
    want = F.cross_entropy(likely, share, reduction="none")
    assert torch.allclose(distribution(likely, far), want)


def case(seed: int = 0):
    draw = np.random.default_rng(seed)
    output = torch.from_numpy(draw.normal(0, 1, (2, 84, 4 * BINS + 2))).float()
    target = np.full((2, 3, 5), -1, np.float32)
    target[0, :2] = [[4, 4, 40, 60, 0], [30, 10, 62, 40, 1]]
    target[1, 0] = [10, 20, 50, 50, 1]
    return output, torch.from_numpy(target)


def test_the_whole_is_the_sum_of_its_parts() -> None:
    output, target = case()
    places, steps = cells(64, 64)
    far, logits = output[..., : 4 * BINS], output[..., 4 * BINS :]
    boxes = boxes_of(far, places, steps)
    kinds = target[..., 4].long()
    found = assign(logits.sigmoid(), boxes, places, target[..., :4], kinds)
    total, what, where, distance = max(1.0, found.sure.sum().item()), 0.0, 0.0, 0.0
    for p in range(2):
        for n in range(84):
            mine, m, sure = found.mine[p, n], found.which[p, n], found.sure[p, n].item()
            for k in range(2):
                want = sure if mine and kinds[p, m] == k else 0.0
                s = torch.sigmoid(logits[p, n, k]).item()
                what -= want * math.log(s) + (1 - want) * math.log(1 - s)
            if not mine:
                continue
            aim = target[p, m, :4]
            where += sure * (1 - by_hand(boxes[p, n].tolist(), aim.tolist())[1])
            (x, y), step = places[n].tolist(), steps[n].item()
            sides = [x - aim[0], y - aim[1], aim[2] - x, aim[3] - y]
            for side, value in enumerate(sides):
                value = min(max(float(value) / step, 0), BINS - 1.01)
                logs = far[p, n, BINS * side : BINS * (side + 1)].log_softmax(0)
                low = int(value)
                each = -(1 - value + low) * logs[low] - (value - low) * logs[low + 1]
                distance += sure * each.item() / 4
    want = (CLASS * what + BOX * where + DISTANCE * distance) / total
    assert found.mine.sum() > 10
    assert DetectionLoss(64)(output, target).item() == pytest.approx(want, rel=1e-4)


def test_pictures_without_anything_teach_that_nothing_is_there() -> None:
    output, target = case()
    empty = torch.full_like(target, -1)
    output.requires_grad_(True)
    loss = DetectionLoss(64)(output, empty)
    (slope,) = torch.autograd.grad(loss, output)
    assert torch.isfinite(loss) and (slope[..., 4 * BINS :] > 0).all()
    assert not slope[..., : 4 * BINS].any()


def test_gradients_are_those_of_finite_differences() -> None:
    torch.manual_seed(0)
    a, b = pairs(2, 6)
    assert torch.autograd.gradcheck(lambda x: giou(x, b), a.requires_grad_(True))
    likely = torch.randn(5, BINS, dtype=torch.float64, requires_grad=True)
    far = torch.rand(5, dtype=torch.float64) * (BINS - 1)
    assert torch.autograd.gradcheck(lambda x: distribution(x, far), likely)
