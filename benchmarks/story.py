"""What it costs to watch a training: a step in a story beside the same step alone.

    python -m benchmarks.story [--rounds 15] [--every 1,10] [--framework torch]

A round runs a slice of plain steps and one of watched steps for each `every`, in shuffled order;
ratios are formed within a round. To reach: at most 4 times the plain step (issue 4).
"""

from __future__ import annotations

import argparse
import importlib
import random
import statistics
import time
from contextlib import nullcontext
from typing import Any

import gobhir
from benchmarks.workloads import WORKLOADS

NAMES = {"W2": "MLP", "W3": "CNN", "W4": "LSTM", "W5": "Transformer"}
LIMIT = 4.0
SLICE = 0.3
"""Seconds of a slice, about."""


def measure(framework: Any, name: str, every: list[int], rounds: int) -> dict[int, list[float]]:
    """Ratios to the plain step, by how-many-th step is watched."""
    workload = WORKLOADS[name]
    framework.manual_seed(0)
    model = workload.network(framework)
    optimizer = getattr(framework.optim, workload.optimizer)(
        model.parameters(), **workload.settings
    )
    loss_of = getattr(framework.nn, "MSELoss" if workload.loss == "mse" else "CrossEntropyLoss")()
    x, y = (framework.tensor(part) for part in workload.batch())

    def steps(count: int) -> None:
        for _ in range(count):
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()

    def seconds(count: int, watched: int) -> float:
        inside: Any = gobhir.story(model, optimizer, every=watched) if watched else nullcontext()
        with inside:
            start = time.perf_counter()
            steps(count)
            return time.perf_counter() - start

    steps(3)
    count = max(10, 10 * round(SLICE / seconds(10, 0)))
    found: dict[int, list[float]] = {k: [] for k in every}
    for _ in range(rounds):
        ways = [0, *every]
        taken = {k: seconds(count, k) for k in random.sample(ways, len(ways))}
        for k in every:
            found[k].append(taken[k] / taken[0])
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=15)
    asked.add_argument("--every", default="1,10")
    asked.add_argument("--framework", default="torch", choices=["torch", "gobhir"])
    asked.add_argument("--only", default=",".join(NAMES))
    wish = asked.parse_args()
    framework = importlib.import_module(wish.framework)
    if wish.framework == "torch":
        framework.set_num_threads(1)
    every = [int(k) for k in wish.every.split(",")]
    for name in wish.only.split(","):
        for k, ratios in measure(framework, name, every, max(2, wish.rounds)).items():
            low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
            verdict = "" if middle <= LIMIT else f", above {LIMIT:g}"
            print(
                f"{NAMES[name]:12} every={k:<4} {middle:.2f} ({low:.2f} to {high:.2f}){verdict}",
                flush=True,
            )


if __name__ == "__main__":
    main()
