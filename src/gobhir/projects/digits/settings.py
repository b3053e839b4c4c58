"""What can be changed about the digits project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gobhir.projects.settings import Training, setting


@dataclass(frozen=True)
class Settings(Training):
    """The data, the network and its training."""

    about: ClassVar[str] = "digits.about"
    inputs: ClassVar[str] = "digits.inputs"

    data: Literal["numta", "mnist_10k", "mnist", "fashion_mnist", "sample"] = setting(
        "numta", "digits.setting.data"
    )
    engine: Literal["torch", "gobhir", "keras"] = setting("torch", "digits.setting.engine")
    width: int = setting(32, "digits.setting.width", low=1, high=512)
    batch_size: int = setting(128, "projects.setting.batch_size", low=2)
    lr: float = setting(0.003, "digits.setting.lr", low=1e-9, high=10)
    weight_decay: float = 0.02
    smoothing: float = setting(0.05, "digits.setting.smoothing", low=0, high=0.9)
    augment: float = setting(0.6, "digits.setting.augment", low=0, high=2)
    average: float = setting(0.998, "digits.setting.average", low=0, high=0.99999)
