"""EfficientNet-Lite0: MobileNetV2's blocks, their depth, width and kernels found by a search.

Lite leaves out what small processors do badly: no squeeze-and-excitation, ReLU6 instead of swish.

Source: Tan, Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks (ICML
2019), https://arxiv.org/abs/1905.11946, table 1; Lite: TensorFlow's authors (2020),
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STAGES = (
    (1, 3, 16, 1, 1),
    (6, 3, 24, 2, 2),
    (6, 5, 40, 2, 2),
    (6, 3, 80, 3, 2),
    (6, 5, 112, 3, 1),
    (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)
"""How much wider inside, kernel, channels, how many blocks, stride of the first."""

SIZE, MEAN, STD = 224, (127 / 255,) * 3, (128 / 255,) * 3
"""The pictures of its training: size, and of numbers from 0 to 1 mean and spread."""


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow pads, since its weights were learned there: with a stride
    of 2 an even picture gets its extra row below and its extra column on the right."""

    def forward(self, x: Tensor) -> Tensor:
        (kernel, stride), size = (self.kernel_size[0], self.stride[0]), x.shape[-2:]
        # So many rows and columns are missing for ceil(size / stride) places of the kernel.
        rows, columns = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in size)
        high, wide = rows // 2, columns // 2
        if rows % 2 or columns % 2:  # more behind than before: no convolution pads so by itself
            x = F.pad(x, (wide, columns - wide, high, rows - high))
            high = wide = 0
        short = x.dtype == torch.bfloat16 and x.device.type == "cpu"
        if self.groups > 1 and short and x.requires_grad:
            # Channel by channel, a processor's way back takes two to five times as long in 16 bits.
            with torch.autocast("cpu", enabled=False):
                return self.over(x.float(), (high, wide)).to(x.dtype)
        return self.over(x, (high, wide))

    def over(self, x: Tensor, around: tuple[int, int]) -> Tensor:
        """The convolution, padded by so many rows and columns on each side."""
        return F.conv2d(x, self.weight, self.bias, self.stride, around, groups=self.groups)


def conv_norm(
    inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, then BatchNorm with TensorFlow's settings."""
    conv = Same(inside, outside, kernel, stride, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside, eps=1e-3, momentum=0.01))


class Block(nn.Module):
    """Wide by 1x1 (where `wider` > 1), kernel x kernel in each channel, narrow by 1x1; plus the
    input where the shapes allow it."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, wider: int):
        super().__init__()
        width = inside * wider
        self.expand = conv_norm(inside, width, 1) if wider > 1 else None
        self.depthwise = conv_norm(width, width, kernel, stride, groups=width)
        self.project = conv_norm(width, outside, 1)
        self.relu6 = nn.ReLU6(inplace=True)
        self.adds = stride == 1 and inside == outside

    def forward(self, x: Tensor) -> Tensor:
        out = x if self.expand is None else self.relu6(self.expand(x))
        out = self.project(self.relu6(self.depthwise(out)))
        return x + out if self.adds else out


class EfficientNetLite0(nn.Module):
    """x: (N, 3, H, W); gives logits (N, classes)."""

    def __init__(self, classes: int = 1000):
        super().__init__()
        self.stem = nn.Sequential(conv_norm(3, 32, 3, 2), nn.ReLU6(inplace=True))
        blocks: list[nn.Module] = []
        inside = 32
        for wider, kernel, outside, count, stride in STAGES:
            for k in range(count):
                blocks.append(Block(inside, outside, kernel, stride if k == 0 else 1, wider))
                inside = outside
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Sequential(conv_norm(inside, 1280, 1), nn.ReLU6(inplace=True))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(1280, classes)

    def features(self, x: Tensor) -> Tensor:
        """What the head sees of a picture: (N, 1280)."""
        out: Tensor = self.pool(self.last(self.blocks(self.stem(x)))).flatten(1)
        return out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.dropout(self.features(x)))
        return out


PLACES = {
    r"_conv_stem": "stem.0.0",
    r"_bn0": "stem.0.1",
    r"_blocks\.(\d+)\._expand_conv": r"blocks.\1.expand.0",
    r"_blocks\.(\d+)\._bn0": r"blocks.\1.expand.1",
    r"_blocks\.(\d+)\._depthwise_conv": r"blocks.\1.depthwise.0",
    r"_blocks\.(\d+)\._bn1": r"blocks.\1.depthwise.1",
    r"_blocks\.(\d+)\._project_conv": r"blocks.\1.project.0",
    r"_blocks\.(\d+)\._bn2": r"blocks.\1.project.1",
    r"_conv_head": "last.0.0",
    r"_bn1": "last.0.1",
    r"_fc": "head",
}
"""What the published file calls a layer, and what it is called here."""


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The published weights under our names. KeyError for a name that is none of theirs."""
    found = {}
    for name, tensor in state.items():
        layer, _, what = name.rpartition(".")
        old = next((old for old in PLACES if re.fullmatch(old, layer)), None)
        if old is None:
            raise KeyError(name)
        found[f"{re.sub(old, PLACES[old], layer)}.{what}"] = tensor
    return found
