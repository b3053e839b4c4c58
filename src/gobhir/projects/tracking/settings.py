"""What can be changed about the tracking project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gobhir.projects.settings import Settings as Base
from gobhir.projects.settings import setting


@dataclass(frozen=True)
class Settings(Base):
    """The annotated video, who detects in it, and how long thresholds are looked for."""

    about: ClassVar[str] = "tracking.about"
    inputs: ClassVar[str] = "tracking.inputs"

    data: str = setting("vtest_gt", "tracking.setting.data")
    share: float = setting(0.5, "tracking.setting.share", low=0.1, high=0.9)
    trials: int = setting(200, "tracking.setting.trials", low=0)
    overlap: float = setting(0.5, "tracking.setting.overlap", low=0.05, high=0.95)
    colours: bool = setting(True, "tracking.setting.colours")
    detector: str = setting("pedestrian_ssdlite", "tracking.setting.detector")
    tiles: int = setting(300, "tracking.setting.tiles", low=0)
    least: float = setting(0.05, "tracking.setting.least", low=0.001, high=0.99)
    threads: int = setting(2, "tracking.setting.threads", low=0)
