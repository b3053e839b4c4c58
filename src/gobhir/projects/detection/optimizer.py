"""Muon: a step moves a whole kernel equally far in all directions, not each number by itself.

A gradient is often large in a few directions of its matrix and small in all others; what is rare
among a hundred pictures lies in the small ones. Muon brings all of them to the same length.
Gobhir's own (optim/muon.py) explains it step by step.

Source: Jordan et al. (2024), https://kellerjordan.github.io/posts/muon/
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from gobhir.projects.detection.backbone import Pretrained

MOMENTUM, ROUNDS = 0.95, 5
QUINTIC = (3.4445, -4.775, 2.0315)
SHARE = 0.1
"""Of the rate, for what AdamW changes."""
GENTLE = 0.03
"""Of the rate, for what ImageNet taught: it is good already."""


class Muon(torch.optim.AdamW):
    """Muon for groups of parameters with `matrix`, AdamW for the others.

    A kernel (out, in, h, w) is a matrix of `out` rows; a taller one than wide is moved by more."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float):
        super().__init__(groups, lr)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        for group in self.param_groups:
            for p in group["params"] if group.get("matrix") else ():
                if p.grad is None:
                    continue
                if not self.state[p]:  # AdamW asks for `step` when it is loaded
                    self.state[p] = {"step": torch.zeros(()), "mean": torch.zeros_like(p)}
                mean = self.state[p]["mean"].lerp_(p.grad, 1 - MOMENTUM)
                turn = level(p.grad.lerp(mean, MOMENTUM).flatten(1))
                tall = max(1.0, turn.shape[0] / turn.shape[1]) ** 0.5
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(turn.view(p.shape), alpha=group["lr"] * tall)
                p.grad = None  # so that AdamW leaves it alone
        return super().step(closure)


def level(matrix: Tensor) -> Tensor:
    """The matrix with all its singular values near 1, by Newton and Schulz's iteration."""
    a, b, c = QUINTIC
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide / wide.norm().clamp(min=1e-7)
    for _ in range(ROUNDS):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T.contiguous()


def grouped(model: nn.Module, lr: float, weight_decay: float) -> Muon:
    """Muon for a model's kernels; AdamW for the first one, those that look at each channel by
    itself, those of a few classes, BatchNorm's numbers and biases, and, gently, for what ImageNet
    taught. What does not learn is left out."""
    pretrained = [part for part in model.modules() if isinstance(part, Pretrained)]
    knowing = [p for part in pretrained for p in part.knowing()]
    old = {id(p) for p in knowing}
    new = [p for p in model.parameters() if p.requires_grad and id(p) not in old]
    large = [p for p in new if p.ndim > 1 and min(p.flatten(1).shape) > 16]
    known = {id(p) for p in large}
    small = [p for p in new if id(p) not in known]
    groups: list[dict[str, Any]] = [
        {"params": large, "matrix": True, "weight_decay": weight_decay, "lr": lr},
        {"params": [p for p in small if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in small if p.ndim <= 1], "weight_decay": 0.0},
        {"params": knowing, "weight_decay": 0.0, "lr": GENTLE * lr},
    ]
    return Muon([group for group in groups if group["params"]], SHARE * lr)
