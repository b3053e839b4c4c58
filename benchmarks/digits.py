"""How long until a network reads handwritten digits: fit from the first weight to 97 % right.

    python -m benchmarks.digits

Data: the 8x8 digits that come with scikit-learn (Alpaydin and Kaynak, Optical Recognition of
Handwritten Digits, 1998): 1,437 to learn from, 360 to test. All train the same network on the
same batches; after every epoch the test images are read, and the time stops at 97 %.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

GOAL, MOST_EPOCHS, BATCH = 0.97, 60, 32


def images() -> tuple[np.ndarray, ...]:
    """(x, y) to learn from and (x, y) to test, shuffled once."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    x = (found.data[order] / 16).astype(np.float32)
    y = found.target[order].astype(np.int64)
    return x[:1437], y[:1437], x[1437:], y[1437:]


def network(torch: Any) -> Any:
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


def with_fit() -> tuple[float, int]:
    """Gobhir's own fit, which compiles the step; (seconds, epochs)."""
    import gobhir
    from gobhir.training import Callback, fit

    x, y, x_test, y_test = images()
    model = network(gobhir)
    unseen, right = gobhir.from_numpy(x_test), y_test

    class Goal(Callback):
        def on_epoch_end(self, run: Any) -> None:
            with gobhir.no_grad():
                guessed = model(unseen).numpy().argmax(1)
            if (guessed == right).mean() >= GOAL:
                run.stop()

    optimizer = gobhir.optim.Adam(model.parameters(), lr=2e-3)
    data = (gobhir.from_numpy(x), gobhir.from_numpy(y))
    start = time.perf_counter()
    history = fit(
        model,
        data,
        gobhir.nn.CrossEntropyLoss(),
        optimizer,
        epochs=MOST_EPOCHS,
        batch_size=BATCH,
        callbacks=[Goal()],
        progress=False,
    )
    return time.perf_counter() - start, len(history)


def by_hand(torch: Any) -> tuple[float, int]:
    """The loop that a learner writes; (seconds, epochs)."""
    x, y, x_test, y_test = (torch.from_numpy(a) for a in images())
    model = network(torch)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_of = torch.nn.CrossEntropyLoss()
    start = time.perf_counter()
    epochs = 0
    while epochs < MOST_EPOCHS:
        epochs += 1
        order = torch.randperm(len(x))
        for i in range(0, len(x), BATCH):
            some = order[i : i + BATCH]
            optimizer.zero_grad()
            loss_of(model(x[some]), y[some]).backward()
            optimizer.step()
        with torch.no_grad():
            if (model(x_test).argmax(1) == y_test).float().mean().item() >= GOAL:
                break
    return time.perf_counter() - start, epochs


def main(rounds: int = 5) -> None:
    import torch

    import gobhir

    ways: dict[str, Callable[[], tuple[float, int]]] = {
        "PyTorch, loop by hand": lambda: by_hand(torch),
        "gobhir, loop by hand": lambda: by_hand(gobhir),
        "gobhir.fit": with_fit,
    }
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(way())
    reference = [seconds for seconds, _ in taken["PyTorch, loop by hand"]]
    for name, runs in taken.items():
        ratios = [s / r for (s, _), r in zip(runs, reference, strict=True)]
        middle = statistics.median(ratios)
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        epochs = statistics.median(e for _, e in runs)
        print(f"{name:24} {middle:.2f} ({spread}) of PyTorch's time, {epochs:.0f} epochs", end="")
        print(f", {statistics.median(s for s, _ in runs):.2f} s")


if __name__ == "__main__":
    main()
