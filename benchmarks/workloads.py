"""The training steps that are compared: forward, loss, backward, update, in float32.

Each says what goes in, which network, which loss, which optimizer. The starting weights are
drawn once, by Gobhir, and given to every peer: all must reach the same losses from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Workload:
    """`network(torch)` builds the model from any module that speaks PyTorch's names."""

    name: str
    what: str
    network: Callable[[Any], Any]
    data: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]
    loss: str
    optimizer: str
    settings: dict[str, float]

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """The examples of one step, the same for every peer."""
        return self.data(np.random.default_rng(0))

    def weights(self) -> Arrays:
        """The starting weights, by PyTorch's names."""
        import gobhir

        gobhir.manual_seed(0)
        return {k: v.numpy().copy() for k, v in self.network(gobhir).state_dict().items()}


def _floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def small(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 1), nn.Sigmoid())


def mlp(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )


def cnn(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 8, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 10),
    )


def lstm(torch: Any) -> Any:
    class LastStep(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = torch.nn.LSTM(32, 128, batch_first=True)
            self.out = torch.nn.Linear(128, 1)

        def forward(self, x: Any) -> Any:
            return self.out(self.lstm(x)[0][:, -1])

    return LastStep()


def transformer(torch: Any) -> Any:
    """Pre-norm blocks of causal attention and a hidden layer four times as wide (GPT-2)."""
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.merge = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            n, t, width = x.shape
            split = self.qkv(self.norm1(x)).view(n, t, 3, self.heads, width // self.heads)
            q, k, v = split.permute(2, 0, 3, 1, 4).unbind(0)
            seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.merge(seen.transpose(1, 2).reshape(n, t, width))
            return x + self.narrow(F.gelu(self.wide(self.norm2(x))))

    class Decoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.place = nn.Embedding(65, 64), nn.Embedding(64, 64)
            self.blocks = nn.Sequential(Block(64, 4), Block(64, 4))
            self.norm, self.head = nn.LayerNorm(64), nn.Linear(64, 65)

        def forward(self, x: Any) -> Any:
            h = self.token(x) + self.place(torch.arange(x.shape[1]))
            return self.head(self.norm(self.blocks(h))).reshape(-1, 65)

    return Decoder()


WORKLOADS = {
    w.name: w
    for w in (
        Workload(
            "W1",
            "4-4-1 sigmoid, batch 1, MSE, SGD",
            small,
            lambda rng: (_floats(rng, 1, 4), rng.random((1, 1)).astype(np.float32)),
            "mse",
            "SGD",
            {"lr": 0.5},
        ),
        Workload(
            "W2",
            "MLP 784-128-64-10 ReLU, batch 64, cross-entropy, Adam",
            mlp,
            lambda rng: (_floats(rng, 64, 784), rng.integers(0, 10, 64)),
            "cross_entropy",
            "Adam",
            {"lr": 1e-3},
        ),
        Workload(
            "W3",
            "CNN on 28x28, batch 64: two of conv 3x3, ReLU, max pool; linear 10; Adam",
            cnn,
            lambda rng: (_floats(rng, 64, 1, 28, 28), rng.integers(0, 10, 64)),
            "cross_entropy",
            "Adam",
            {"lr": 1e-3},
        ),
        Workload(
            "W4",
            "LSTM, input 32, hidden 128, 50 steps, batch 32, last step to linear 1, MSE, Adam",
            lstm,
            lambda rng: (_floats(rng, 32, 50, 32), _floats(rng, 32, 1)),
            "mse",
            "Adam",
            {"lr": 1e-3},
        ),
        Workload(
            "W5",
            "decoder Transformer, width 64, 2 layers, 4 heads, 64 tokens, batch 16, AdamW",
            transformer,
            lambda rng: (rng.integers(0, 65, (16, 64)), rng.integers(0, 65, 16 * 64)),
            "cross_entropy",
            "AdamW",
            {"lr": 1e-3},
        ),
    )
}
