"""The detector that a camera's settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from gobhir.projects.cctv.config import Looking
from gobhir.projects.cctv.process import look_of
from tests.projects.detection.test_onnx import FAMILIES, write


def test_of_somebody_elses_detector_kind_and_size_can_be_said(tmp_path: Path) -> None:
    told = {"names": "{0: 'nobody', 1: 'person', 2: 'dog', 3: 'cat'}"}
    shape = (1, 3, None, None)
    path = str(write(tmp_path / "net.onnx", FAMILIES["ssd"](), shape, told=told))
    with pytest.raises(ValueError, match="size=416"):
        look_of(Looking(model=path))
    with pytest.raises(ValueError, match="nanodet"):
        look_of(Looking(model=path, size=64, kind="nanodet"))
    detector = look_of(Looking(model=path, size=64, kind="ssd")).detector
    assert (detector.size, detector.kind, detector.only) == ((64, 64), "ssd", (1,))
