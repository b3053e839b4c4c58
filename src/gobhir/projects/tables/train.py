"""Learning from a table: the same network, batches and first weights on each framework."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gobhir.lang import t
from gobhir.projects import learning
from gobhir.projects.settings import write
from gobhir.projects.tables.answers import RECIPE
from gobhir.projects.tables.data import Batches, Table, table
from gobhir.projects.tables.frame import Recipe
from gobhir.projects.tables.network import first_weights, network
from gobhir.projects.tables.settings import ENGINES, Settings
from gobhir.training import History


def train(
    settings: Settings, folder: Path, *, resume: Annotated[bool, "projects.resume"] = False
) -> dict[str, History]:
    """Train on each framework that was asked for; the weights go to `model-ENGINE.safetensors`,
    the curves to `history-ENGINE.csv`, and what becomes of a row to `recipe.json`."""
    data = table(settings)
    recipe = Recipe.learn(data.rows("train"), data.target, data.classification)
    if recipe.dropped:
        print(t("tables.dropped", columns=", ".join(recipe.dropped)))
    inputs = recipe.inputs(data.rows("train")).shape[1]
    outputs = max(1, len(recipe.classes))
    weights = first_weights([inputs, *[settings.hidden] * settings.layers, outputs], settings.seed)
    models = networks(settings, weights)
    learning.begin(settings, folder, [f"-{engine}" for engine in ENGINES], resume)
    write(folder / RECIPE, recipe.to_json())
    curves = {}
    for engine, model in models.items():
        print(t("tables.training", engine=engine))
        wishes = how(data, recipe, settings)
        curves[engine] = learning.train_one(
            settings, folder, f"-{engine}", model, resume=resume, **wishes
        )
    return curves


def networks(settings: Settings, weights: dict[str, np.ndarray]) -> dict[str, Any]:
    """The network on each framework that was asked for. Of "all" those that are not installed are
    left out, and it is said; ImportError for the only one."""
    models: dict[str, Any] = {}
    for engine in settings.engines:
        try:
            models[engine] = network(engine, weights)
        except ImportError as missing:
            if settings.engine != "all":
                raise
            print(t("tables.left_out", why=missing))
    return models


def how(data: Table, recipe: Recipe, settings: Settings) -> dict[str, Any]:
    """What a network is trained on, and by which loss: words for `learning.learn`."""
    x, y, held_out, truth = (
        part(data.rows(rows))
        for rows in ("train", "validation")
        for part in (recipe.inputs, recipe.targets)
    )
    return {
        "data": Batches(x, y, settings.batch_size, settings.seed),
        "loss": "cross_entropy" if recipe.classes else "mse",
        "metrics": ["accuracy"] if recipe.classes else ["rmse"],
        "validation": (held_out, truth),
    }
