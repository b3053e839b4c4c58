"""What can be changed about the anomaly project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gobhir.projects.settings import Training, setting


@dataclass(frozen=True)
class Settings(Training):
    """The footage, how it is looked at, the autoencoder, and how many false alarms are wanted."""

    about: ClassVar[str] = "anomaly.about"
    inputs: ClassVar[str] = "anomaly.inputs"

    data: str = setting("vtest_gt", "anomaly.setting.data")
    only: str = setting("", "anomaly.setting.only")
    minutes: float = setting(60.0, "anomaly.setting.minutes", low=0.01, high=100_000)
    share: float = setting(0.5, "anomaly.setting.share", low=0.1, high=0.9)
    width: int = setting(256, "anomaly.setting.width", low=16, high=1024)
    height: int = setting(192, "anomaly.setting.height", low=16, high=1024)
    side: int = setting(32, "anomaly.setting.side", low=8, high=128)
    code: int = setting(32, "anomaly.setting.code", low=1, high=1024)
    rate: float = setting(5.0, "anomaly.setting.rate", low=0.1, high=60)
    fps: float = setting(25.0, "anomaly.setting.fps", low=0.1, high=240)
    smooth: float = setting(2.0, "anomaly.setting.smooth", low=0, high=60)
    pause: float = setting(2.0, "anomaly.setting.pause", low=0, high=3600)
    alarms: float = setting(1.0, "anomaly.setting.alarms", low=0.001, high=3600)
    epochs: int = 20
    batch_size: int = 16
    weight_decay: float = 0.0

    @property
    def window(self) -> int:
        """Over how many scores in a row the mean is taken."""
        return max(1, round(self.smooth * self.rate))

    @property
    def quiet(self) -> int:
        """After how many quiet scores an alarm is over."""
        return max(1, round(self.pause * self.rate))
