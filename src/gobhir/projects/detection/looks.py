"""Looking at a picture more than once: as it is, and mirrored, a little farther away. What several
looks agree on is surer than what one of them says (test-time augmentation).

Source: Solovyev, Wang, Gabruseva, Weighted Boxes Fusion (2019), https://arxiv.org/abs/1910.13302
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gobhir.projects.detection.boxes import GREY, Detections, clip, iou
from gobhir.projects.detection.onnx import Detector

LOOKS = ((1.0, False), (0.8, True))
"""Of each look: how large the picture is in it, and whether it is mirrored."""
LEAST = 0.01
"""The threshold of each look: what one hardly sees another may see well; for curves, too, also
detections count that are hardly sure."""
ALIKE = 0.6
"""Boxes of two looks with so much in common (IoU) are one thing."""


@dataclass(frozen=True)
class Looks:
    """A detector that looks at each frame as often as LOOKS says, at so many times the cost.

    threshold: what is less sure after all looks is left out; that of the detector should be LEAST.
    """

    detector: Detector
    threshold: float = 0.3

    def __call__(self, frame: np.ndarray) -> Detections:
        """As `Detector`'s."""
        found = fused([look(self.detector, frame, *how) for how in LOOKS])
        return found[found.scores >= self.threshold]


def look(detector: Detector, frame: np.ndarray, scale: float, mirror: bool) -> Detections:
    """What the detector finds in the frame when it is `scale` (at most 1) as large as usual, grey
    around it, and mirrored or not; in pixels of the frame."""
    high, wide = frame.shape[:2]
    height, width = round(high / scale), round(wide / scale)
    top, left = (height - high) // 2, (width - wide) // 2
    shown = frame
    if scale != 1:
        shown = np.full((height, width, 3), GREY, np.uint8)
        shown[top : top + high, left : left + wide] = frame
    if mirror:
        shown = np.ascontiguousarray(shown[:, ::-1])
    found = detector(shown)
    boxes = found.boxes.copy()
    if mirror:
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
    boxes = clip(boxes - np.array([left, top, left, top], boxes.dtype), wide, high)
    inside = ((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)
    return Detections(boxes, found.scores, found.classes)[inside]


def fused(answers: Sequence[Detections], alike: float = ALIKE) -> Detections:
    """What several looks say together, the surest first.

    Beginning with the surest box, of each other look the box of its class that is most like it, if
    its IoU is at least `alike`, is the same thing. The thing's box is their mean, weighted by the
    scores; its score is their sum by the number of all looks, so that what only some have seen
    counts less."""
    whole = Detections.joined(list(answers))
    which = np.repeat(np.arange(len(answers)), [len(one) for one in answers])
    order = np.argsort(-whole.scores, kind="stable")
    whole, which = whole[order], which[order]
    fits = iou(whole.boxes, whole.boxes)
    fits = np.where(whole.classes[:, None] == whole.classes[None], fits, 0)
    free = np.ones(len(whole), bool)
    boxes, scores, classes = [], [], []
    for k in range(len(whole)):
        if not free[k]:
            continue
        group = [k]
        for other in range(len(answers)):
            candidates = np.flatnonzero(free & (which == other) & (fits[k] >= alike))
            if other != which[k] and len(candidates):
                group.append(int(candidates[fits[k, candidates].argmax()]))
        free[group] = False
        weights = whole.scores[group].astype(float)
        boxes.append(weights @ whole.boxes[group] / weights.sum())
        scores.append(weights.sum() / len(answers))
        classes.append(whole.classes[k])
    found = Detections.of(np.reshape(boxes, (-1, 4)).astype(np.float32), scores, classes)
    return found[np.argsort(-found.scores, kind="stable")]
