"""What the trained networks foretell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

import gobhir
from gobhir.lang import say
from gobhir.projects.sequences.settings import CELLS, Settings
from gobhir.projects.sequences.train import RECIPE, model_file, new
from gobhir.projects.sequences.windows import Recipe, Series
from gobhir.training import predict


def trained(folder: Path) -> tuple[Recipe, list[str]]:
    """The recipe, and the kinds of network that were trained. FileNotFoundError when none was."""
    cells = [cell for cell in CELLS if model_file(folder, cell).exists()]
    if not cells or not (folder / RECIPE).exists():
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    return Recipe.from_json((folder / RECIPE).read_text(encoding="utf-8")), cells


def forecasts(
    folder: Path, cell: str, settings: Settings, series: Series, origins: np.ndarray
) -> np.ndarray:
    """(origins, ahead) in the target's own unit. Gobhir's engine works them out, whatever the
    framework that trained the weights."""
    recipe, _ = trained(folder)
    model = new(gobhir.nn, cell, recipe, settings)
    model.load_state_dict(gobhir.load(model_file(folder, cell)))
    found = predict(model, recipe.inputs(series, origins)).numpy()
    return recipe.values(series, origins, found)


def best_cell(folder: Path, cells: list[str]) -> str:
    """The kind of network whose validation loss was least."""

    def loss(cell: str) -> float:
        return float(pd.read_csv(folder / f"history-{cell}.csv")["val_loss"].min())

    return min(cells, key=loss)
