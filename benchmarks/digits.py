"""How long until a network reads handwritten digits: fit from the first weight to 97 % right.

    python -m benchmarks.digits

Beside it, what fit costs: an epoch of fit against as many calls of the same compiled step, on
batches that were cut before the clock ran.

Data: the 8x8 digits that come with scikit-learn (Alpaydin and Kaynak, Optical Recognition of
Handwritten Digits, 1998): 1,437 to learn from, 360 to test. All train the same network on the
same batches; after every epoch the test images are read, and the time stops at 97 %.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.peers import PEERS, REFERENCE

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


def with_keras() -> tuple[float, int]:
    """Keras's own fit; (seconds, epochs)."""
    import keras

    x, y, x_test, y_test = images()
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, activation="relu"), layers.Dense(10)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(2e-3), loss)

    class Goal(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            guessed = np.asarray(model.predict_on_batch(x_test)).argmax(1)
            model.stop_training = bool((guessed == y_test).mean() >= GOAL)

    start = time.perf_counter()
    history = model.fit(x, y, BATCH, MOST_EPOCHS, verbose=0, callbacks=[Goal()])
    return time.perf_counter() - start, len(history.epoch)


def fit_over_bare(epochs: int = 10) -> float:
    """Seconds of fit / seconds of as many bare compiled steps; both compile anew."""
    import gobhir
    from gobhir.training import fit

    x, y = (gobhir.from_numpy(a) for a in images()[:2])
    loss_of = gobhir.nn.CrossEntropyLoss()
    model = network(gobhir)
    optimizer = gobhir.optim.Adam(model.parameters(), lr=2e-3)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    def bare() -> None:
        compiled = gobhir.compile(step)
        for _ in range(epochs):
            for some in batches:
                compiled(*some)

    def fitted() -> None:
        fit(model, (x, y), loss_of, optimizer, epochs, batch_size=BATCH, progress=False)

    cuts = range(0, len(x), BATCH)
    batches = [(x[i : i + BATCH].clone(), y[i : i + BATCH].clone()) for i in cuts]
    taken = []
    for run in (fitted, bare):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return taken[0] / taken[1]


def measure(rounds: int) -> dict[str, Any]:
    """Each way's time over PyTorch's within a round, and fit's over the bare compiled step's."""
    import torch

    import gobhir

    ways: dict[str, Callable[[], tuple[float, int]]] = {
        REFERENCE: lambda: by_hand(torch),
        "gobhir": lambda: by_hand(gobhir),
        "gobhir.fit": with_fit,
    }
    if find_spec("keras") is not None:
        os.environ.setdefault("KERAS_BACKEND", "jax" if find_spec("jax") else "torch")
        ways[f"Keras fit on {os.environ['KERAS_BACKEND']}"] = with_keras
    torch.set_num_threads(PEERS[REFERENCE].threads)
    taken: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    over_bare = []
    for k in range(rounds + 1):
        for name, way in ways.items():
            found = way()
            if k:  # the first round warms up
                taken[name].append(found)
        if k:
            over_bare.append(fit_over_bare())
    told = {}
    for name, runs in taken.items():
        ratios = [s / r for (s, _), (r, _) in zip(runs, taken[REFERENCE], strict=True)]
        middle, *quartiles = _quartiles(ratios)
        told[name] = {"ratio": middle, "quartiles": quartiles}
        told[name]["seconds"] = statistics.median(s for s, _ in runs)
        told[name]["epochs"] = statistics.median(e for _, e in runs)
    return {"rounds": rounds, "ways": told, "fit / bare": _quartiles(over_bare)}


def _quartiles(values: list[float]) -> list[float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return [middle, low, high]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="in one line, for run.py")
    asked = parser.parse_args()
    print(json.dumps(measure(max(2, asked.rounds)), indent=None if asked.json else 1))


if __name__ == "__main__":
    main()
