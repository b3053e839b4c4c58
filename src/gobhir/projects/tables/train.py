"""Learning from a table: the same network, batches and first weights on each framework."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gobhir.lang import t
from gobhir.projects.settings import write, write_weights
from gobhir.projects.tables.answers import RECIPE, model_file
from gobhir.projects.tables.data import Batches, Table, table
from gobhir.projects.tables.frame import Recipe
from gobhir.projects.tables.network import first_weights, network, optimizer, weights_of
from gobhir.projects.tables.settings import ENGINES, Settings
from gobhir.training import CSVLog, EarlyStopping, History, fit


def train(settings: Settings, folder: Path) -> dict[str, History]:
    """Train on each framework that was asked for; the weights go to `model-ENGINE.safetensors`,
    the curves to `history-ENGINE.csv`, and what becomes of a row to `recipe.json`."""
    data = table(settings)
    recipe = Recipe.learn(data.rows("train"), data.target, data.classification)
    if recipe.dropped:
        print(t("tables.dropped", columns=", ".join(recipe.dropped)))
    inputs = recipe.inputs(data.rows("train")).shape[1]
    outputs = max(1, len(recipe.classes))
    weights = first_weights([inputs, *[settings.hidden] * settings.layers, outputs], settings.seed)
    models = {engine: network(engine, weights) for engine in settings.engines}
    settings.save(folder)
    for engine in ENGINES:  # what was trained here before goes with its recipe
        model_file(folder, engine).unlink(missing_ok=True)
    write(folder / RECIPE, recipe.to_json())
    curves = {}
    for engine, model in models.items():
        print(t("tables.training", engine=engine))
        curves[engine] = learn(model, data, recipe, settings, folder / f"history-{engine}.csv")
        write_weights(model_file(folder, engine), weights_of(engine, model))
    return curves


def learn(
    model: Any, data: Table, recipe: Recipe, settings: Settings, log: Path | None = None
) -> History:
    """Train one model until its validation rows say that it is enough."""
    x, y = (part(data.rows("train")) for part in (recipe.inputs, recipe.targets))
    held_out = tuple(part(data.rows("validation")) for part in (recipe.inputs, recipe.targets))
    return fit(
        model,
        Batches(x, y, settings.batch_size, settings.seed),
        "cross_entropy" if recipe.classes else "mse",
        optimizer(model, settings.lr, settings.weight_decay),
        settings.epochs,
        ["accuracy"] if recipe.classes else ["rmse"],
        [EarlyStopping(settings.patience), *([CSVLog(log)] if log else [])],
        validation=held_out,
        seed=settings.seed,
    )
