"""MobileNetV2: a 3x3 convolution in each channel by itself, and 1x1 convolutions to mix them: some
nine times fewer multiplications than a convolution that does both at once.

Source: Sandler, Howard, Zhu, Zhmoginov, Chen, MobileNetV2: Inverted Residuals and Linear
Bottlenecks (CVPR 2018), https://arxiv.org/abs/1801.04381, table 2.
"""

from __future__ import annotations

from torch import Tensor, nn

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""How much wider inside, channels, how many blocks, stride of the first."""


def eights(channels: float) -> int:
    """The nearest multiple of 8, at least 8 and never less than nine tenths."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


def conv_norm_relu6(
    inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, BatchNorm, min(max(x, 0), 6)."""
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Made wide by 1x1, 3x3 in each channel, made narrow by 1x1 (and left linear); added to the
    input where the shapes allow it."""

    def __init__(self, inside: int, outside: int, stride: int, wider: int):
        super().__init__()
        width = inside * wider
        layers: list[nn.Module] = [conv_norm_relu6(inside, width, 1)] if wider > 1 else []
        layers += [
            conv_norm_relu6(width, width, 3, stride, groups=width),
            nn.Conv2d(width, outside, 1, bias=False),
            nn.BatchNorm2d(outside),
        ]
        self.way = nn.Sequential(*layers)
        self.adds = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.way(x)
        return x + out if self.adds else out


class MobileNetV2(nn.Module):
    """x: (N, 3, H, W); gives logits (N, classes). width: all channels are multiplied by it,
    the last ones, too."""

    def __init__(self, classes: int = 1000, width: float = 1.0):
        super().__init__()
        inside = eights(32 * width)
        self.stem = conv_norm_relu6(3, inside, 3, 2)
        blocks: list[nn.Module] = []
        for wider, channels, count, stride in STAGES:
            outside = eights(channels * width)
            for k in range(count):
                first = stride if k == 0 else 1
                blocks.append(InvertedResidual(inside, outside, first, wider))
                inside = outside
        self.blocks = nn.Sequential(*blocks)
        last = eights(1280 * width)
        self.last = conv_norm_relu6(inside, last, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(last, classes)

    def features(self, x: Tensor) -> Tensor:
        """What the head sees of a picture: (N, 1280 * width)."""
        out: Tensor = self.pool(self.last(self.blocks(self.stem(x)))).flatten(1)
        return out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.dropout(self.features(x)))
        return out
