"""What learning makes small: wrong classes (binary cross entropy), boxes that miss (CIoU), and
distances that are unlikely (DFL). Boxes are x1, y1, x2, y2.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from gobhir.projects.detection.assignment import assign
from gobhir.projects.detection.head import BINS
from gobhir.projects.detection.network import boxes_of, cells

BOX, CLASS, DISTANCE = 7.5, 0.5, 1.5
"""How much each counts; YOLOv8's."""


def giou(a: Tensor, b: Tensor) -> Tensor:
    """(..., 4), (..., 4) -> (...): IoU less the share of the box around both that neither covers,
    from -1 to 1. Source: Rezatofighi et al. (2019), https://arxiv.org/abs/1902.09630"""
    both, either, around = _areas(a, b)
    return both / either - (around - either) / around


def ciou(a: Tensor, b: Tensor) -> Tensor:
    """(..., 4), (..., 4) -> (...): IoU less how far the centres are apart (in diagonals of the box
    around both, squared) and how much the proportions differ.
    Source: Zheng et al. (2020), https://arxiv.org/abs/1911.08287"""
    both, either, _ = _areas(a, b)
    iou = both / either
    low = torch.minimum(a[..., :2], b[..., :2])
    high = torch.maximum(a[..., 2:], b[..., 2:])
    diagonal = (high - low).square().sum(-1) + 1e-7
    apart = ((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2).square().sum(-1)
    slopes = [torch.atan((c[..., 2] - c[..., 0]) / (c[..., 3] - c[..., 1] + 1e-7)) for c in (a, b)]
    shape = 4 / math.pi**2 * (slopes[0] - slopes[1]).square()
    with torch.no_grad():  # a weight, not something to be made small
        weight = shape / (shape - iou + 1 + 1e-7)
    return iou - apart / diagonal - weight * shape


def distribution(likely: Tensor, far: Tensor) -> Tensor:
    """Distribution focal loss, (..., BINS) before softmax, (...) distances from 0 to BINS - 1:
    cross entropy with the two whole numbers beside the distance, each by how near it is.
    Source: https://arxiv.org/abs/2006.04388, equation 6"""
    left = far.floor().long().clamp(0, likely.shape[-1] - 2)
    share = far - left
    logs = likely.log_softmax(-1)
    below, above = (logs.gather(-1, n[..., None]).squeeze(-1) for n in (left, left + 1))
    return -(1 - share) * below - share * above


class DetectionLoss:
    """loss(output, target) -> a number. output: as Network gives it; target (N, m, 5): x1, y1, x2,
    y2 in pixels of the input and the class, -1 where a picture has fewer than m boxes.

    size: height and width of the input."""

    def __init__(self, size: int):
        self.places, self.steps = cells(size, size)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        output = output.float()  # also where the network computes in 16 bits
        places, steps = (part.to(output.device) for part in (self.places, self.steps))
        far, logits = output.split([4 * BINS, output.shape[-1] - 4 * BINS], -1)
        boxes = boxes_of(far, places, steps)
        true, kinds = target[..., :4], target[..., 4].long()
        found = assign(logits.detach().sigmoid(), boxes.detach(), places, true, kinds)
        wanted = torch.zeros_like(logits)
        own = kinds.gather(1, found.which).clamp(min=0)
        wanted.scatter_(2, own[..., None], found.sure[..., None].to(wanted.dtype))
        total = found.sure.sum().clamp(min=1)
        what = F.binary_cross_entropy_with_logits(logits, wanted, reduction="sum") / total
        if not found.mine.any():
            return CLASS * what
        weight = found.sure[found.mine]
        aim = true.gather(1, found.which[..., None].expand(-1, -1, 4))[found.mine]
        where = ((1 - ciou(boxes[found.mine], aim)) * weight).sum() / total
        picture, cell = found.mine.nonzero(as_tuple=True)
        middle, step = places[cell], steps[cell]
        sides = torch.cat([middle - aim[:, :2], aim[:, 2:] - middle], 1) / step
        sides = sides.clamp(0, BINS - 1 - 0.01)
        each = distribution(far[picture, cell].unflatten(-1, (4, BINS)), sides).mean(-1)
        return CLASS * what + BOX * where + DISTANCE * (each * weight).sum() / total


def _areas(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What both cover, what either covers, and the box around both; never 0 where divided by."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    sizes = [(c[..., 2:] - c[..., :2]).clamp(min=0).prod(-1) for c in (a, b)]
    low, high = torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])
    return both, sizes[0] + sizes[1] - both + 1e-7, (high - low).prod(-1) + 1e-7
