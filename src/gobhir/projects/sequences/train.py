"""Learning to forecast: each kind of network on the same windows, from the same first numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

import gobhir
from gobhir.lang import say, t
from gobhir.projects.sequences.data import Task, task
from gobhir.projects.sequences.network import forecaster
from gobhir.projects.sequences.settings import CELLS, Settings
from gobhir.projects.sequences.windows import Recipe
from gobhir.projects.settings import write, write_weights
from gobhir.training import CSVLog, EarlyStopping, History, fit

RECIPE = "recipe.json"


def train(settings: Settings, folder: Path) -> dict[str, History]:
    """Train each kind of network that was asked for; the weights go to `model-CELL.safetensors`,
    the curves to `history-CELL.csv`, and what becomes of a series to `recipe.json`."""
    framework = _framework(settings.engine)
    todo = task(settings)
    recipe = Recipe.learn(todo.series, todo.train, settings.window, settings.ahead)
    settings.save(folder)
    for cell in CELLS:  # what was trained here before goes with its recipe
        model_file(folder, cell).unlink(missing_ok=True)
    write(folder / RECIPE, recipe.to_json())
    curves = {}
    for cell in settings.cells:
        framework.manual_seed(settings.seed)
        model = new(framework.nn, cell, recipe, settings)
        print(t("sequences.training", cell=cell.upper()))
        curves[cell] = learn(model, todo, recipe, settings, folder / f"history-{cell}.csv")
        arrays = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
        write_weights(model_file(folder, cell), arrays)
    return curves


def model_file(folder: Path, cell: str) -> Path:
    """Where the weights of a kind of network lie."""
    return folder / f"model-{cell}.safetensors"


def new(nn: Any, cell: str, recipe: Recipe, settings: Settings) -> Any:
    """A network of that kind for these windows."""
    inputs = len(recipe.names) + 2
    return forecaster(nn, cell, inputs, settings.hidden, settings.layers, recipe.ahead)


def learn(
    model: Any, todo: Task, recipe: Recipe, settings: Settings, log: Path | None = None
) -> History:
    """Train one network until its validation windows say that it is enough."""

    def part(origins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return recipe.inputs(todo.series, origins), recipe.targets(todo.series, origins)

    optim = sys.modules[next(iter(model.parameters())).__class__.__module__.split(".")[0]].optim
    lr, decay = settings.lr, settings.weight_decay
    return fit(
        model,
        part(todo.train),
        "l1",
        optim.AdamW(model.parameters(), lr=lr, weight_decay=decay),
        settings.epochs,
        callbacks=[EarlyStopping(settings.patience), *([CSVLog(log)] if log else [])],
        validation=part(todo.validation),
        batch_size=settings.batch_size,
        clip_norm=1.0,
        seed=settings.seed,
    )


def _framework(engine: str) -> Any:
    if engine == "gobhir":
        return gobhir
    try:
        import torch
    except ImportError as error:
        raise ImportError(say("tables.bad.engine", engine="torch", reason=error)) from error
    return torch
