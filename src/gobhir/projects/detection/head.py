"""The head: for each cell, what is there, and how far its edges are away."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gobhir.projects.detection.layers import light

BINS = 16
"""A distance is 0, 1, ... 15 cells; the network says how likely each is, and their mean counts.

Source: Li et al., Generalized Focal Loss (2020), https://arxiv.org/abs/2006.04388, section 3."""


class Head(nn.Module):
    """A map (N, channels, h, w) -> (N, h * w, 4 * BINS + classes), before softmax and sigmoid.

    What it is and where it is are two branches: they look at different things."""

    def __init__(self, channels: int, classes: int, stride: int):
        super().__init__()
        far, kind = nn.Conv2d(channels, 4 * BINS, 1), nn.Conv2d(channels, classes, 1)
        self.where = nn.Sequential(light(channels, channels), far)
        self.what = nn.Sequential(light(channels, channels), kind)
        assert far.bias is not None and kind.bias is not None
        # At first nearly all cells are empty: it begins by saying so, of some 5 things a picture;
        # and that what there is ends some three cells away, else small things would find no cell.
        share = 5 / classes / (640 / stride) ** 2
        nn.init.constant_(kind.bias, math.log(share / (1 - share)))
        nn.init.zeros_(far.weight)
        with torch.no_grad():
            far.bias.copy_(-0.25 * torch.arange(BINS).repeat(4))

    def forward(self, x: Tensor) -> Tensor:
        both = torch.cat([self.where(x), self.what(x)], 1)
        return both.flatten(2).transpose(1, 2)
