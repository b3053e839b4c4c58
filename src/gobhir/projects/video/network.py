"""The network: a CNN looks at each frame, and at what changed since the frame before; an LSTM or
GRU reads in time what it saw.

Source: Donahue et al., Long-term Recurrent Convolutional Networks (CVPR 2015),
https://arxiv.org/abs/1411.4389; a second look at the changes: Simonyan, Zisserman, Two-Stream
Convolutional Networks (NeurIPS 2014), https://arxiv.org/abs/1406.2199, and, with differences in
place of optical flow, Wang et al. (ECCV 2016), https://arxiv.org/abs/1608.00859.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gobhir.projects.images.data import normalised
from gobhir.projects.images.network import imagenet, with_backbone
from gobhir.projects.images.networks.efficientnet_lite import EfficientNetLite0
from gobhir.projects.images.networks.mobilenet import conv_norm_relu6
from gobhir.projects.video.sampling import chosen
from gobhir.projects.video.settings import Settings

WIDTH = {"efficientnet_lite0": 1280, "small": 64}
"""What the CNN says of a picture: so many numbers."""
GAIN = 2.0
"""Changes are small: they are shown so many times as large, on grey."""
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


class Small(nn.Module):
    """A CNN of four layers that knows nothing yet: x (N, 3, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 24, 32, WIDTH["small"])
        self.stem = conv_norm_relu6(3, widths[0], 3, 2)
        pairs = zip(widths, widths[1:], strict=False)
        self.blocks = nn.Sequential(*(conv_norm_relu6(a, b, 3, 2) for a, b in pairs))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):  # or its answers fade from layer to layer
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def features(self, x: Tensor) -> Tensor:
        """What is seen of a picture: (N, 64)."""
        out: Tensor = self.blocks(self.stem(x)).mean((2, 3))
        return out


class Reader(nn.Module):
    """What was seen of each frame, (N, frames, seen), in the order of time; gives logits (N,
    classes). Without a cell the mean over time is all that it knows: a baseline for the cell."""

    def __init__(self, seen: int, classes: int, settings: Settings):
        super().__init__()
        hidden = settings.hidden
        self.norm = nn.BatchNorm1d(seen, affine=False)  # how much changes must stay seen
        self.narrow = nn.Linear(seen, hidden)
        self.dropout = nn.Dropout(settings.dropout)
        self.recurrent: nn.Module | None = None
        wide = hidden
        if settings.cell != "mean":
            kind = CELLS[settings.cell]
            self.recurrent = kind(
                hidden, hidden, batch_first=True, bidirectional=settings.both_ways
            )
            wide = hidden * (2 if settings.both_ways else 1)
        self.head = nn.Linear(wide, classes)

    def forward(self, seen: Tensor) -> Tensor:
        scaled = self.norm(seen.transpose(1, 2)).transpose(1, 2)
        states = torch.relu(self.narrow(self.dropout(scaled)))
        if self.recurrent is not None:
            states, _ = self.recurrent(states)
        out: Tensor = self.head(self.dropout(states.mean(1)))
        return out


class ClipNet(nn.Module):
    """x: (N, frames, 3, size, size), numbers from 0 to 1; gives logits (N, classes)."""

    def __init__(self, classes: int, settings: Settings):
        super().__init__()
        self.see = settings.see
        self.cnn: EfficientNetLite0 | Small = Small()
        if settings.pretrained:
            self.cnn = EfficientNetLite0(1)
            self.cnn.head = nn.Identity()  # type: ignore[assignment]  # the reader has one
        self.reader = Reader(seen(settings), classes, settings)

    def features(self, x: Tensor) -> Tensor:
        """What the CNN sees: (N, frames, seen), of each frame itself, and of its change from the
        frame before (the first's is the second's)."""
        frames = x.shape[1]
        x = normalised(x)
        looks = [] if self.see == "changes" else [x]
        if self.see != "frames":
            changes = GAIN * (x[:, 1:] - x[:, :-1])
            looks.append(torch.cat([changes[:, :1], changes], 1))
        seen = self.cnn.features(torch.stack(looks, 2).flatten(0, 2))
        return seen.unflatten(0, (-1, frames, len(looks))).flatten(2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.reader(self.features(x))
        return out


class Kept(nn.Module):
    """A network at work: it is given all frames that are kept of a clip, (N, kept, 3, size, size),
    and chooses by itself those that it was measured on."""

    def __init__(self, model: ClipNet, settings: Settings):
        super().__init__()
        self.model = model
        rows = chosen(settings.sampling, settings.kept, settings.frames)
        self.register_buffer("rows", torch.from_numpy(rows).long(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(x.index_select(1, self.rows))  # type: ignore[arg-type]
        return out


def seen(settings: Settings) -> int:
    """How many numbers the reader is told of each frame."""
    return WIDTH[settings.cnn] * (2 if settings.see == "both" else 1)


def reader(settings: Settings, classes: int) -> Reader:
    """A reader with weights drawn by the settings' seed."""
    torch.manual_seed(settings.seed)
    return Reader(seen(settings), classes, settings)


def network(settings: Settings, classes: int) -> ClipNet:
    """A network whose CNN knows ImageNet's pictures; the small one knows nothing."""
    torch.manual_seed(settings.seed)
    model = ClipNet(classes, settings)
    if settings.pretrained:
        with_backbone(model.cnn, imagenet())
    model.cnn.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval()
