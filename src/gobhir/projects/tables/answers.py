"""What a trained network says about rows of a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from gobhir.lang import say, t
from gobhir.projects.learning import kept, model_file
from gobhir.projects.tables.frame import Recipe
from gobhir.projects.tables.network import network
from gobhir.projects.tables.settings import ENGINES
from gobhir.training import predict

RECIPE = "recipe.json"


def trained(folder: Path) -> tuple[Recipe, list[str]]:
    """The recipe, and the frameworks that were trained. FileNotFoundError when none was."""
    engines = [engine for engine in ENGINES if model_file(folder, f"-{engine}").exists()]
    if not engines or not (folder / RECIPE).exists():
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    return Recipe.from_json((folder / RECIPE).read_text(encoding="utf-8")), engines


def outputs(folder: Path, engine: str, recipe: Recipe, frame: pd.DataFrame) -> np.ndarray:
    """(rows, classes) probabilities, or (rows,) numbers in the target's own unit.

    The weights may be those of any framework; Gobhir's engine works them out, so that a model can
    be asked where only Gobhir is installed."""
    model = network("gobhir", kept(folder, f"-{engine}"))
    found = predict(model, recipe.inputs(frame)).numpy()
    if recipe.classes:
        scores = np.exp(found - found.max(1, keepdims=True))
        return np.asarray(scores / scores.sum(1, keepdims=True))
    return np.asarray(found[:, 0] * recipe.std + recipe.mean)


def answers(folder: Path, frame: pd.DataFrame) -> pd.DataFrame:
    """A column with the answer for each row; of a class also how probable it is held to be. By the
    first framework that was trained."""
    recipe, (engine, *_) = trained(folder)
    found = outputs(folder, engine, recipe, frame)
    name = t("tables.answer", target=recipe.target)
    if not recipe.classes:
        return pd.DataFrame({name: found}, frame.index)
    best = [recipe.classes[k] for k in found.argmax(1)]
    return pd.DataFrame({name: best, t("tables.sure"): found.max(1)}, frame.index)
