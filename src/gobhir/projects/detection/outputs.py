"""What detectors of different families want and what they give back: one small reader each.

A reader says whether a network's output looks like its family's (`fits`), turns pixels into the
network's input (`prepared`) and the output into boxes in pixels of that input and a score for each
class (`read`). All shapes are those of one picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from gobhir.projects.detection.boxes import to_corners

Arrays = Mapping[str, np.ndarray]
Size = tuple[int, int]
"""Height, width."""


def centres(size: Size, strides: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The cells of all levels, row by row, the finest first: ((n, 2) x and y in cells, (n,) how
    many pixels a cell has). A level has ceil(size / stride) rows and columns."""
    places, steps = [], []
    for stride in strides:
        rows, columns = (-(-n // stride) for n in size)
        y, x = np.mgrid[:rows, :columns]
        places.append(np.stack([x.ravel(), y.ravel()], 1))
        steps.append(np.full(rows * columns, stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(steps).astype(np.float32)


class Reader:
    """Base of readers. keep, middle: how the picture is fitted in (boxes.Letterbox); resizes:
    whether the network does that itself."""

    name: ClassVar[str]
    shape: ClassVar[str]
    """What its output looks like, for messages."""
    keep: ClassVar[bool] = True
    middle: ClassVar[bool] = True
    resizes: ClassVar[bool] = False

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        raise NotImplementedError

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        """(h, w, 3) bytes, red green blue -> the network's input for one picture."""
        raise NotImplementedError

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        """((n, 4) boxes in pixels of the input, (n, classes) scores)."""
        raise NotImplementedError

    @classmethod
    def classes(cls, outputs: Arrays, size: Size) -> int:
        """How many classes it knows."""
        return cls.read(outputs, size)[1].shape[1]


class Gobhir(Reader):
    """Our own (network.py): boxes are decoded and scores are shares already; red green blue from 0
    to 1. It is known by what its file says of itself, or by its outputs' names."""

    name, shape = "gobhir", "boxes (1, n, 4), scores (1, n, classes)"

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        return list(outputs) == ["boxes", "scores"] and _pair(outputs) and _sure(outputs["scores"])

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        return planes(pixels) / np.float32(255)

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = list(outputs.values())[:2]
        return boxes[0], scores[0]


class YOLOX(Reader):
    """Blue green red from 0 to 255, the picture in the upper left corner. A row is, in cells, how
    far the centre is from the cell and the logarithms of width and height, then the score of there
    being something, then of each class. Source: https://arxiv.org/abs/2107.08430; its own demo,
    demo/ONNXRuntime in github.com/Megvii-BaseDetection/YOLOX (files of `--decode_in_inference` are
    another matter)."""

    name, shape = "yolox", "(1, cells of strides 8, 16, 32, 5 + classes)"
    middle, strides = False, (8, 16, 32)

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        rows, columns = _only(outputs)
        return rows == len(centres(size, cls.strides)[0]) and columns > 5

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        return planes(pixels[..., ::-1])

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        (found,) = next(iter(outputs.values()))
        cells, steps = centres(size, cls.strides)
        middle = (found[:, :2] + cells) * steps[:, None]
        with np.errstate(over="ignore"):  # what is no number any more is left out later
            spread = np.exp(found[:, 2:4]) * steps[:, None]
        return to_corners(np.concatenate([middle, spread], 1)), found[:, 4:5] * found[:, 5:]


class YOLOv8(Reader):
    """Red green blue from 0 to 1. A column is centre x, centre y, width, height in pixels, then the
    score of each class. So do YOLOv8, YOLOv9, YOLO11 as Ultralytics writes them."""

    name, shape = "yolov8", "(1, 4 + classes, cells of strides 8, 16, 32)"
    strides = (8, 16, 32)

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        rows, columns = _only(outputs)
        return columns == len(centres(size, cls.strides)[0]) and rows > 4

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        return planes(pixels) / np.float32(255)

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        (found,) = next(iter(outputs.values()))
        return to_corners(found[:4].T), found[4:].T


class NanoDet(Reader):
    """NanoDet-Plus: blue green red, (x - mean) / spread, the picture stretched to the square. A row
    is the score of each class, then for left, top, right and bottom how likely each of 8 distances
    (0 to 7 cells) is, before softmax: their mean is the distance. Source:
    https://github.com/RangiLyu/nanodet, nanodet/model/head/nanodet_plus_head.py"""

    name, shape = "nanodet", "(1, cells of strides 8, 16, 32, 64, classes + 32)"
    keep, strides, bins = False, (8, 16, 32, 64), 8
    mean = np.array([103.53, 116.28, 123.675], np.float32)[:, None, None]
    spread = np.array([57.375, 57.12, 58.395], np.float32)[:, None, None]

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        rows, columns = _only(outputs)
        return rows == len(centres(size, cls.strides)[0]) and columns > 4 * cls.bins

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        return (planes(pixels[..., ::-1]) - cls.mean) / cls.spread

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        (found,) = next(iter(outputs.values()))
        cells, steps = centres(size, cls.strides)
        likely = found[:, -4 * cls.bins :].reshape(-1, 4, cls.bins)
        likely = np.exp(likely - likely.max(2, keepdims=True))
        far = (likely / likely.sum(2, keepdims=True)) @ np.arange(cls.bins, dtype=np.float32)
        low, high = cells - far[:, :2], cells + far[:, 2:]
        return np.concatenate([low, high], 1) * steps[:, None], found[:, : -4 * cls.bins]


class SSD(Reader):
    """As TensorFlow's Object Detection API writes them: bytes, red green blue, of any size (it
    shrinks the picture itself); boxes are y1, x1, y2, x2 as shares, after NMS; classes count from
    1."""

    name = "ssd"
    shape = "detection_boxes (1, n, 4), detection_scores (1, n), detection_classes (1, n)"
    keep, resizes = False, True
    parts = ("detection_boxes", "detection_scores", "detection_classes")

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        found = [outputs.get(cls._called(outputs, part)) for part in cls.parts]
        there = [np.shape(array) for array in found if array is not None]
        return len(there) == 3 and there[0] == (*there[1], 4) and there[1] == there[2]

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        return pixels

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        boxes, sure, kinds = (outputs[cls._called(outputs, part)][0] for part in cls.parts)
        which = np.maximum(kinds.astype(int) - 1, 0)
        scores = np.zeros((len(sure), int(which.max(initial=0)) + 1), np.float32)
        scores[np.arange(len(sure)), which] = sure
        scale = np.array([size[1], size[0], size[1], size[0]], np.float32)
        return boxes[:, [1, 0, 3, 2]] * scale, scores

    @classmethod
    def classes(cls, outputs: Arrays, size: Size) -> int:
        return 90  # of COCO's numbering, with its gaps; one picture does not show how many

    @classmethod
    def _called(cls, outputs: Arrays, part: str) -> str:
        """What an output is called in full: `detection_boxes:0`, say."""
        return next((name for name in outputs if name.split(":")[0] == part), "")


class SSDPriors(Reader):
    """SSDs whose boxes are shares x1, y1, x2, y2 and whose first class is the background; red green
    blue, (x - 127) / 128: github.com/qfgaohao/pytorch-ssd and what came of it."""

    name, shape = "ssd_priors", "scores (1, n, 1 + classes), boxes (1, n, 4)"
    keep = False

    @classmethod
    def fits(cls, outputs: Arrays, size: Size) -> bool:
        return set(outputs) == {"scores", "boxes"} and _pair(outputs)

    @classmethod
    def prepared(cls, pixels: np.ndarray) -> np.ndarray:
        return (planes(pixels) - np.float32(127)) / np.float32(128)

    @classmethod
    def read(cls, outputs: Arrays, size: Size) -> tuple[np.ndarray, np.ndarray]:
        scale = np.array([size[1], size[0], size[1], size[0]], np.float32)
        return outputs["boxes"][0] * scale, outputs["scores"][0, :, 1:]


READERS: tuple[type[Reader], ...] = (Gobhir, SSD, SSDPriors, YOLOX, YOLOv8, NanoDet)
"""In the order in which they are asked."""


def planes(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 3) bytes -> (3, h, w) float32."""
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)


def _only(outputs: Arrays) -> tuple[int, int]:
    """The shape of the one output of a single picture; (0, 0) where there is no such thing."""
    shapes = [array.shape for array in outputs.values()]
    if len(shapes) != 1 or len(shapes[0]) != 3 or shapes[0][0] != 1:
        return 0, 0
    return shapes[0][1], shapes[0][2]


def _pair(outputs: Arrays) -> bool:
    boxes, scores = outputs["boxes"].shape, outputs["scores"].shape
    return len(boxes) == len(scores) == 3 and boxes[:2] == scores[:2] and boxes[2] == 4


def _sure(scores: np.ndarray) -> bool:
    """Whether no row says that it is surely background: those of SSDPriors sum to 1."""
    return not np.allclose(scores.sum(-1), 1, atol=1e-3)
