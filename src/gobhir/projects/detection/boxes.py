"""Boxes: how much two have in common, which of them mean the same thing, how they follow a picture
that is made smaller. NumPy alone; a box is x1, y1, x2, y2 in pixels, x to the right, y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from gobhir.lang import say

GREY = 114
"""What is put around a picture that has to fill a square; YOLO's shade."""


@dataclass(frozen=True)
class Detections:
    """What was found in one picture; or, with scores of 1, what there is.

    boxes: (n, 4) float32, x1, y1, x2, y2 in pixels of the picture. scores: (n,) float32, how sure.
    classes: (n,) integers. ValueError where these do not fit together.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def __post_init__(self) -> None:
        n = len(self.boxes)
        shapes = [np.shape(part) for part in (self.boxes, self.scores, self.classes)]
        if shapes != [(n, 4), (n,), (n,)]:
            raise ValueError(say("detection.bad.shapes", found=", ".join(map(str, shapes))))

    @classmethod
    def of(cls, boxes: Any = (), scores: Any = None, classes: Any = None) -> Self:
        """From lists or arrays; without scores all are 1, without classes all are 0."""
        own = np.asarray(boxes, np.float32).reshape(-1, 4)
        sure = np.ones(len(own)) if scores is None else scores
        kinds = np.zeros(len(own)) if classes is None else classes
        return cls(own, np.asarray(sure, np.float32), np.asarray(kinds, np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Detections]) -> Self:
        """All of several, one after the other."""
        if not parts:
            return cls.of()
        boxes, scores, classes = zip(*((p.boxes, p.scores, p.classes) for p in parts), strict=True)
        return cls.of(np.concatenate(boxes), np.concatenate(scores), np.concatenate(classes))

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, rows: Any) -> Detections:
        """Some of them: numbers, a mask or a slice."""
        return Detections(self.boxes[rows], self.scores[rows], self.classes[rows])


def area(boxes: np.ndarray) -> np.ndarray:
    """(n, 4) -> (n,); 0 where a box has its corners the wrong way round."""
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return size[:, 0] * size[:, 1]


def intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, 4), (m, 4) -> (n, m): the area that both cover."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    size = np.maximum(high - low, 0)
    return size[..., 0] * size[..., 1]


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union, (n, 4), (m, 4) -> (n, m), from 0 (apart) to 1 (the same)."""
    both = intersection(a, b)
    either = area(a)[:, None] + area(b)[None] - both
    return np.where(both > 0, both / np.where(either > 0, either, 1), 0)


def covered(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, 4), (m, 4) -> (n, m): the share of the smaller one of two that the other covers."""
    both = intersection(a, b)
    smaller = np.minimum(area(a)[:, None], area(b)[None])
    return np.where(both > 0, both / np.where(smaller > 0, smaller, 1), 0)


def nms(
    boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray | None = None, most: float = 0.5
) -> np.ndarray:
    """Non-maximum suppression: the numbers of the boxes that stay, the surest first.

    A box goes where a surer one of its class has more than `most` of it (IoU). Without classes all
    count as one.
    """
    order = np.argsort(-scores, kind="stable")
    overlaps = iou(boxes[order], boxes[order]) > most
    if classes is not None:
        own = classes[order]
        overlaps &= own[:, None] == own[None]
    stays = np.ones(len(order), bool)
    for k in range(len(order)):
        if stays[k]:
            stays[k + 1 :] &= ~overlaps[k, k + 1 :]
    return order[stays]


def suppressed(found: Detections, most: float = 0.5, limit: int = 300) -> Detections:
    """`found` after NMS, at most the `limit` surest. Of very many, first the surest 2000 are kept:
    the table of overlaps grows with the square."""
    if len(found) > 2000:
        found = found[np.argsort(-found.scores, kind="stable")[:2000]]
    return found[nms(found.boxes, found.scores, found.classes, most)[:limit]]


def to_centres(boxes: np.ndarray) -> np.ndarray:
    """x1, y1, x2, y2 -> centre x, centre y, width, height; any shape (..., 4)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return np.concatenate([(low + high) / 2, high - low], -1)


def to_corners(boxes: np.ndarray) -> np.ndarray:
    """Centre x, centre y, width, height -> x1, y1, x2, y2; any shape (..., 4)."""
    middle, half = boxes[..., :2], boxes[..., 2:] / 2
    return np.concatenate([middle - half, middle + half], -1)


def clip(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """The part of each box that lies within a picture of that size."""
    edge = np.array([width, height, width, height], boxes.dtype)
    return np.clip(boxes, 0, edge)


@dataclass(frozen=True)
class Letterbox:
    """How a picture is fitted into another size: times `scale` (x, y), then moved by (left, top).

    width, height: of the size that is to be filled. Two steps back: `boxes_back`.
    """

    scale: tuple[float, float]
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def of(
        cls,
        picture: tuple[int, int],
        size: tuple[int, int],
        *,
        keep: bool = True,
        middle: bool = True,
    ) -> Self:
        """picture, size: (height, width) before and after. keep: its proportions stay, and the rest
        is left free, on both sides (middle) or on the right and below."""
        (high, wide), (height, width) = picture, size
        if min(high, wide, height, width) < 1:
            raise ValueError(say("detection.bad.size", width=wide, height=high))
        if not keep:
            return cls((width / wide, height / high), 0, 0, width, height)
        scale = min(width / wide, height / high)
        new = round(wide * scale), round(high * scale)
        left, top = ((width - new[0]) // 2, (height - new[1]) // 2) if middle else (0, 0)
        return cls((scale, scale), left, top, width, height)

    def picture(self, pixels: np.ndarray, grey: int = GREY) -> np.ndarray:
        """(h, w, 3) bytes -> (height, width, 3) bytes, `grey` where the picture does not reach."""
        high, wide = pixels.shape[:2]
        new = max(1, round(wide * self.scale[0])), max(1, round(high * self.scale[1]))
        small = resized(pixels, *new)
        if new == (self.width, self.height):
            return small
        out = np.full((self.height, self.width, *pixels.shape[2:]), grey, pixels.dtype)
        out[self.top : self.top + new[1], self.left : self.left + new[0]] = small
        return out

    def boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes of the picture -> where they are after it was fitted."""
        scale, move = self._both(boxes)
        return boxes * scale + move

    def boxes_back(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes of the fitted picture -> where they are in the picture itself."""
        scale, move = self._both(boxes)
        return (boxes - move) / scale

    def _both(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = np.array([*self.scale, *self.scale], boxes.dtype)
        return scale, np.array([self.left, self.top] * 2, boxes.dtype)


def resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """(h, w, 3) bytes -> (height, width, 3): between pixels where it grows or shrinks a little,
    their mean where it shrinks to less than half (else thin things would flicker)."""
    import cv2

    if pixels.shape[:2] == (height, width):
        return pixels
    small = min(width / pixels.shape[1], height / pixels.shape[0]) < 0.5
    how = cv2.INTER_AREA if small else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=how)
