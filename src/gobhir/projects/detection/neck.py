"""The neck: what coarse maps know goes up to fine ones, and what fine ones see comes down again.

Source: Liu et al., Path Aggregation Network (2018), https://arxiv.org/abs/1803.01534
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gobhir.projects.detection.layers import Conv, Split


class Neck(nn.Module):
    """Three maps of `widths` channels -> three maps of `channels`, as large as they were."""

    def __init__(self, widths: tuple[int, ...], channels: int = 64):
        super().__init__()
        self.narrow = nn.ModuleList(Conv(width, channels, 1) for width in widths)
        self.larger = nn.Upsample(scale_factor=2.0)
        self.up = nn.ModuleList(Split(2 * channels, channels) for _ in range(2))
        self.smaller = nn.ModuleList(Conv(channels, channels, 3, 2) for _ in range(2))
        self.down = nn.ModuleList(Split(2 * channels, channels) for _ in range(2))

    def forward(self, maps: tuple[Tensor, Tensor, Tensor]) -> list[Tensor]:
        fine, middle, coarse = (narrow(one) for narrow, one in zip(self.narrow, maps, strict=True))
        middle = self.up[0](torch.cat([middle, self.larger(coarse)], 1))
        fine = self.up[1](torch.cat([fine, self.larger(middle)], 1))
        middle = self.down[0](torch.cat([middle, self.smaller[0](fine)], 1))
        coarse = self.down[1](torch.cat([coarse, self.smaller[1](middle)], 1))
        return [fine, middle, coarse]
