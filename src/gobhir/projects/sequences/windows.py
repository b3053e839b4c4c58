"""From a series to windows: what the network sees, and what it is to foretell.

A forecast is made at a time step (its origin): the network sees the `window` steps up to it, and
foretells by how much each of the `ahead` steps after it differs from the value at the origin. So an
answer of 0 is the naive forecast, and the network learns what can be known beyond it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from gobhir.lang import say

YEAR = 365.2425
"""Days; where the year matters, the network is told the day of the year as a point on a circle."""


@dataclass(frozen=True)
class Series:
    """A series in memory.

    times: (steps,) dates. values: (steps, columns) numbers, the first column is to be foretold;
    gaps hold the last value that was known. names: the columns' names.
    """

    times: pd.DatetimeIndex
    values: np.ndarray
    names: tuple[str, ...]

    @classmethod
    def of(cls, frame: pd.DataFrame, date: str, target: str) -> Self:
        """From a table with one row a time step, in the order of time. ValueError where times are
        missing or come back, or a column is empty. What comes before all columns are known is left
        out."""
        times = pd.DatetimeIndex(pd.to_datetime(frame[date], errors="coerce"))
        if times.hasnans:
            line = int(np.flatnonzero(times.isna())[0]) + 2
            raise ValueError(say("sequences.bad.date", column=date, line=line))
        if not times.is_monotonic_increasing or times.has_duplicates:
            backward = np.flatnonzero(np.diff(times.asi8) <= 0)
            raise ValueError(say("sequences.bad.order", column=date, line=int(backward[0]) + 3))
        numbers = frame.drop(columns=[date]).select_dtypes("number").astype(float)
        if target not in numbers:
            told = {"target": target, "known": ", ".join(map(str, numbers.columns))}
            raise ValueError(say("sequences.bad.target", **told))
        names = (target, *(name for name in numbers.columns if name != target))
        # What comes later is not known yet: a gap is filled from before, never from both sides.
        filled = numbers[list(names)].ffill()
        known = filled.notna().all(axis=1).to_numpy()
        if not known.any():
            empty = ", ".join(name for name in names if numbers[name].isna().all())
            raise ValueError(say("sequences.bad.empty", columns=empty))
        return cls(times[known], filled.to_numpy(float)[known], names)

    def __len__(self) -> int:
        return len(self.times)

    @property
    def step(self) -> pd.Timedelta:
        """The usual time from one row to the next."""
        return pd.Series(self.times).diff().median()


@dataclass(frozen=True)
class Recipe:
    """What has to be known of the training steps: how large values are, and how far they move.

    mean, std: of each column. move: the standard deviation of the target's differences, over all
    steps ahead.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    move: float
    window: int
    ahead: int

    @classmethod
    def learn(cls, series: Series, origins: np.ndarray, window: int, ahead: int) -> Self:
        """From the training origins alone. ValueError where the target never moves."""
        known = series.values[: origins[-1] + 1]
        std = known.std(0)
        move = float(_moves(series, origins, ahead).std())
        if not move > 0:
            raise ValueError(say("sequences.bad.still", target=series.names[0]))
        std[std == 0] = 1.0
        mean = tuple(known.mean(0).tolist())
        return cls(series.names, mean, tuple(std.tolist()), move, window, ahead)

    def inputs(self, series: Series, origins: np.ndarray) -> np.ndarray:
        """(origins, window, columns + 2), float32: all columns, scaled, and the day of the year."""
        if series.names != self.names:
            said = {"names": ", ".join(self.names), "found": ", ".join(series.names)}
            raise ValueError(say("sequences.bad.columns", **said))
        scaled = (series.values - np.array(self.mean)) / np.array(self.std)
        angle = 2 * np.pi * series.times.day_of_year.to_numpy() / YEAR
        told = np.column_stack([scaled, np.sin(angle), np.cos(angle)]).astype(np.float32)
        return told[origins[:, None] + np.arange(-self.window + 1, 1)]

    def targets(self, series: Series, origins: np.ndarray) -> np.ndarray:
        """(origins, ahead), float32: differences from the value at the origin, in `move`s."""
        return (_moves(series, origins, self.ahead) / self.move).astype(np.float32)

    def values(self, series: Series, origins: np.ndarray, output: np.ndarray) -> np.ndarray:
        """(origins, ahead): what the network's output means, in the target's own unit."""
        return series.values[origins, :1] + output.astype(float) * self.move

    def to_json(self) -> str:
        """What `from_json` reads."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        content: dict[str, Any] = json.loads(text)
        tuples = {name: tuple(content[name]) for name in ("names", "mean", "std")}
        return cls(**{**content, **tuples})


def truth(series: Series, origins: np.ndarray, ahead: int) -> np.ndarray:
    """(origins, ahead): what came after each origin."""
    return series.values[origins[:, None] + np.arange(1, ahead + 1), 0]


def past(series: Series, origins: np.ndarray, length: int) -> np.ndarray:
    """(origins, length): the target's own values up to each origin."""
    return series.values[origins[:, None] + np.arange(-length + 1, 1), 0]


def _moves(series: Series, origins: np.ndarray, ahead: int) -> np.ndarray:
    return truth(series, origins, ahead) - series.values[origins, :1]
