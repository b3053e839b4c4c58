"""What can be changed about the video project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gobhir.projects.settings import Training, setting

SHIPPED = "fight_surv_clips"
"""What `--data` can name beside a folder."""
STRIP = 16
"""Frames of a clip of that data set, one above the other in a picture."""
MOST_FOLDS = 20


@dataclass(frozen=True)
class Settings(Training):
    """The clips, what of them is looked at, the network, and its training in one stage or two."""

    about: ClassVar[str] = "video.about"
    inputs: ClassVar[str] = "video.inputs"

    data: str = setting(SHIPPED, "video.setting.data")
    span: float = setting(2.0, "video.setting.span", low=0.1, high=60)
    frames: int = setting(16, "video.setting.frames", low=2, high=64)
    size: int = setting(128, "video.setting.size", low=32, high=384)
    sampling: Literal["uniform", "random", "dense"] = setting("uniform", "video.setting.sampling")
    views: int = setting(2, "video.setting.views", low=1, high=64)
    cnn: Literal["efficientnet_lite0", "small"] = setting("efficientnet_lite0", "video.setting.cnn")
    see: Literal["both", "frames", "changes"] = setting("both", "video.setting.see")
    cell: Literal["lstm", "gru", "mean"] = setting("gru", "video.setting.cell")
    both_ways: bool = setting(True, "video.setting.both_ways")
    hidden: int = setting(64, "video.setting.hidden", low=1, high=1024)
    dropout: float = setting(0.5, "video.setting.dropout", low=0, high=0.95)
    folds: int = setting(5, "video.setting.folds", low=2, high=MOST_FOLDS)
    epochs: int = 20
    batch_size: int = 32
    lr: float = 0.0005
    weight_decay: float = 0.05
    tune: int = setting(0, "video.setting.tune", low=0, high=1000)
    tune_lr: float = setting(0.0001, "video.setting.tune_lr", low=1e-9, high=1)
    tune_batch: int = setting(4, "video.setting.tune_batch", low=1)
    tune_blocks: int = setting(16, "video.setting.tune_blocks", low=1, high=16)

    @property
    def pretrained(self) -> bool:
        """Whether the CNN begins with weights that have seen ImageNet."""
        return self.cnn == "efficientnet_lite0"

    @property
    def kept(self) -> int:
        """Frames of a clip in memory, of which `frames` are looked at."""
        if self.data == SHIPPED:
            return STRIP
        return self.frames * (1 if self.sampling == "uniform" else 2)
