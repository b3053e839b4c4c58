"""What can be changed about the images project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gobhir.projects.settings import Training, setting


@dataclass(frozen=True)
class Settings(Training):
    """The pictures, the network, its training, and the tricks of day 34 as switches."""

    about: ClassVar[str] = "images.about"
    inputs: ClassVar[str] = "images.inputs"

    data: str = setting("pennfudan_yolo", "images.setting.data")
    network: Literal["efficientnet_lite0", "mobilenet_v2", "resnet18", "resnet50", "vgg16"] = (
        setting("efficientnet_lite0", "images.setting.network")
    )
    width: float = setting(1.0, "images.setting.width", low=0.1, high=2)
    size: int = setting(160, "images.setting.size", low=32, high=512)
    head_epochs: int = setting(60, "images.setting.head_epochs", low=1)
    epochs: int = setting(6, "images.setting.epochs", low=0)
    batch_size: int = setting(32, "projects.setting.batch_size", low=2)
    lr: float = setting(0.0005, "images.setting.lr", low=1e-9, high=10)
    # What day 34 is about: each can be switched off by itself.
    augmentation: bool = setting(True, "images.setting.augmentation")
    mixup: float = setting(0.0, "images.setting.mixup", low=0, high=10)
    label_smoothing: float = setting(0.0, "images.setting.label_smoothing", low=0, high=0.9)
    schedule: Literal["constant", "cosine", "one_cycle"] = setting(
        "cosine", "images.setting.schedule"
    )
    layer_decay: float = setting(0.8, "images.setting.layer_decay", low=0.01, high=1)
    ema: float = setting(0.0, "images.setting.ema", low=0, high=0.9999)
    tta: bool = setting(False, "images.setting.tta")

    @property
    def pretrained(self) -> bool:
        """Whether there are weights for this network that have seen ImageNet."""
        return self.network == "efficientnet_lite0"
