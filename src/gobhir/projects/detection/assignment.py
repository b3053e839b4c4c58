"""Which cell answers for which box while learning: those that are best at it already.

A cell inside a box is the better aligned with it, the surer it is of the box's class and the more
its own box covers it: score^ALPHA * IoU^BETA. Each box takes the TOP best aligned cells; a cell
that several boxes want goes to the one that its box covers most. How sure a cell shall be is how
well it is aligned, so that the surest cell is also the best placed.

Source: Feng et al., TOOD (2021), https://arxiv.org/abs/2108.07755, section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TOP, ALPHA, BETA = 10, 0.5, 6.0


@dataclass(frozen=True)
class Assigned:
    """For each cell of each picture: mine (N, n), whether it answers for a box; which (N, n), that
    box's number; sure (N, n), how sure it shall be, 0 where not `mine`."""

    mine: Tensor
    which: Tensor
    sure: Tensor


@torch.no_grad()
def assign(
    scores: Tensor, boxes: Tensor, places: Tensor, true: Tensor, kinds: Tensor, top: int = TOP
) -> Assigned:
    """scores (N, n, classes) from 0 to 1 and boxes (N, n, 4) as the network says; places (n, 2),
    the cells' middles; true (N, m, 4) and kinds (N, m), the boxes there are and their classes, -1
    where a picture has fewer than m."""
    there = kinds >= 0
    overlap = pairwise_iou(true, boxes).clamp(min=0)
    x, y = places[:, 0], places[:, 1]
    inside = (
        (x > true[..., 0:1]) & (x < true[..., 2:3]) & (y > true[..., 1:2]) & (y < true[..., 3:4])
    ) & there[..., None]
    own = kinds.clamp(min=0)[..., None].expand(-1, -1, scores.shape[1])
    score = scores.transpose(1, 2).gather(1, own)
    aligned = (score**ALPHA * overlap**BETA) * inside
    best = aligned.topk(min(top, aligned.shape[2]), 2).indices
    chosen = torch.zeros_like(inside).scatter_(2, best, True) & (aligned > 0)
    # Of several boxes that want a cell, the one that it covers most.
    which = torch.where(chosen, overlap, -1.0).argmax(1)
    mine = chosen.any(1)
    chosen = chosen & (torch.arange(true.shape[1], device=true.device)[:, None] == which[:, None])
    aligned = aligned * chosen
    # The best cell of a box shall be as sure as it covers it, the others in proportion.
    most = aligned.amax(2, keepdim=True).clamp(min=1e-30)
    cover = (overlap * chosen).amax(2, keepdim=True)
    return Assigned(mine, which, (aligned / most * cover).amax(1))


def pairwise_iou(a: Tensor, b: Tensor) -> Tensor:
    """(N, m, 4), (N, n, 4) -> (N, m, n)."""
    low = torch.maximum(a[:, :, None, :2], b[:, None, :, :2])
    high = torch.minimum(a[:, :, None, 2:], b[:, None, :, 2:])
    both = (high - low).clamp(min=0).prod(-1)
    size = [(c[..., 2:] - c[..., :2]).clamp(min=0).prod(-1) for c in (a, b)]
    either = size[0][:, :, None] + size[1][:, None] - both
    return both / either.clamp(min=1e-9)
