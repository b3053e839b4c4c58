"""Where somebody is in which frame: in memory, and in files as the MOTChallenge has them.

    frame, id, left, top, width, height, score, ...        one line a box, frames from 1 on

Source: A. Milan et al. (2016), https://arxiv.org/abs/1603.00831, section 2.4
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from gobhir.lang import say
from gobhir.projects.detection.boxes import Detections


@dataclass(frozen=True)
class Rows:
    """Boxes of a video, one a row, in the order of the frames.

    frames: (n,) numbers from 0 on; ids: (n,) who, -1 where nobody knows; boxes: (n, 4) x1, y1, x2,
    y2 in pixels; scores: (n,).
    """

    frames: np.ndarray
    ids: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: np.ndarray | slice) -> Rows:
        return Rows(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def of(cls, rows: Iterable[Iterable[float]]) -> Rows:
        """From (frame, id, x1, y1, x2, y2, score), in any order."""
        table = np.array([tuple(row) for row in rows], np.float64).reshape(-1, 7)
        table = table[np.argsort(table[:, 0], kind="stable")]
        return cls(
            table[:, 0].astype(np.int64),
            table[:, 1].astype(np.int64),
            table[:, 2:6].astype(np.float32),
            table[:, 6].astype(np.float32),
        )

    def between(self, first: int, end: int) -> Rows:
        """Those of the frames from `first` up to, without, `end`."""
        return self[slice(*np.searchsorted(self.frames, [first, end]))]

    def detections(self, frame: int) -> Detections:
        """Those of one frame, as a detector gives them."""
        now = self.between(frame, frame + 1)
        return Detections(now.boxes, now.scores, np.zeros(len(now), np.int64))


def read_mot(path: str | Path) -> Rows:
    """The lines of a MOTChallenge file: truth, detections or tracks. ValueError names the first
    line that is none. Lines of the truth whose 7th number is 0 are not to be measured, and left
    out."""
    path = Path(path)
    rows = []
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(say("tracking.bad.mot", path=path, line=1, text="...")) from None
    for count, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            frame, who, left, top, width, height, *rest = (float(x) for x in line.split(","))
            score = rest[0] if rest else 1.0
            fits = np.isfinite([frame, who, left, top, width, height, score]).all()
            if not fits or frame < 1 or width <= 0 or height <= 0:
                raise ValueError
        except ValueError:
            said = {"path": path, "line": count, "text": line.strip()[:60]}
            raise ValueError(say("tracking.bad.mot", **said)) from None
        if score != 0 or who < 0:
            rows.append((frame - 1, who, left, top, left + width, top + height, score))
    return Rows.of(rows)


def mot(rows: Rows) -> str:
    """The rows as lines of a MOTChallenge file."""
    lines = []
    for frame, who, (x1, y1, x2, y2), score in zip(
        rows.frames.tolist(),
        rows.ids.tolist(),
        rows.boxes.tolist(),
        rows.scores.tolist(),
        strict=True,
    ):
        place = f"{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f}"
        lines.append(f"{frame + 1},{who},{place},{score:.4f},-1,-1,-1\n")
    return "".join(lines)
