"""The backbone: looks at the picture ever more coarsely, and knows ever more about each place."""

from __future__ import annotations

from torch import Tensor, nn

from gobhir.projects.detection.layers import Conv, Pyramid, Split

WIDTHS = (16, 32, 64, 128, 160)
"""Channels at strides 2, 4, 8, 16 and 32."""


class Backbone(nn.Module):
    """(N, 3, H, W), H and W multiples of 32 -> three maps, at strides 8, 16 and 32."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS):
        super().__init__()
        a, b, c, d, e = widths
        self.widths = (c, d, e)
        self.begin = nn.Sequential(Conv(3, a, 3, 2), Conv(a, b, 3, 2))
        self.fine = nn.Sequential(Conv(b, c, 3, 2), Split(c, c))
        self.middle = nn.Sequential(Conv(c, d, 3, 2), Split(d, d))
        self.coarse = nn.Sequential(Conv(d, e, 3, 2), Split(e, e), Pyramid(e))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        fine = self.fine(self.begin(x))
        middle = self.middle(fine)
        return fine, middle, self.coarse(middle)
