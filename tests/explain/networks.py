"""Networks of every kind, small, in float64: for what has to hold of any network."""

from __future__ import annotations

from typing import Any

import gobhir
from gobhir import nn
from gobhir.explain.recording import Recording, record_step


class LastStep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(2, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(x)[0][:, -1])


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm, self.out = nn.Embedding(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x: Any) -> Any:
        h = self.embed(x)
        return self.out(self.norm(h + self.attend(h, h, h, need_weights=False)[0])[:, -1])


class Residual(nn.Module):
    """A block of ResNet."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels // stride, channels, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        short = nn.Conv2d(channels // stride, channels, 1, stride, bias=False)
        self.shortcut = nn.Identity() if stride == 1 else short

    def forward(self, x: Any) -> Any:
        out = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (out + self.shortcut(x)).relu()


def resnet(width: int = 64, blocks: int = 2, classes: int = 10) -> nn.Module:
    """ResNet-18 for images of 32 x 32; narrower and shallower on request."""
    layers = [
        Residual(width * 2**k, 2 if k and not b else 1) for k in range(4) for b in range(blocks)
    ]
    names = [f"layer{k + 1}" for k in range(4)]
    stages = [nn.Sequential(*layers[k * blocks : (k + 1) * blocks]) for k in range(4)]
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(3, width, 3, 1, 1, bias=False))
    model.add_module("bn1", nn.BatchNorm2d(width))
    model.add_module("relu", nn.ReLU())
    for name, stage in zip(names, stages, strict=True):
        model.add_module(name, stage)
    model.add_module("pool", nn.AdaptiveAvgPool2d(1))
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc", nn.Linear(width * 8, classes))
    return model


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3, stride=2), nn.GELU(), nn.AvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 5), nn.Dropout(0.3), nn.Tanh(), nn.Linear(5, 3),
    )  # fmt: skip


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 2))


def painting() -> nn.Module:
    return nn.Sequential(
        nn.ConvTranspose2d(1, 2, 2, stride=2), nn.LayerNorm((2, 4, 4)), nn.SiLU(), nn.Flatten(),
        nn.Linear(32, 2), nn.Softmax(1),
    )  # fmt: skip


NETWORKS: dict[str, Any] = {
    "plain": (plain, (5, 3), (5, 2), nn.MSELoss),
    "lenet": (lenet, (2, 1, 6, 6), [2, 0], nn.CrossEntropyLoss),
    "painting": (painting, (3, 1, 2, 2), (3, 2), nn.SmoothL1Loss),
    "lstm": (LastStep, (2, 3, 2), (2, 1), nn.MSELoss),
    "attention": (Attending, [[1, 2, 0], [4, 4, 2]], [2, 1], nn.CrossEntropyLoss),
    "residual": (lambda: resnet(2, 1, 3), (2, 3, 8, 8), [1, 2], nn.CrossEntropyLoss),
}


def numbers(what: Any) -> Any:
    return gobhir.tensor(what) if isinstance(what, list) else gobhir.randn(*what).double()


def recorded(name: str, seed: int = 0) -> Recording:
    """One Adam step of the network."""
    gobhir.manual_seed(seed)
    network, x, y, loss = NETWORKS[name]
    model = network().double()
    optimizer = gobhir.optim.Adam(model.parameters(), lr=0.1)
    return record_step(model, numbers(x), numbers(y), loss(), optimizer)
