"""Learning to read digits."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np

import gobhir
from gobhir.projects.digits.data import Batches, Digits, digits
from gobhir.projects.digits.network import network
from gobhir.projects.digits.settings import Settings
from gobhir.projects.settings import write_weights
from gobhir.training import Callback, CSVLog, History, fit

MODEL = "model.safetensors"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.csv"


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "digits.resume"] = False
) -> History:
    """Train the network; its weights go to `model.safetensors`, the curves to `history.csv`. After
    each epoch `checkpoint.safetensors` is written; resume goes on from it."""
    data = digits(settings.data)
    settings.save(folder)
    (folder / MODEL).unlink(missing_ok=True)
    history, model = learn(settings, data, folder / CHECKPOINT, resume, log=folder / HISTORY)
    write_weights(folder / MODEL, {name: _array(value) for name, value in _state(model)})
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return history


def learn(
    settings: Settings,
    data: Digits,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    log: Path | None = None,
) -> tuple[History, Any]:
    """A trained network, and how it went."""
    library = framework(settings.engine)
    library.manual_seed(settings.seed)
    model = network(library, settings.width, len(data.classes))
    if settings.engine == "torch":
        model = model.to(memory_format=library.channels_last)
    x, y = data.rows("train")
    batches = Batches(x, y, settings.batch_size, settings.augment, settings.seed)
    optim = library.optim
    optimizer = optim.AdamW(model.parameters(), settings.lr, weight_decay=settings.weight_decay)
    steps = settings.epochs * len(batches)
    history = fit(
        model,
        batches,
        library.nn.CrossEntropyLoss(label_smoothing=settings.smoothing),
        optimizer,
        settings.epochs,
        ["accuracy"],
        [
            Average(settings.average),
            NextEpoch(batches),
            ProcessorTime(),
            *([CSVLog(log)] if log else []),
        ],
        validation=data.rows("validation"),
        scheduler=optim.lr_scheduler.OneCycleLR(
            optimizer, settings.lr, total_steps=steps, pct_start=0.2
        ),
        seed=settings.seed,
        checkpoint=checkpoint,
        resume=resume,
        compile=False,
        progress=progress,
    )
    return history, model


def framework(engine: str) -> Any:
    """The module of that framework."""
    if engine == "gobhir":
        return gobhir
    import torch

    return torch


class NextEpoch(Callback):
    """Tells the batches which epoch they are for, also after a kill."""

    def __init__(self, batches: Batches):
        self.batches = batches

    def on_epoch_begin(self, run: Any) -> None:
        self.batches.epoch = run.epoch


class ProcessorTime(Callback):
    """A column with the processor's seconds of each epoch, all threads together: what is left of
    the time when others use the machine as well."""

    def on_epoch_begin(self, run: Any) -> None:
        self.start = time.process_time()

    def on_epoch_end(self, run: Any) -> None:
        run.row["processor_seconds"] = time.process_time() - self.start


class Average(Callback):
    """A running mean of the weights, which the model has at the end: it reads better than the last
    weights, which still tremble (Polyak, Juditsky 1992; Izmailov et al. 2018,
    https://arxiv.org/abs/1803.05407).

    decay: how much of the mean stays at each step; less in the first ones. 0: no mean.
    """

    def __init__(self, decay: float):
        self.decay = decay
        self.steps = 0
        self.mean: dict[str, np.ndarray] = {}

    def on_fit_begin(self, run: Any) -> None:
        if not run.resumed or not self.mean:
            self.steps, self.mean = 0, {k: _array(v).copy() for k, v in _state(run.model)}

    def on_batch_end(self, run: Any) -> None:
        self.steps += 1
        share = 1 - min(self.decay, self.steps / (self.steps + 10))
        for name, tensor in _state(run.model):
            mean, now = self.mean[name], _array(tensor)
            if mean.dtype.kind == "f":
                mean += share * (now - mean)
            else:
                mean[...] = now

    def on_fit_end(self, run: Any) -> None:
        if self.decay:
            run.backend.put_weights({k: run.backend.tensor(v) for k, v in self.mean.items()})

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.mean = {k: np.array(_array(v)) for k, v in state["mean"].items()}


def _state(model: Any) -> list[tuple[str, Any]]:
    return list(model.state_dict().items())


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().numpy() if hasattr(value, "detach") else value)
