"""What can be changed about the tables project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gobhir.projects.settings import Training, setting

ENGINES = ("gobhir", "torch", "keras")


@dataclass(frozen=True)
class Settings(Training):
    """The data, the network and its training; sizes are in examples and units."""

    about: ClassVar[str] = "tables.about"
    inputs: ClassVar[str] = "tables.inputs"

    data: str = setting("diabetes", "tables.setting.data")
    target: str | None = setting(None, "tables.setting.target")
    task: Literal["auto", "regression", "classification"] = setting("auto", "tables.setting.task")
    engine: Literal["all", "gobhir", "torch", "keras"] = setting("gobhir", "tables.setting.engine")
    hidden: int = setting(32, "tables.setting.hidden", low=1, high=4096)
    layers: int = setting(2, "tables.setting.layers", low=0, high=20)
    epochs: int = 200
    patience: int = 20
    lr: float = 0.003

    @property
    def engines(self) -> tuple[str, ...]:
        """The frameworks that are asked for."""
        return ENGINES if self.engine == "all" else (self.engine,)
