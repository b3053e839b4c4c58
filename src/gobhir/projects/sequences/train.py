"""Learning to forecast: each kind of network on the same windows, from the same first numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gobhir.lang import t
from gobhir.projects import learning
from gobhir.projects.sequences.data import Task, task
from gobhir.projects.sequences.network import forecaster, keras_forecaster
from gobhir.projects.sequences.settings import CELLS, Settings
from gobhir.projects.sequences.windows import Recipe
from gobhir.projects.settings import write
from gobhir.training import History

RECIPE = "recipe.json"


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> dict[str, History]:
    """Train each kind of network that was asked for; the weights go to `model-CELL.safetensors`,
    the curves to `history-CELL.csv`, and what becomes of a series to `recipe.json`."""
    learning.framework(settings.engine)  # or nothing is begun
    todo = task(settings)
    recipe = Recipe.learn(todo.series, todo.train, settings.window, settings.ahead)
    learning.begin(settings, folder, [f"-{cell}" for cell in CELLS], resume)
    write(folder / RECIPE, recipe.to_json())
    curves = {}
    for cell in settings.cells:
        learning.seed(settings)
        model = new(settings.engine, cell, recipe, settings)
        print(t("sequences.training", cell=cell.upper()))
        curves[cell] = learning.train_one(
            settings, folder, f"-{cell}", model, resume=resume, **how(todo, recipe)
        )
    return curves


def new(engine: str, cell: str, recipe: Recipe, settings: Settings) -> Any:
    """A network of that kind for these windows, on that framework. What Keras begins with is drawn
    by Gobhir."""
    library = learning.framework(engine)
    inputs = len(recipe.names) + 2
    sizes = (cell, inputs, settings.hidden, settings.layers, recipe.ahead)
    if engine != "keras":
        return forecaster(library.nn, *sizes)
    model = keras_forecaster(library, *sizes)
    learning.put_weights(model, learning.weights(new("gobhir", cell, recipe, settings)))
    return model


def how(todo: Task, recipe: Recipe) -> dict[str, Any]:
    """What a network is trained on, and by which loss: words for `learning.learn`."""

    def part(origins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return recipe.inputs(todo.series, origins), recipe.targets(todo.series, origins)

    return {
        "data": part(todo.train),
        "validation": part(todo.validation),
        "loss": "l1",
        "clip_norm": 1.0,
    }
