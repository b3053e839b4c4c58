"""The series, and at which of its steps forecasts are learned, validated and tested."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from gobhir import datasets
from gobhir.evaluation import in_order
from gobhir.lang import say
from gobhir.projects.sequences.settings import Settings
from gobhir.projects.sequences.windows import Series

SHIPPED = {"seattle_weather": ("date", "temp_max", 365), "co2": ("date", "co2", 52)}
"""What stands in the catalogue: its dates, what is foretold, and after how many steps it comes
back."""
SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
FEWEST = 50


@dataclass(frozen=True)
class Task:
    """A series and its origins, divided by time: what came first is learned.

    season: after how many steps the series comes back; 0: it does not.
    """

    series: Series
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    season: int
    dataset: datasets.Dataset | None


def task(settings: Settings) -> Task:
    """The series that the settings name. ValueError where it is too short."""
    dataset, season = None, settings.season
    if settings.data in SHIPPED:
        date, target, usual = SHIPPED[settings.data]
        dataset = datasets.load(settings.data)
        series = Series.of(dataset.frame, date, settings.target or target)
        season = season or usual
    else:
        series = own(Path(settings.data), settings)
    origins = np.arange(settings.window - 1, len(series) - settings.ahead)
    least = FEWEST + 2 * settings.ahead
    if len(origins) < least:
        least += settings.window - 1 + settings.ahead
        raise ValueError(say("sequences.bad.short", count=len(series), least=least))
    # The steps that a forecast is about must not be seen by the part before.
    parts = in_order(len(origins), SHARES, gap=settings.ahead)
    where = {name: origins[rows] for name, rows in parts.items()}
    if season > where["test"][0]:  # the first test origin looks back a whole season
        raise ValueError(say("sequences.bad.season", season=season, most=where["test"][0]))
    return Task(series, **where, season=season, dataset=dataset)


def own(path: Path, settings: Settings) -> Series:
    """The learner's own CSV file, one row a time step."""
    frame = _read(path)
    known = ", ".join(map(str, frame.columns))
    for name, option in ((settings.date, "--date"), (settings.target, "--target")):
        if name is None or name not in frame:
            raise ValueError(say("sequences.bad.which", option=option, path=path, known=known))
    return Series.of(frame, str(settings.date), str(settings.target))


def more(path: Path, settings: Settings) -> Series:
    """A CSV file with the columns that these settings were trained on."""
    frame = _read(path)
    date, target, _ = SHIPPED.get(settings.data, (settings.date, settings.target, 0))
    names = [str(date), str(settings.target or target)]
    if not set(names) <= set(frame):
        said = {"names": ", ".join(names), "found": ", ".join(map(str, frame.columns))}
        raise ValueError(say("sequences.bad.columns", **said))
    return Series.of(frame, *names)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix.lower() not in (".csv", ".tsv"):
        raise ValueError(say("sequences.bad.data", name=path, known=", ".join(SHIPPED)))
    return datasets.read_table(path)
