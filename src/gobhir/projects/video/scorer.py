"""A trained network at work, by its ONNX file alone: what happens in a clip, and how sure it is.

Nothing here imports PyTorch: a camera is to be watched within seconds, and for months.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gobhir.deploy.about import KEY, about_from
from gobhir.deploy.opening import opened
from gobhir.evaluation import Temperature
from gobhir.lang import language, say
from gobhir.projects.video.clips import squeezed
from gobhir.projects.video.sampling import uniform

FIGHT = "fight"
"""What the class is called whose score the rule of that name wants."""


class Clip:
    """`clip(frames)`: how sure the network is of each of `classes`, (classes,), shares of 1.

    frames: (n, h, w, 3) bytes, evenly spaced in time; n and the size may be any, those that the
    network wants are made of them. ValueError where the file is no such network."""

    def __init__(self, path: str | Path, threads: int = 1):
        proto, self._session = opened(path, threads)
        about = about_from(next((p.value for p in proto.metadata_props if p.key == KEY), None))
        shape = self._session.get_inputs()[0].shape
        if about is None or not about.labels or len(shape) != 5 or shape[2] != 3:
            raise ValueError(say("video.bad.onnx", path=path))
        self.labels = about.labels
        self.frames, self.size = int(shape[1]), int(shape[4])
        self._shares = Temperature(about.temperature)

    @property
    def classes(self) -> list[str]:
        """Their names in the language in force."""
        return self.labels.get(language()) or next(iter(self.labels.values()))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        rows = np.arange(len(frames))
        if len(frames) != self.frames:
            rows = uniform(len(frames), self.frames)
        x = np.stack([squeezed(frames[k], self.size) for k in rows])
        given = x.transpose(0, 3, 1, 2)[None].astype(np.float32) / 255
        (output,) = self._session.run(["output"], {"input": given})
        found: np.ndarray = self._shares(output)[0]
        return found


def fight(path: str | Path, threads: int = 1) -> Callable[[np.ndarray], float]:
    """The scorer of the rule `fight` (cctv/rules/scored.py): how sure the network in the file is of
    its class of that name, from 0 to 1. ValueError where it has none."""
    clip = Clip(path, threads)
    names = clip.labels.get("en") or clip.classes
    if FIGHT not in names:
        told = {"path": path, "name": FIGHT, "known": ", ".join(names)}
        raise ValueError(say("video.bad.no_class", **told))
    row = names.index(FIGHT)
    return lambda frames: float(clip(frames)[row])
