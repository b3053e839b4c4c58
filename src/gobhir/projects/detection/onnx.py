"""Detectors as ONNX files, whoever made them: `open_detector` finds out what a file wants.

    detector = open_detector("model.onnx")
    found = detector(frame)             # boxes in pixels of the frame, scores, classes

NumPy and onnxruntime alone: a camera starts in well under a second, without PyTorch.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gobhir import datasets
from gobhir.lang import say
from gobhir.projects.detection.boxes import (
    Detections,
    Letterbox,
    clip,
    covered,
    nms,
    suppressed,
)
from gobhir.projects.detection.coco import COCO
from gobhir.projects.detection.outputs import READERS, Gobhir, Reader, Size

KEY = "gobhir.detection"
"""Where our own files say what they are: JSON with `names` (by language) and `size`."""
SHIPPED = {"pedestrian_ssdlite": ("person",)}
"""Weights of the catalogue that are detectors, and what they find."""


def open_detector(
    model: str | Path,
    *,
    size: int | Size | None = None,
    threshold: float = 0.3,
    overlap: float = 0.5,
    kind: str | None = None,
    names: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    tiles: int | None = None,
    threads: int = 0,
) -> Detector:
    """The detector in an ONNX file, or one of the catalogue by its name.

    size: of the network's input, (height, width) or one number, where the file leaves it open.
    threshold: what is less sure is left out. overlap: of two boxes of a class that have more in
    common (IoU), the surer one stays. kind: one of "gobhir", "yolox", "yolov8", "nanodet", "ssd",
    "ssd_priors"; None: by the outputs. names: of the classes, where the file does not say. only:
    the names of those that are wanted. tiles: cut frames into overlapping squares of so many
    pixels, for what is small in the picture. threads: 0 for all cores.

    FileNotFoundError: there is none; ValueError: it is no detector that is known, and why.
    """
    path = Path(model)
    if str(model) in SHIPPED and not path.exists():
        (path,) = datasets.load(str(model)).paths.values()
        names = names or SHIPPED[str(model)]
    runs = _session(path, threads)
    inputs = runs.get_inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 4:
        found = _shapes((i.name, i.shape) for i in inputs)
        raise ValueError(say("detection.onnx.input", path=path, found=found))
    told = dict(runs.get_modelmeta().custom_metadata_map)
    own = _own(told)
    channels_last = inputs[0].shape[3] == 3
    bytes_ = "uint8" in inputs[0].type
    size = _size(path, inputs[0].shape, channels_last, size, told, own)
    outputs = [o.name for o in runs.get_outputs()]
    first = np.zeros((1, *size, 3) if channels_last else (1, 3, *size), np.float32)
    results = _ran(runs, inputs[0].name, first.astype(np.uint8) if bytes_ else first, path)
    answer = dict(zip(outputs, results, strict=True))
    reader = _reader(path, kind, answer, size, own is not None)
    names = tuple(names or _names(told, own, reader, answer, size))
    wanted = None if only is None else tuple(_number(path, name, names) for name in only)
    return Detector(
        path,
        reader,
        size,
        names,
        threshold,
        overlap,
        wanted,
        tiles,
        runs,
        channels_last,
        bytes_,
        inputs[0].name,
        tuple(outputs),
    )


@dataclass(frozen=True)
class Detector:
    """What `open_detector` gives: called with a frame, it says what is where.

    reader: its family (outputs.py). size: (height, width) of the network's input. names: of the
    classes. only: the numbers of those that are wanted, None for all. The others: as there.
    """

    path: Path
    reader: type[Reader]
    size: Size
    names: tuple[str, ...]
    threshold: float
    overlap: float
    only: tuple[int, ...] | None
    tiles: int | None
    runs: Any = field(repr=False)
    channels_last: bool = field(repr=False)
    bytes: bool = field(repr=False)
    given: str = field(repr=False)
    gives: tuple[str, ...] = field(repr=False)

    @property
    def kind(self) -> str:
        """The name of its family."""
        return self.reader.name

    def __call__(self, frame: np.ndarray, regions: Any = None) -> Detections:
        """Everything in a frame (h, w, 3), red green blue bytes, the surest first.

        regions: (n, 4) boxes; the network looks only into these, each by itself (default: the whole
        frame, or its tiles). ValueError for what is no such frame.
        """
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8 or not frame.size:
            raise ValueError(say("detection.bad.frame", shape=frame.shape, dtype=frame.dtype))
        high, wide = frame.shape[:2]
        if regions is None:
            regions = [(0, 0, wide, high)]
            if self.tiles is not None:
                regions = squares(wide, high, self.tiles)
        parts, cuts = [], []
        for x1, y1, x2, y2 in within(regions, wide, high):
            found = self._look(frame[y1:y2, x1:x2])
            cuts.append(_cut(found.boxes, (x1, y1, x2, y2), wide, high))
            move = np.array([x1, y1, x1, y1], np.float32)
            parts.append(Detections(found.boxes + move, found.scores, found.classes))
        whole = Detections.joined(parts)
        if len(parts) > 1:
            whole = merged(whole, np.concatenate(cuts), self.overlap)
        return whole

    def _look(self, pixels: np.ndarray) -> Detections:
        """The network's answer to one picture, in pixels of it."""
        high, wide = pixels.shape[:2]
        if self.reader.resizes:
            size, given, fitted = (high, wide), pixels, None
        else:
            size = self.size
            fitted = Letterbox.of(
                (high, wide), size, keep=self.reader.keep, middle=self.reader.middle
            )
            given = fitted.picture(pixels)
        x = self.reader.prepared(given)
        if self.channels_last and x.shape[-1] != 3:
            x = np.ascontiguousarray(x.transpose(1, 2, 0))
        answer = self.runs.run(None, {self.given: x[None]})
        boxes, scores = self.reader.read(dict(zip(self.gives, answer, strict=True)), size)
        if self.only is not None:
            unwanted = np.ones(scores.shape[1], bool)
            unwanted[[k for k in self.only if k < len(unwanted)]] = False
            scores = np.where(unwanted, np.float32(0), scores)
        sure = scores.max(1, initial=0)
        rows = np.flatnonzero((sure >= max(self.threshold, 1e-6)) & np.isfinite(boxes).all(1))
        boxes = boxes[rows] if fitted is None else fitted.boxes_back(boxes[rows])
        boxes = clip(boxes.astype(np.float32), wide, high)
        found = Detections.of(boxes, sure[rows], scores[rows].argmax(1) if len(rows) else ())
        found = found[((boxes[:, 2:] - boxes[:, :2]) > 0).all(1)]
        return suppressed(found, self.overlap)


def squares(width: int, height: int, side: int, overlap: float = 0.2) -> list[tuple[int, ...]]:
    """Squares that cover a frame evenly, each sharing at least `overlap` with the next; of a frame
    smaller than `side`, all of it."""

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        count = int(np.ceil((length - side) / (side * (1 - overlap)))) + 1
        return [round(k * (length - side) / (count - 1)) for k in range(count)]

    return [
        (x, y, min(x + side, width), min(y + side, height))
        for y in starts(height)
        for x in starts(width)
    ]


def within(regions: Any, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Regions as whole pixels of the frame; those without any are left out."""
    found = []
    for region in np.asarray(regions, float).reshape(-1, 4):
        x1, y1 = max(0, int(np.floor(region[0]))), max(0, int(np.floor(region[1])))
        x2, y2 = min(width, int(np.ceil(region[2]))), min(height, int(np.ceil(region[3])))
        if x2 > x1 and y2 > y1:
            found.append((x1, y1, x2, y2))
    return found


def merged(found: Detections, cut: np.ndarray, overlap: float = 0.5) -> Detections:
    """What several overlapping pictures saw, without seeing it twice: NMS; and a box that its
    picture's edge cut off (`cut`) goes where a whole one covers most of it."""
    stays = ~cut
    if cut.any() and stays.any():
        own = found.classes[cut][:, None] == found.classes[~cut][None]
        inside = covered(found.boxes[cut], found.boxes[~cut]) > 0.5
        stays[np.flatnonzero(cut)[~(inside & own).any(1)]] = True
    elif cut.any():
        stays = cut
    left = found[stays]
    return left[nms(left.boxes, left.scores, left.classes, overlap)]


def _cut(boxes: np.ndarray, region: Sequence[int], width: int, height: int) -> np.ndarray:
    """(n,): which boxes of a region touch an edge of it that is no edge of the frame."""
    x1, y1, x2, y2 = region
    inner = np.array([x1 > 0, y1 > 0, x2 < width, y2 < height])
    near = np.concatenate([boxes[:, :2] < 3, boxes[:, 2:] > (x2 - x1 - 3, y2 - y1 - 3)], 1)
    return (near & inner).any(1)


# -- opening -------------------------------------------------------------------------------------


def _session(path: Path, threads: int) -> Any:
    from gobhir.deploy.opening import opened

    if not path.is_file():
        known = ", ".join(SHIPPED)
        raise FileNotFoundError(say("detection.onnx.none", path=path, known=known))
    return opened(path, threads)[1]


def _ran(runs: Any, name: str, first: np.ndarray, path: Path) -> list[np.ndarray]:
    try:
        return runs.run(None, {name: first})
    except Exception as error:  # as above
        reason = str(error).splitlines()[0]
        said = {"path": path, "shape": first.shape, "reason": reason}
        raise ValueError(say("detection.onnx.refused", **said)) from None


def _own(told: dict[str, str]) -> dict[str, Any] | None:
    """What our own files say of themselves."""
    try:
        content = json.loads(told[KEY])
    except (KeyError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _size(
    path: Path, shape: list[Any], channels_last: bool, wish: Any, told: dict[str, str], own: Any
) -> Size:
    """(height, width) of the input: the file's own, else the wish, else what its metadata say."""
    fixed = tuple(shape[1:3] if channels_last else shape[2:4])
    asked = (wish, wish) if isinstance(wish, int) else wish
    if all(isinstance(n, int) and n > 0 for n in fixed):
        if asked is not None and tuple(asked) != fixed:
            raise ValueError(say("detection.onnx.fixed", path=path, size=fixed, wish=asked))
        return fixed[0], fixed[1]
    if asked is not None:
        return int(asked[0]), int(asked[1])
    if own is not None and isinstance(own.get("size"), int):
        return own["size"], own["size"]
    try:  # Ultralytics
        high, wide = ast.literal_eval(told["imgsz"])
        return int(high), int(wide)
    except (KeyError, ValueError, TypeError, SyntaxError):
        pass
    if channels_last:  # it shrinks pictures of any size itself
        return 64, 64
    raise ValueError(say("detection.onnx.size", path=path, shape=shape))


def _reader(
    path: Path, kind: str | None, outputs: dict[str, np.ndarray], size: Size, own: bool
) -> type[Reader]:
    known = {reader.name: reader for reader in READERS}
    found = _shapes((name, array.shape) for name, array in outputs.items())
    if kind is None:
        fitting = [Gobhir] if own else [r for r in READERS if r.fits(outputs, size)]
        if fitting:
            return fitting[0]
        shapes = "\n".join(f"  {r.name}: {r.shape}" for r in READERS)
        said = {"path": path, "found": found, "size": f"{size[1]} x {size[0]}", "known": shapes}
        raise ValueError(say("detection.onnx.unknown", **said))
    if kind not in known:
        raise ValueError(say("detection.onnx.kind", kind=kind, known=", ".join(known)))
    if not known[kind].fits(outputs, size):
        told = {"path": path, "kind": kind, "found": found, "shape": known[kind].shape}
        raise ValueError(say("detection.onnx.misfit", **told))
    return known[kind]


def _names(
    told: dict[str, str], own: Any, reader: type[Reader], answer: dict[str, np.ndarray], size: Size
) -> list[str]:
    """The classes' names: the file's own, COCO's where there are as many, else their numbers."""
    if own is not None and isinstance(own.get("names"), dict):
        return [str(n) for n in own["names"].get("en", [])]
    try:  # Ultralytics: "{0: 'person', 1: 'bicycle'}"
        given = ast.literal_eval(told["names"])
        return [str(given[k]) for k in sorted(given)]
    except (KeyError, ValueError, TypeError, SyntaxError):
        pass
    count = reader.classes(answer, size)
    return list(COCO) if count == len(COCO) else [str(k) for k in range(count)]


def _number(path: Path, name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise ValueError(say("detection.onnx.name", path=path, name=name, known=", ".join(names)))
    return list(names).index(name)


def _shapes(named: Any) -> str:
    return ", ".join(f"{name} ({', '.join(str(n) for n in shape)})" for name, shape in named)
