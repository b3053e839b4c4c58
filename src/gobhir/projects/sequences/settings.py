"""What can be changed about the sequences project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gobhir.projects.settings import Training, setting

CELLS = ("rnn", "lstm", "gru")


@dataclass(frozen=True)
class Settings(Training):
    """The series, how far the network looks back and forth (in time steps), and its training."""

    about: ClassVar[str] = "sequences.about"
    inputs: ClassVar[str] = "sequences.inputs"

    data: str = setting("seattle_weather", "sequences.setting.data")
    target: str | None = setting(None, "sequences.setting.target")
    date: str | None = setting(None, "sequences.setting.date")
    season: int = setting(0, "sequences.setting.season", low=0)
    window: int = setting(28, "sequences.setting.window", low=2, high=10_000)
    ahead: int = setting(7, "sequences.setting.ahead", low=1, high=1000)
    cell: Literal["all", "rnn", "lstm", "gru"] = setting("all", "sequences.setting.cell")
    engine: Literal["gobhir", "torch", "keras"] = setting("torch", "sequences.setting.engine")
    hidden: int = setting(32, "sequences.setting.hidden", low=1, high=1024)
    layers: int = setting(1, "sequences.setting.layers", low=1, high=8)
    epochs: int = 60
    patience: int = 8
    batch_size: int = 64
    lr: float = 0.003

    @property
    def cells(self) -> tuple[str, ...]:
        """The kinds of network that are asked for."""
        return CELLS if self.cell == "all" else (self.cell,)
