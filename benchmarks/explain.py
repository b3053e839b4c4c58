"""What it costs to look into a step: a CNN of a million parameters, batch 8, Adam.

    python -m benchmarks.explain

Within a round: the plain step, then the same step recorded, laid out as an outline of its layers
and printed; then `why` of one number drawn from each tensor, the slowest of them. Memory: what a
recording keeps, over the size of the activations and gradients themselves. Then, once, a step of a
ResNet-18 (11 million parameters) of PyTorch's: watched, laid out, and asked.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

OUTLINE_S, WHY_S, MEMORY = 1.0, 0.1, 3.0
"""What is to be kept to: seconds to the outline, seconds to an answer, times the arrays."""


def cnn(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4096, 240),
        nn.ReLU(),
        nn.Linear(240, 10),
    )


class Step:
    """One training step, plain or looked into."""

    def __init__(self) -> None:
        import gobhir

        gobhir.manual_seed(0)
        self.model = cnn(gobhir)
        self.loss = gobhir.nn.CrossEntropyLoss()
        self.optimizer = gobhir.optim.Adam(self.model.parameters(), lr=1e-3)
        self.x, self.y = gobhir.randn(8, 3, 32, 32), gobhir.randint(0, 10, (8,))

    def plain(self) -> None:
        self.optimizer.zero_grad()
        self.loss(self.model(self.x), self.y).backward()
        self.optimizer.step()

    def explained(self) -> Any:
        import gobhir

        return gobhir.explain(self.model, self.x, self.y, self.loss, self.optimizer)

    def recorded(self) -> Any:
        from gobhir.explain.recording import record_step

        return record_step(self.model, self.x, self.y, self.loss, self.optimizer)


def measure(rounds: int) -> dict[str, Any]:
    """Times by round, with their spread, and the memory of one recording."""
    step = Step()
    rng = np.random.default_rng(0)
    taken: dict[str, list[float]] = {"plain": [], "recorded": [], "outline": [], "why": []}
    for k in range(rounds + 1):
        found = one_round(step, rng)
        if k:  # the first round warms up
            for name, seconds in found.items():
                taken[name].append(seconds)
    told: dict[str, Any] = {"rounds": rounds, "memory": memory(step)}
    for name, seconds in taken.items():
        low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
        told[name] = {"seconds": middle, "quartiles": [low, high]}
    ratios = [r / p for r, p in zip(taken["recorded"], taken["plain"], strict=True)]
    told["recorded / plain"] = statistics.median(ratios)
    return told


def one_round(step: Step, rng: np.random.Generator) -> dict[str, float]:
    """The seconds of each way to run the step, and of the slowest answer."""
    pages: list[Any] = []

    def outline() -> None:
        pages.append(step.explained())
        pages[0].to_text("en")

    found = {"plain": _seconds(step.plain), "recorded": _seconds(step.recorded)}
    found["outline"] = _seconds(outline)
    found["why"] = max(_seconds(partial(pages[0].why, asked)) for asked in _drawn(pages[0], rng))
    return found


def _seconds(run: Callable[[], Any]) -> float:
    """Processor seconds: what other programs do meanwhile does not count."""
    start = time.process_time()
    run()
    return time.process_time() - start


def _drawn(page: Any, rng: np.random.Generator) -> list[str]:
    """A number of each tensor of the step, as one asks for it."""
    asked = []
    for name, node in page.trace.of_name.items():
        shape = np.shape(page.trace.value(node))
        where = ", ".join(str(rng.integers(n)) for n in shape)
        asked.append(f"{name}[{where}]" if shape else name)
    return asked


def resnet(nn: Any) -> Any:
    """ResNet-18 as it is built for images of 32 x 32. He et al., 2016."""

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, inside: int, outside: int, stride: int):
            super().__init__()
            self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
            self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
            self.bn1, self.bn2, self.relu = (
                nn.BatchNorm2d(outside),
                nn.BatchNorm2d(outside),
                nn.ReLU(),
            )
            short = [nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)]
            self.short = nn.Sequential(*(short if stride > 1 else []))

        def forward(self, x: Any) -> Any:
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(y + self.short(x))

    layers: list[Any] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inside = 64
    for outside in (64, 128, 256, 512):
        layers += [Block(inside, outside, outside // inside), Block(outside, outside, 1)]
        inside = outside
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def large() -> dict[str, float]:
    """Seconds of one watched step of PyTorch's ResNet-18, of its outline, of the slowest answer;
    the plain step beside them."""
    import torch

    import gobhir

    torch.manual_seed(0)
    model, loss = resnet(torch.nn), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    x, y = torch.randn(4, 3, 32, 32), torch.randint(0, 10, (4,))
    watch = gobhir.watch(model)

    def plain() -> None:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    def watched() -> None:
        with watch:
            plain()

    def outline() -> None:
        watch.explain().to_text("en")

    plain()
    found = {"plain": _seconds(plain), "watched": _seconds(watched), "outline": _seconds(outline)}
    page = watch.explain()
    every = _drawn(page, np.random.default_rng(0))
    found["why"] = max(_seconds(partial(page.why, asked)) for asked in every)
    return found


def memory(step: Step) -> float:
    """What a recording keeps, in sizes of the step's activations and gradients."""
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    run = step.recorded()
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return kept / arrays(run)


def arrays(run: Any) -> int:
    """Bytes of the activations, and of the gradients of these and of the parameters."""
    own: dict[int, np.ndarray] = {}

    def add(value: Any) -> None:
        for part in value if isinstance(value, tuple) else (value,):
            own[id(part)] = part

    for record in run.tape.records:
        add(record.value)
    for gradient in run.tape.gradients:
        add(gradient.cotangent)
        for x, g in zip(gradient.of.inputs, gradient.grads, strict=False):
            if g is not None and getattr(x, "_record", 0) is None:
                add(g)
    return sum(a.nbytes for a in own.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true", help="in one line, for run.py")
    asked = parser.parse_args()
    found = measure(max(2, asked.rounds)) | {"large": large()}
    print(json.dumps(found, indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
