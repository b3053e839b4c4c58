"""The backbone: looks at the picture ever more coarsely, and knows ever more about each place.

There are two: our own, which has everything to learn, and one that has seen ImageNet's million
pictures, for whom has few of one's own. Both take a picture (N, 3, H, W), from 0 to 1, H and W
multiples of 32, and give three maps, at strides 8, 16 and 32, with `widths` channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from torch import Tensor, nn

from gobhir.projects.detection.layers import Conv, Pyramid, Split, light
from gobhir.projects.images.data import normalised
from gobhir.projects.images.network import with_backbone
from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0

WIDTHS = (16, 32, 64, 128, 160)
"""Channels of our own at strides 2, 4, 8, 16 and 32."""
COARSE = 80
"""Channels at stride 32 on top of what ImageNet taught: whatever is left of a million weights."""
CUTS = (3, 5, 11)
"""EfficientNet-Lite0's blocks up to stride 4, 8 (40 channels) and 16 (112 channels)."""

Maps = tuple[Tensor, Tensor, Tensor]


class Backbone(nn.Module):
    """Our own."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        a, b, c, d, e = widths
        self.widths = (c, d, e)
        self.begin = nn.Sequential(Conv(3, a, 3, 2), Conv(a, b, 3, 2))
        self.fine = nn.Sequential(Conv(b, c, 3, 2), Split(c, c))
        self.middle = nn.Sequential(Conv(c, d, 3, 2), Split(d, d))
        self.coarse = nn.Sequential(Conv(d, e, 3, 2), Split(e, e), Pyramid(e))

    def forward(self, x: Tensor) -> Maps:
        fine = self.fine(self.begin(x))
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)


class Pretrained(nn.Module):
    """EfficientNet-Lite0 up to stride 16, and a little of ours on top of it.

    weights: those of ImageNet; None: drawn, to be replaced by what was trained before. What it
    knows up to stride 4 (edges, colours) stays as it is, and so do BatchNorm's means and
    variances: a few pictures would tell them worse. The rest learns, gently (`knowing`)."""

    def __init__(self, weights: Mapping[str, Tensor] | None = None):
        super().__init__()
        whole = EfficientNetLite0(1)
        if weights is not None:
            with_backbone(whole, dict(weights))
        begin, fine, middle = CUTS
        self.begin = nn.Sequential(whole.stem, whole.blocks[:begin]).requires_grad_(False)
        self.fine, self.middle = whole.blocks[begin:fine], whole.blocks[fine:middle]
        self.widths = (40, 112, COARSE)
        self.coarse = nn.Sequential(light(112, COARSE, 2), Pyramid(COARSE))

    def forward(self, x: Tensor) -> Maps:
        fine = self.fine(self.begin(normalised(x)))
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for part in (self.begin, self.fine, self.middle):
            part.eval()
        return self

    def knowing(self) -> list[nn.Parameter]:
        """What begins with ImageNet's weights and learns."""
        return [*self.fine.parameters(), *self.middle.parameters()]


def backbone(name: str, weights: Mapping[str, Tensor] | None = None) -> Backbone | Pretrained:
    """The one that the settings name; weights: of ImageNet, for the one that can begin with
    them."""
    return Backbone() if name == "own" else Pretrained(weights)
