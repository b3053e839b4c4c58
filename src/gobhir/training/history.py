"""What a run of fit leaves behind: one row an epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from gobhir.lang import catalogue, language, say, t

Row = dict[str, float]
BESIDE = ("epoch", "lr", "seconds")
"""The columns that do not say how good the model is."""
_LOWER = ("mse", "mae", "rmse")
_HIGHER = ("accuracy", "precision", "recall", "f1", "auc", "average_precision", "r2")


class History:
    """The rows of a run: {"epoch", "loss", metrics, "val_loss", ..., "lr", "seconds"}.

    history["loss"] is a column. stopped: "done", "early", "interrupted", "callback", "diverged"
    or "running". results: what the last epoch gave for metrics that are no single number.
    """

    def __init__(self, rows: list[Row] | None = None):
        self.rows: list[Row] = rows or []
        self.results: dict[str, Any] = {}
        self.stopped = "running"

    def __getitem__(self, name: str) -> list[float]:
        if name not in self.names:
            raise KeyError(say("errors.training.column", name=name, known=", ".join(self.names)))
        return [row.get(name, math.nan) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    @property
    def names(self) -> list[str]:
        """The columns there are."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    @property
    def last(self) -> Row:
        """The row of the last epoch. IndexError when none has ended."""
        if not self.rows:
            raise IndexError(say("errors.training.no_epoch"))
        return self.rows[-1]

    def best(self, monitor: str | None = None, mode: str = "auto") -> Row:
        """The best epoch's row by the column `monitor` (default: val_loss, else loss)."""
        monitor = monitor or default_monitor(self.last)
        sign = direction(monitor, mode)
        known = [row for row in self.rows if not math.isnan(row.get(monitor, math.nan))]
        if not known:
            raise KeyError(say("errors.training.column", name=monitor, known=", ".join(self.names)))
        return min(known, key=lambda row: sign * row[monitor])

    def plot(self, **settings: Any) -> Any:
        """The curves of loss and metrics; settings as in `plots.history`."""
        from gobhir.training.plots import history

        return history(self, **settings)

    def __repr__(self) -> str:
        if not self.rows:
            return f"History({self.stopped})"
        names = [n for n in self.names if n not in BESIDE]
        wide = {name: max(12, len(name)) for name in names}
        lines = ["  ".join([f"{'epoch':>6}", *(f"{n:>{w}}" for n, w in wide.items())])]
        rows: list[Row | None] = list(self.rows)
        if len(rows) > 12:
            rows = [*rows[:5], None, *rows[-5:]]
        for row in rows:
            if row is None:
                lines.append("   ...")
                continue
            cells = (f"{shown(row.get(n, math.nan)):>{w}}" for n, w in wide.items())
            lines.append("  ".join([f"{row['epoch']:>6.0f}", *cells]))
        return "\n".join(lines)


def default_monitor(row: Row) -> str:
    """What tells how good an epoch was when nobody says: the validation's loss where there is
    one, else the training's."""
    return "val_loss" if "val_loss" in row else "loss"


def direction(monitor: str, mode: str) -> int:
    """1 where less is better, -1 where more is. ValueError where a name does not tell."""
    if mode == "auto":
        bare = monitor.removeprefix("val_")
        if bare in _LOWER or bare.endswith("loss"):
            return 1
        if bare in _HIGHER or bare.startswith("top_"):
            return -1
        raise ValueError(say("errors.training.mode_unknown", monitor=monitor))
    if mode not in ("min", "max"):
        raise ValueError(say("errors.training.mode", mode=mode))
    return 1 if mode == "min" else -1


def shown(value: float) -> str:
    """A number as a learner reads it at a glance: four places, or powers of ten where these
    would show nothing."""
    if value != 0 and math.isfinite(value) and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3e}"
    return f"{value:.4f}"


def title(name: str, lang: str | None = None) -> str:
    """A column's name in words: val_loss -> validation loss. Names of one's own stay."""
    bare = name.removeprefix("val_")
    key = f"training.name.{'top' if bare.startswith('top_') else bare}"  # keys: training.name.*
    known = key in catalogue(lang or language())
    word = t(key, lang, k=bare.removeprefix("top_")) if known else bare
    return t("training.progress.validation", lang, name=word) if bare != name else word
