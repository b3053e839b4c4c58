"""The model that is served."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gobhir.deploy.about import KEY, About, about_from
from gobhir.deploy.inputs import misfit
from gobhir.deploy.opening import opened, slots
from gobhir.lang import say


class Served:
    """The model in the ONNX file `path`. threads: for one batch; 0: all cores. about: what the
    file says of itself; None where it does not say what goes in.

    ValueError, in one sentence, for a file that holds pickled code, that is broken, that wants to
    read files beyond its own folder, or whose description does not fit its network; OSError for
    one that cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], threads: int = 0):
        self.path = Path(path)
        proto, self._session = opened(self.path, threads)
        kept = {p.key: p.value for p in proto.metadata_props}
        told = about_from(kept.get(KEY))
        self.about: About | None = told if told is not None and told.input is not None else None
        self.inputs = slots(self._session.get_inputs())
        self.outputs = slots(self._session.get_outputs())
        # Whether rows of several requests may go in together: export made it so. Of another
        # model's first axis nobody knows what it means.
        free = all(s.shape and s.shape[0] is None for s in (*self.inputs, *self.outputs))
        self.batched = self.about is not None and free
        if self.about and (detail := misfit(self.about, self.inputs, self.run)):
            raise ValueError(say("deploy.file.misfit", path=self.path, detail=detail))

    def run(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The outputs for whole arrays, one for each input."""
        named = {s.name: a for s, a in zip(self.inputs, arrays, strict=True)}
        results: list[np.ndarray] = self._session.run(None, named)
        return results
