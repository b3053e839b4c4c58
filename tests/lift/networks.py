"""Networks as people write them in PyTorch, each with a batch and a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.norm2 = nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6)
        self.drop, self.fc1, self.fc2 = nn.Dropout(0.3), nn.Linear(24, 8), nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        return self.fc2(self.drop(F.relu(self.fc1(x.flatten(1)))))


class Residual(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm1, self.relu = nn.BatchNorm2d(outside), nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outside)
        self.down: Any = None
        if stride > 1:
            down = nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.down = nn.Sequential(down, nn.BatchNorm2d(outside))

    def forward(self, x: Any) -> Any:
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        y += x if self.down is None else self.down(x)
        return self.relu(y)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 1, 1)
        self.blocks = nn.Sequential(Residual(4, 4), Residual(4, 6, 2))
        self.head = nn.Linear(6, 5)

    def forward(self, x: Any) -> Any:
        x = self.blocks(self.stem(x))
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


class Reader(nn.Module):
    """A recurrent network over tokens."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 4)
        self.rnn = kind(4, 5, 2, batch_first=True, dropout=0.2, bidirectional=True)
        self.head = nn.Linear(10, 5)

    def forward(self, x: Any) -> Any:
        return self.head(self.rnn(self.embed(x))[0][:, -1])


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        return self.head(self.encoder(self.embed(x)).mean(1))


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.up, self.out = nn.ConvTranspose2d(4, 3, 2, 2), nn.Conv2d(6, 1, 1)

    def forward(self, x: Any) -> Any:
        a = self.down1(x)
        return self.out(torch.cat([a, self.up(self.down2(F.max_pool2d(a, 2)))], 1))


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode, self.mean, self.log_var = nn.Linear(6, 8), nn.Linear(8, 2), nn.Linear(8, 2)
        self.decode = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6))

    def forward(self, x: Any) -> Any:
        h = F.relu(self.encode(x))
        mean, log_var = self.mean(h), self.log_var(h)
        return self.decode(mean + torch.randn_like(mean) * (log_var / 2).exp()), mean, log_var


def elbo(given: Any, x: Any) -> Any:
    seen, mean, log_var = given
    apart = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
    return F.binary_cross_entropy_with_logits(seen, x, reduction="sum") + apart


def _tokens() -> Any:
    return torch.randint(0, 20, (3, 6)), torch.randint(0, 5, (3,))


def _classes(*shape: int) -> Any:
    return torch.randn(*shape), torch.randint(0, 5, shape[:1])


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 5))


def _vae_batch() -> Any:
    x = torch.rand(4, 6)
    return x, x


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], Callable[..., Any]]] = {
    "mlp": (_mlp, lambda: _classes(5, 6), F.cross_entropy),
    "lenet": (LeNet, lambda: _classes(4, 1, 12, 12), F.cross_entropy),
    "resnet": (ResNet, lambda: _classes(3, 3, 6, 6), F.cross_entropy),
    "rnn": (lambda: Reader(nn.RNN), _tokens, F.cross_entropy),
    "lstm": (lambda: Reader(nn.LSTM), _tokens, F.cross_entropy),
    "gru": (lambda: Reader(nn.GRU), _tokens, F.cross_entropy),
    "encoder": (Encoder, _tokens, F.cross_entropy),
    "unet": (
        UNet,
        lambda: (torch.randn(2, 1, 6, 6), torch.rand(2, 1, 6, 6).round()),
        F.binary_cross_entropy_with_logits,
    ),
    "vae": (VAE, _vae_batch, elbo),
}
