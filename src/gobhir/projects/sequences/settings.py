"""What can be changed about the sequences project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gobhir.projects.settings import Settings as Base
from gobhir.projects.settings import setting

CELLS = ("rnn", "lstm", "gru")


@dataclass(frozen=True)
class Settings(Base):
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
    engine: Literal["gobhir", "torch"] = setting("torch", "sequences.setting.engine")
    hidden: int = setting(32, "sequences.setting.hidden", low=1, high=1024)
    layers: int = setting(1, "sequences.setting.layers", low=1, high=8)
    epochs: int = setting(60, "sequences.setting.epochs", low=1)
    patience: int = setting(8, "sequences.setting.patience", low=1)
    batch_size: int = setting(64, "sequences.setting.batch_size", low=1)
    lr: float = setting(0.003, "sequences.setting.lr", low=1e-9, high=10)
    weight_decay: float = setting(0.01, "sequences.setting.weight_decay", low=0, high=10)

    @property
    def cells(self) -> tuple[str, ...]:
        """The kinds of network that are asked for."""
        return CELLS if self.cell == "all" else (self.cell,)
