"""augment: the same digits as other hands and other pens would have written them.

All of it works on whole batches of normalised digits (N, 1, 28, 28), values from 0 (paper) to
1 (ink), and draws from one generator, so that a run can be repeated.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(digits: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Every digit bent, written with another pen, and soiled, each by its own chance.

    digits: (N, 1, S, S). strength: 0 leaves them as they are, 1 is made for another hand.
    """
    if not strength:
        return digits
    bent = bend(digits, strength, generator)
    return soil(pen(bent, strength, generator), strength, generator)


def bend(digits: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Turned, sheared, stretched, shifted, and pulled about like rubber (Simard, Steinkraus and
    Platt, "Best practices for convolutional neural networks", ICDAR 2003)."""
    n, _, side, _ = digits.shape

    def chance(most: float) -> Tensor:
        """A number for each digit, most often small: a Gaussian cut off at twice its width."""
        drawn = torch.randn(n, generator=generator).clamp_(-2, 2)
        return drawn * (most / 2 * strength)

    angle, shear = chance(0.30), chance(0.35)
    width, height = chance(0.30).exp(), chance(0.30).exp()
    cos, sin = angle.cos(), angle.sin()
    x_from_x, x_from_y = width * cos, width * (shear * cos - sin)
    y_from_x, y_from_y = height * sin, height * (shear * sin + cos)
    rows = [x_from_x, x_from_y, chance(0.2), y_from_x, y_from_y, chance(0.2)]
    grid = F.affine_grid(torch.stack(rows, 1).view(n, 2, 3), list(digits.shape), False)
    # Rubber: random pulls at 5 x 5 points, smoothly in between.
    pulls = torch.randn(n, 2, 5, 5, generator=generator) * (0.075 * strength)
    rubber = F.interpolate(pulls, (side, side), mode="bicubic", align_corners=True)
    return F.grid_sample(digits, grid + rubber.permute(0, 2, 3, 1), align_corners=False)


def pen(digits: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Strokes thicker or thinner, softer or harder."""
    n = len(digits)
    kind = torch.rand(n, 1, 1, 1, generator=generator)
    much = torch.rand(n, 1, 1, 1, generator=generator)
    thick = F.max_pool2d(digits, 3, 1, 1)
    thin = -F.max_pool2d(-digits, 3, 1, 1)
    soft = F.avg_pool2d(digits, 3, 1, 1)
    share = 0.25 * strength
    other = torch.where(kind < share, thick, torch.where(kind < 2 * share, thin, soft))
    changed = torch.where(kind < 3 * share, digits + much * (other - digits), digits)
    # Contrast: what counts as ink begins lower or higher.
    low = 0.35 * strength * torch.rand(n, 1, 1, 1, generator=generator)
    high = 1 - 0.35 * strength * torch.rand(n, 1, 1, 1, generator=generator)
    return ((changed - low) / (high - low)).clamp_(0, 1)


def soil(digits: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Noise on some, and small rectangles of bare paper, where the pen skipped, or of ink on
    some."""
    n, _, side, _ = digits.shape
    noise = torch.randn(digits.shape, generator=generator)
    much = torch.rand(n, 1, 1, 1, generator=generator)
    soiled = digits + noise * (0.3 * strength * (much - 0.5).clamp_(min=0))
    along = torch.arange(side)
    for ink, often in ((0.0, 0.3), (0.0, 0.3), (1.0, 0.1)):
        corner = torch.rand(n, 2, 1, generator=generator) * side
        size = 2 + torch.rand(n, 2, 1, generator=generator) * 4
        inside = (along >= corner) & (along < corner + size)
        patch = inside[:, 0, :, None] & inside[:, 1, None, :]
        soils = torch.rand(n, 1, 1, generator=generator) < often * strength
        soiled = torch.where((patch & soils)[:, None], ink, soiled)
    return soiled.clamp_(0, 1)
