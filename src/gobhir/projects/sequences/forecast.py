"""What the trained networks foretell."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gobhir.lang import say
from gobhir.projects import learning
from gobhir.projects.sequences.settings import CELLS, Settings
from gobhir.projects.sequences.train import RECIPE, new
from gobhir.projects.sequences.windows import Recipe, Series
from gobhir.training import predict


def trained(folder: Path) -> tuple[Recipe, list[str]]:
    """The recipe, and the kinds of network that were trained, that of the least validation loss
    first. FileNotFoundError when none was."""
    cells = learning.ordered(folder, CELLS)
    if not (folder / RECIPE).exists():
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder))
    return Recipe.from_json((folder / RECIPE).read_text(encoding="utf-8")), cells


def forecasts(
    folder: Path, cell: str, settings: Settings, series: Series, origins: np.ndarray
) -> np.ndarray:
    """(origins, ahead) in the target's own unit. Gobhir's engine works them out, whatever the
    framework that trained the weights."""
    recipe, _ = trained(folder)
    model = new("gobhir", cell, recipe, settings)
    learning.put_weights(model, learning.kept(folder, f"-{cell}"))
    found = predict(model, recipe.inputs(series, origins)).numpy()
    return recipe.values(series, origins, found)
