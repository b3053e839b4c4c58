"""What the network is made of: a convolution that stays calm, and a block that looks twice."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Conv(nn.Sequential):
    """Convolution, BatchNorm, SiLU; keeps height and width but for the stride."""

    def __init__(
        self, inside: int, outside: int, kernel: int = 3, stride: int = 1, groups: int = 1
    ):
        conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outside, momentum=0.03), nn.SiLU(inplace=True))


def light(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    """3x3 in each channel by itself, then 1x1 across them: a ninth of the work of one 3x3."""
    each = Conv(inside, inside, 3, stride, groups=inside)
    return nn.Sequential(each, Conv(inside, outside, 1))


class Residual(nn.Module):
    """x + two 3x3 convolutions of x."""

    def __init__(self, channels: int):
        super().__init__()
        self.way = nn.Sequential(Conv(channels, channels), Conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.way(x)
        return out


class Split(nn.Module):
    """Half of the channels go straight on, the other half through `count` residual blocks; all that
    came by on the way is put together by 1x1.

    Source: Wang et al., CSPNet (2019), https://arxiv.org/abs/1911.11929, as YOLOv8 builds it (C2f).
    """

    def __init__(self, inside: int, outside: int, count: int = 1):
        super().__init__()
        half = outside // 2
        self.first = Conv(inside, 2 * half, 1)
        self.blocks = nn.ModuleList(Residual(half) for _ in range(count))
        self.last = Conv((2 + count) * half, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = list(self.first(x).chunk(2, 1))
        for block in self.blocks:
            parts.append(block(parts[-1]))
        out: Tensor = self.last(torch.cat(parts, 1))
        return out


class Pyramid(nn.Module):
    """The largest value within 5, 9 and 13 cells, beside the cell's own: a cell sees far around it.

    Source: He et al. (2014), https://arxiv.org/abs/1406.4729; three poolings of 5 in a row are
    YOLOv5's way to compute it."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = Conv(channels, channels // 2, 1)
        self.pool = nn.MaxPool2d(5, 1, padding=2)
        self.last = Conv(2 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.first(x)]
        for _ in range(3):
            parts.append(self.pool(parts[-1]))
        out: Tensor = self.last(torch.cat(parts, 1))
        return out
