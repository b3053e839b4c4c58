"""The trained network at work: the steps that come after a series ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd

from gobhir.lang import say, t
from gobhir.projects.sequences.data import more, task
from gobhir.projects.sequences.forecast import forecasts, trained
from gobhir.projects.sequences.settings import Settings
from gobhir.projects.settings import write


def run(
    settings: Settings,
    folder: Path,
    inputs: list[str],
    *,
    to: Annotated[str | None, "tables.to"] = None,
) -> pd.DataFrame:
    """What the best network foretells for the steps after the end of the series (or of the CSV file
    given). Shown, or written to the CSV file `to`."""
    recipe, cells = trained(folder)
    if len(inputs) > 1:
        raise ValueError(say("sequences.bad.one", count=len(inputs)))
    series = more(Path(inputs[0]), settings) if inputs else task(settings).series
    if len(series) < recipe.window:
        raise ValueError(say("sequences.bad.short", count=len(series), least=recipe.window))
    origin = np.array([len(series) - 1])
    (found,) = forecasts(folder, cells[0], settings, series, origin)
    times = [series.times[-1] + series.step * (k + 1) for k in range(recipe.ahead)]
    table = pd.DataFrame({t("sequences.when"): times, series.names[0]: found})
    if to is not None:
        write(Path(to), table.to_csv(index=False))
        print(t("projects.command.answered", path=to))
    else:
        print(table.to_string(index=False))
    return table
