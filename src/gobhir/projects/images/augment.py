"""Pictures that might as well have been taken: turned, moved, nearer, mirrored, in other light.

All numbers come from the generator that is given: the same generator, the same pictures.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

SMALLEST = 0.6
"""Of a picture's area at least so much is seen."""
TURN = math.radians(10)
LIGHT = 0.25
"""Brightness, contrast and colour change by at most so much."""


def augmented(x: Tensor, generator: torch.Generator) -> Tensor:
    """x: (N, 3, H, W) from 0 to 1; the same again, each picture changed by itself."""
    return recoloured(moved(x, generator), generator)


def moved(x: Tensor, generator: torch.Generator) -> Tensor:
    """A smaller part of each picture, turned a little, every other one mirrored."""
    n = len(x)
    side = _between(SMALLEST, 1, n, generator).sqrt()
    angle = _between(-TURN, TURN, n, generator)
    room = 1 - side
    across, down = (_between(-1, 1, n, generator) * room for _ in range(2))
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0)
    cos, sin = side * angle.cos(), side * angle.sin()
    # Where in the old picture each place of the new one is looked up (coordinates from -1 to 1).
    rows = [torch.stack([cos * mirror, -sin, across], 1), torch.stack([sin * mirror, cos, down], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def recoloured(x: Tensor, generator: torch.Generator) -> Tensor:
    """Brighter or darker, with more or less contrast and colour."""
    light, contrast, colour = (
        _between(1 - LIGHT, 1 + LIGHT, len(x), generator).view(-1, 1, 1, 1) for _ in range(3)
    )
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * colour
    middle = grey.mean((2, 3), keepdim=True)
    return ((middle + (x - middle) * contrast) * light).clamp(0, 1)


def mixed(
    x: Tensor, y: Tensor, classes: int, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Mixup: each picture laid over another one, and their classes in the same shares.

    y: (N,) class numbers; gives (N, classes). The share is drawn from Beta(alpha, alpha) for the
    batch. Source: Zhang, Cisse, Dauphin, Lopez-Paz, mixup (ICLR 2018),
    https://arxiv.org/abs/1710.09412
    """
    # PyTorch draws from Beta only by its global numbers: NumPy does, from a seed drawn here.
    seed = int(torch.randint(2**31 - 1, (1,), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    other = torch.randperm(len(x), generator=generator)
    sure = F.one_hot(y, classes).float()
    return share * x + (1 - share) * x[other], share * sure + (1 - share) * sure[other]


def _between(low: float, high: float, count: int, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)
