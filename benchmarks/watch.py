"""What it costs to watch a step of PyTorch's: all values kept, or statistics only, / the plain one.

    python -m benchmarks.watch [--rounds 15] [--only CNN,LSTM]

Within a round each way runs a slice of steps, in shuffled order; ratios are formed within a round.
Kept: `gobhir.watch()` around the step, all its values kept. Statistics: `gobhir.story` around the
training. No shadow copy is made of any of these: every step is taken once, the user's own.
To reach: at most 8 times the plain step, 4 times with statistics only, and 1.4 times where a step
takes 50 ms or more.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.workloads import WORKLOADS

SLICE = 0.2
"""Seconds of a slice of plain steps, about."""
LONG = 0.05
"""From so many seconds on a step is a long one."""
LIMITS = {"kept": 8.0, "statistics": 4.0, "long": 1.4}


def large_cnn(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(4096, 240), nn.ReLU(), nn.Linear(240, 10),
    )  # fmt: skip


def encoder(torch: Any) -> Any:
    nn = torch.nn

    class Classifier(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(65, 64)
            layer = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
            self.encoder, self.head = nn.TransformerEncoder(layer, 2), nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.encoder(self.embed(x)).mean(1))

    return Classifier()


def _drawn(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


CASES: dict[str, tuple[Callable[[Any], Any], Callable[..., Any], str]] = {
    "small CNN": (WORKLOADS["W3"].network, WORKLOADS["W3"].data, "cross_entropy"),
    "LSTM": (WORKLOADS["W4"].network, WORKLOADS["W4"].data, "mse_loss"),
    "encoder": (
        encoder,
        lambda rng: (rng.integers(0, 65, (16, 32)), rng.integers(0, 10, 16)),
        "cross_entropy",
    ),
    "long step": (
        large_cnn,
        lambda rng: (_drawn(rng, 64, 3, 32, 32), rng.integers(0, 10, 64)),
        "cross_entropy",
    ),
}
"""A network, its batch and its loss."""


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Seconds of a plain step, and the ratios of the watched ones to it, with quartiles."""
    import torch

    import gobhir

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, data, loss = CASES[name]
    model, loss_of = network(torch), getattr(torch.nn.functional, loss)
    updates = torch.optim.Adam(model.parameters())
    x, y = map(torch.as_tensor, data(np.random.default_rng(0)))

    def steps(count: int) -> None:
        for _ in range(count):
            updates.zero_grad()
            loss_of(model(x), y).backward()
            updates.step()

    def kept(count: int) -> None:
        for _ in range(count):
            with gobhir.watch():
                steps(1)

    def counted(count: int) -> None:
        with gobhir.story(model, updates):
            steps(count)

    ways: dict[str, Callable[[int], None]] = {"plain": steps, "kept": kept, "statistics": counted}
    for run in ways.values():
        run(2)
    count = max(1, round(SLICE / (_seconds(steps, 5) / 5)))
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in random.sample(list(ways), len(ways)):
            taken[way].append(_seconds(ways[way], count) / count)
    told: dict[str, Any] = {"seconds": statistics.median(taken["plain"])}
    for way in ("kept", "statistics"):
        ratios = [t / p for t, p in zip(taken[way], taken["plain"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        limit = LIMITS["long" if told["seconds"] >= LONG and way == "kept" else way]
        told[way] = {"ratio": middle, "quartiles": [low, high], "limit": limit}
    return told


def told(found: dict[str, Any]) -> str:
    """The ratios, a line a network; what could not be measured says why."""
    lines = ["time of a watched step of PyTorch's / the plain one; no shadow copy is made"]
    if "failed" in found:
        return found["failed"]
    for name, own in found.items():
        line = f"  {name:10} plain {1000 * own['seconds']:6.2f} ms"
        for way in ("kept", "statistics"):
            ratio, (low, high), limit = (own[way][k] for k in ("ratio", "quartiles", "limit"))
            over = "" if ratio <= limit else f", above {limit:g}"
            line += f"  {way} {ratio:.2f} ({low:.2f} to {high:.2f}){over}"
        lines.append(line)
    return "\n".join(lines)


def _seconds(run: Callable[[int], None], count: int) -> float:
    """Processor seconds: what other programs do meanwhile does not count."""
    start = time.process_time()
    run(count)
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default=",".join(CASES), help="of " + ",".join(CASES))
    parser.add_argument("--json", action="store_true", help="in one line, for run.py")
    asked = parser.parse_args()
    found = {name: measure(name, max(2, asked.rounds)) for name in asked.only.split(",")}
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
