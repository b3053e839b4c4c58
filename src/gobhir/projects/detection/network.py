"""The detector, whole: backbone, neck, a head for each level, and how its numbers become boxes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gobhir.projects.detection.backbone import Backbone, Pretrained
from gobhir.projects.detection.head import BINS, Head
from gobhir.projects.detection.neck import Neck

STRIDES = (8, 16, 32)


class Network(nn.Module):
    """(N, 3, H, W), red green blue from 0 to 1, H and W multiples of 32 -> (N, cells, 4 * BINS +
    classes): for each cell of strides 8, 16 and 32, row by row, how likely each distance to the
    left, top, right and bottom is (before softmax), and the score of each class (before sigmoid).
    """

    def __init__(
        self, classes: int = 1, backbone: Backbone | Pretrained | None = None, channels: int = 64
    ):
        super().__init__()
        self.backbone = Backbone() if backbone is None else backbone
        self.neck = Neck(self.backbone.widths, channels)
        self.heads = nn.ModuleList(Head(channels, classes, stride) for stride in STRIDES)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.neck(self.backbone(x))
        return torch.cat([head(one) for head, one in zip(self.heads, maps, strict=True)], 1)


def cells(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Of all cells, in the network's order: ((n, 2) x, y of their middles in pixels, (n, 1) how
    many pixels they are wide)."""
    places, steps = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(
            torch.arange(height // stride), torch.arange(width // stride), indexing="ij"
        )
        middle = (torch.stack([x.flatten(), y.flatten()], 1) + 0.5) * stride
        places.append(middle)
        steps.append(torch.full((len(middle), 1), float(stride)))
    return torch.cat(places), torch.cat(steps)


def distances(output: Tensor) -> Tensor:
    """(..., 4 * BINS) before softmax -> (..., 4): the mean distance to each side, in cells."""
    likely = output.unflatten(-1, (4, BINS)).softmax(-1)
    return likely @ torch.arange(BINS, dtype=likely.dtype, device=likely.device)


def boxes_of(output: Tensor, places: Tensor, steps: Tensor) -> Tensor:
    """(N, n, 4 * BINS) -> (N, n, 4): x1, y1, x2, y2 in pixels of the network's input."""
    far = distances(output) * steps
    return torch.cat([places - far[..., :2], places + far[..., 2:]], -1)


class Decoded(nn.Module):
    """The network with its numbers as boxes (N, n, 4) in pixels and scores (N, n, classes) from 0
    to 1: what goes into an ONNX file. size: height and width of its pictures."""

    places: Tensor
    steps: Tensor

    def __init__(self, network: Network, size: int):
        super().__init__()
        self.network = network
        places, steps = cells(size, size)
        self.register_buffer("places", places)
        self.register_buffer("steps", steps)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network(x)
        boxes = boxes_of(output[..., : 4 * BINS], self.places, self.steps)
        return boxes, output[..., 4 * BINS :].sigmoid()
