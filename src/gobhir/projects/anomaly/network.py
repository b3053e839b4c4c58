"""A small convolutional autoencoder, and a camera's frames seen through it.

What it has often seen it can squeeze through a few numbers and draw again; what it has never seen
it draws badly. How badly is the score.
"""

from __future__ import annotations

import torch
from torch import nn

CONTRAST = 4.0
"""Frames differ from one another, and from the empty scene, by little: this much larger it learns
sooner."""


class Autoencoder(nn.Module):
    """(n, channels, side, side) -> `code` numbers -> (n, channels, side, side).

    side: a multiple of 4. ReLU between the layers, none at the ends.
    """

    def __init__(self, channels: int, side: int, code: int, width: int = 16):
        super().__init__()
        small, deep = side // 4, 2 * width
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, deep, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(deep * small**2, code),
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, deep * small**2),
            nn.ReLU(),
            nn.Unflatten(1, (deep, small, small)),
            nn.ConvTranspose2d(deep, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.decoder(self.encoder(x))
        return found

    def errors(self, x: torch.Tensor) -> torch.Tensor:
        """(n,): the mean squared difference between each x and what is drawn of it."""
        return (self(x) - x).square().mean((1, 2, 3))


def patches(x: torch.Tensor, side: int) -> torch.Tensor:
    """Pictures cut into squares, row by row: (n, c, rows*side, cols*side) -> (n*rows*cols, c, side,
    side)."""
    _, channels, high, wide = x.shape
    cut = x.reshape(-1, channels, high // side, side, wide // side, side)
    return cut.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, side, side)


class Camera(nn.Module):
    """One camera's scores: pairs of frames (n, 2, height, width), grey from 0 to 1, the newer one
    first -> (n, rows, cols), for each square of the picture the logarithm of how many times worse
    than usual here it is drawn.

    background: (height, width), the mean of the normal footage. usual: (rows, cols), each square's
    mean error in it.
    """

    background: torch.Tensor
    usual: torch.Tensor
    noise: torch.Tensor

    def __init__(self, autoencoder: Autoencoder, side: int, background: torch.Tensor):
        super().__init__()
        self.autoencoder, self.side = autoencoder, side
        high, wide = background.shape
        self.grid = (high // side, wide // side)
        self.register_buffer("background", background)
        self.register_buffer("usual", torch.ones(self.grid))
        self.register_buffer("noise", torch.ones(()))

    def get_used(self, usual: torch.Tensor) -> None:
        """Take these errors (rows, cols) for the usual ones."""
        self.usual.copy_(usual)
        # Where hardly anything ever happens, noise must not count as many times the usual.
        self.noise.copy_(usual.median())

    def seen(self, pairs: torch.Tensor) -> torch.Tensor:
        """Appearance and motion, the two channels that are learned: what differs from the empty
        scene, and what differs from a moment ago. (n, 2, height, width)."""
        now, before = pairs[:, 0], pairs[:, 1]
        return CONTRAST * torch.stack([now - self.background, now - before], 1)

    def errors(self, pairs: torch.Tensor) -> torch.Tensor:
        """How badly each square is drawn: (n, rows, cols)."""
        found = self.autoencoder.errors(patches(self.seen(pairs), self.side))
        return found.reshape(-1, *self.grid)

    def forward(self, pairs: torch.Tensor) -> torch.Tensor:
        return torch.log((self.errors(pairs) + self.noise) / (self.usual + self.noise))
