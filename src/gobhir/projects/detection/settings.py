"""What can be changed about the detection project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

from gobhir.projects.settings import FILE, Training, setting

FOLDS = 5


@dataclass(frozen=True)
class Settings(Training):
    """The pictures, the network and its training.

    The usual training of the 136 pictures of pennfudan_yolo takes some 360 seconds of one core with
    precision bf16, where the processor counts in 16 bits; some 500 in 32 bits. With the backbone
    efficientnet_lite0, pictures of 384 pixels and 60 epochs it takes some 700 (bf16), and a picture
    costs 2.3 times as long afterwards."""

    about: ClassVar[str] = "detection.about"
    inputs: ClassVar[str] = "detection.inputs"

    data: str = setting("pennfudan_yolo", "detection.setting.data")
    fold: int = setting(0, "detection.setting.fold", low=0, high=FOLDS - 1)
    size: int = setting(320, "detection.setting.size", low=64, high=1280)
    backbone: Literal["own", "efficientnet_lite0"] = setting("own", "detection.setting.backbone")
    start: str | None = setting(None, "detection.setting.start")
    mosaic: float = setting(0.5, "detection.setting.mosaic", low=0, high=1)
    plain: float = setting(0.3, "detection.setting.plain", low=0, high=1)
    colour: bool = setting(True, "detection.setting.colour")
    ema: float = setting(0.99, "detection.setting.ema", low=0, high=0.9999)
    epochs: int = 90
    batch_size: int = 8
    lr: float = setting(0.02, "detection.setting.lr", low=1e-9, high=10)
    weight_decay: float = 0.05

    @property
    def pretrained(self) -> bool:
        """Whether the backbone begins with weights that have seen ImageNet."""
        return self.backbone == "efficientnet_lite0"

    @classmethod
    def load(cls, folder: Path) -> Self:
        """As they were kept; the usual ones where nothing was trained, since another's detector
        (`run --model`) needs no training here."""
        return super().load(folder) if (folder / FILE).exists() else cls()
