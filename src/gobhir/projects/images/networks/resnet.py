"""ResNet: a block learns what to add to its input, so that a hundred layers still learn.

Source: He, Zhang, Ren, Sun, Deep Residual Learning for Image Recognition (CVPR 2016),
https://arxiv.org/abs/1512.03385, table 1. As everybody builds it since, the bottleneck's stride is
in its 3x3 convolution (https://arxiv.org/abs/1706.02677).
"""

from __future__ import annotations

from torch import Tensor, nn


def conv_norm(inside: int, outside: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps height and width (but for the stride), then BatchNorm."""
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside))


class Residual(nn.Module):
    """relu(way(x) + x). Where the shapes differ, x goes through a 1x1 convolution."""

    def __init__(self, way: nn.Module, inside: int, outside: int, stride: int):
        super().__init__()
        self.way = way
        same = inside == outside and stride == 1
        self.shortcut = nn.Identity() if same else conv_norm(inside, outside, 1, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.relu(self.way(x) + self.shortcut(x))
        return out


def basic(inside: int, width: int, stride: int) -> Residual:
    """Two 3x3 convolutions; gives `width` channels."""
    way = nn.Sequential(
        conv_norm(inside, width, 3, stride), nn.ReLU(inplace=True), conv_norm(width, width, 3)
    )
    return Residual(way, inside, width, stride)


def bottleneck(inside: int, width: int, stride: int) -> Residual:
    """1x1 makes it narrow, 3x3 works there, 1x1 makes it four times as wide."""
    way = nn.Sequential(
        conv_norm(inside, width, 1),
        nn.ReLU(inplace=True),
        conv_norm(width, width, 3, stride),
        nn.ReLU(inplace=True),
        conv_norm(width, 4 * width, 1),
    )
    return Residual(way, inside, 4 * width, stride)


KINDS = {
    18: (basic, (2, 2, 2, 2), 1),
    34: (basic, (3, 4, 6, 3), 1),
    50: (bottleneck, (3, 4, 6, 3), 4),
}
"""Depth: the block, how many of them in each stage, how much wider its output is."""


class ResNet(nn.Module):
    """x: (N, 3, H, W); gives logits (N, classes). depth: 18, 34 or 50."""

    def __init__(self, depth: int = 18, classes: int = 1000):
        super().__init__()
        block, counts, wider = KINDS[depth]
        self.stem = nn.Sequential(
            conv_norm(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, padding=1)
        )
        blocks: list[nn.Module] = []
        inside = 64
        for stage, count in enumerate(counts):
            width = 64 * 2**stage
            for k in range(count):
                blocks.append(block(inside, width, 2 if k == 0 and stage else 1))
                inside = width * wider
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(inside, classes)

    def features(self, x: Tensor) -> Tensor:
        """What the head sees of a picture: (N, 512), of depth 50 (N, 2048)."""
        out: Tensor = self.pool(self.blocks(self.stem(x))).flatten(1)
        return out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.features(x))
        return out
