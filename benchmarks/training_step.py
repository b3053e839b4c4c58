"""One training step (forward, loss, backward, update), side by side with PyTorch.

    make bench

Both run in this process, in rounds of shuffled order; a ratio is formed within a round, so that
whatever else the machine is doing meets both. Printed: the median ratio, and its quartiles.
Before anything is timed, both have to reach the same loss from the same weights.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from types import ModuleType

import numpy as np

import gobhir

Step = Callable[[], float]
WORKLOADS = {
    "4-4-1 sigmoid, batch 1, MSE, SGD": ([4, 4, 1], "Sigmoid", 1),
    "784-128-64-10 ReLU, batch 64, cross-entropy, Adam": ([784, 128, 64, 10], "ReLU", 64),
}


def make_step(torch: ModuleType, sizes: list[int], activation: str, batch: int) -> Step:
    """The same program for both: only `torch` differs. The step returns its loss."""
    torch.manual_seed(0)
    layers = []
    for into, out in zip(sizes, sizes[1:], strict=False):
        layers += [torch.nn.Linear(into, out), getattr(torch.nn, activation)()]
    classify = sizes[-1] > 1
    model = torch.nn.Sequential(*(layers[:-1] if classify else layers))
    numbers = np.random.default_rng(0)
    x = torch.tensor(numbers.standard_normal((batch, sizes[0])).astype(np.float32))
    if classify:
        y = torch.tensor(numbers.integers(0, sizes[-1], batch))
        loss_of = torch.nn.CrossEntropyLoss()
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    else:
        y = torch.tensor(numbers.random((batch, sizes[-1])).astype(np.float32))
        loss_of = torch.nn.MSELoss()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def seconds(step: Step, repeats: int) -> float:
    """Of one step, as the mean of so many in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        step()
    return (time.perf_counter() - start) / repeats


def compare(ours: Step, theirs: Step, rounds: int) -> tuple[list[float], list[float]]:
    """(our seconds, our seconds divided by theirs), one a round."""
    for _ in range(20):
        if not np.isclose(ours(), theirs(), rtol=1e-4):
            raise SystemExit("The two reach different losses: nothing to compare.")
    repeats = max(1, int(0.05 / seconds(theirs, 20)))
    times, ratios = [], []
    for _ in range(rounds):
        order = [ours, theirs]
        random.shuffle(order)
        took = {step: seconds(step, repeats) for step in order}
        times.append(took[ours])
        ratios.append(took[ours] / took[theirs])
    return times, ratios


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = max(2, parser.parse_args().rounds)
    core = os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS")
    print(f"gobhir {gobhir.__version__}, PyTorch {torch.__version__} eager, {platform.machine()}")
    print(f"PyTorch threads {torch.get_num_threads()}, NumPy's BLAS kernels {core}\n")
    for name, workload in WORKLOADS.items():
        steps = make_step(gobhir, *workload), make_step(torch, *workload)
        times, ratios = compare(*steps, rounds)
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(name)
        print(f"  gobhir {1e6 * statistics.median(times):.0f} us a step,", end=" ")
        print(f"{middle:.2f} times PyTorch's (half of {rounds} rounds: {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
