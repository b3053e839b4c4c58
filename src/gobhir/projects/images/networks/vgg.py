"""VGG: nothing but 3x3 convolutions, one after the other, and a pooling now and then.

Source: Simonyan, Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition
(ICLR 2015), https://arxiv.org/abs/1409.1556, table 1, column D.
"""

from __future__ import annotations

from torch import Tensor, nn

STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Channels of the convolutions between two poolings."""


class VGG16(nn.Module):
    """x: (N, 3, H, W), at least 32 x 32; gives logits (N, classes).

    Of its 138 million parameters 103 million are in the one Linear after the last pooling.
    """

    def __init__(self, classes: int = 1000):
        super().__init__()
        layers: list[nn.Module] = []
        inside = 3
        for stage in STAGES:
            for outside in stage:
                layers += [nn.Conv2d(inside, outside, 3, padding=1), nn.ReLU(inplace=True)]
                inside = outside
            layers.append(nn.MaxPool2d(2))
        self.blocks = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(7)  # for pictures of 224 x 224 it changes nothing
        self.dense = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(),
        )
        self.head = nn.Linear(4096, classes)

    def features(self, x: Tensor) -> Tensor:
        """What the head sees of a picture: (N, 4096)."""
        out: Tensor = self.dense(self.pool(self.blocks(x)).flatten(1))
        return out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x))
        return out
