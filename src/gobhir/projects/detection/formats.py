"""Folders of pictures with boxes: the YOLO layout in and out, COCO's JSON and Pascal VOC's XML in.

A YOLO folder has images/ and labels/, with a text file of the same name for each picture, a line
for each box: class, centre x, centre y, width, height as shares of the picture. Parts of a split
(train, val, test) are folders inside both, or around both; data.yaml has the classes' names.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from gobhir.lang import say
from gobhir.projects.detection.boxes import to_centres, to_corners
from gobhir.projects.settings import write

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
CLASSES = "classes.txt"
PARTS = {"train": "train", "val": "validation", "valid": "validation", "test": "test"}
"""What folders are called, and what we call them."""


@dataclass(frozen=True)
class Sample:
    """One picture: where it is, its (width, height), its boxes (n, 4) in pixels and their classes
    (n,), and the part of a split that it was put into ("": none)."""

    path: Path
    size: tuple[int, int]
    boxes: np.ndarray
    classes: np.ndarray
    part: str = ""


@dataclass(frozen=True)
class Boxed:
    """Pictures with boxes, in the order of their names; names: of the classes."""

    names: tuple[str, ...]
    samples: tuple[Sample, ...]


def read_boxed(folder: Path) -> Boxed:
    """A folder in any of the three layouts. FileNotFoundError, ValueError: it is none, and why."""
    if not folder.is_dir():
        raise FileNotFoundError(say("detection.data.folder", folder=folder))
    if roots(folder):
        return read_yolo(folder)
    annotations = sorted([*folder.glob("*.json"), *folder.glob("annotations/*.json")])
    if annotations:
        return read_coco(folder, annotations)
    if (folder / "Annotations").is_dir():
        return read_voc(folder)
    raise ValueError(say("detection.data.layout", folder=folder))


# -- YOLO ----------------------------------------------------------------------------------------


def read_yolo(folder: Path) -> Boxed:
    """images/ and labels/. A picture without a file of labels has no boxes; `lint` tells of it."""
    samples, most = [], -1
    for root, path in pictures_of(folder):
        size = size_of(path)
        rows = label_rows(label_of(root, path))
        scale = np.array([*size, *size], np.float32)
        classes = rows[:, 0].astype(np.int64)
        boxes = (to_corners(rows[:, 1:]) * scale).astype(np.float32)
        most = max(most, int(classes.max(initial=-1)))
        samples.append(Sample(path, size, boxes, classes, part_of(folder, path)))
    if not samples:
        raise ValueError(say("detection.data.empty", folder=folder / "images"))
    names = yaml_names(folder) or tuple(str(k) for k in range(max(1, most + 1)))
    if most >= len(names):
        said = {"folder": folder, "number": most, "names": ", ".join(names)}
        raise ValueError(say("detection.data.class", **said))
    return Boxed(names, tuple(samples))


def roots(folder: Path) -> list[Path]:
    """Where images/ and labels/ lie: in the folder itself, or in its train, val and test."""
    if (folder / "labels").is_dir():
        return [folder]
    return [folder / name for name in PARTS if (folder / name / "labels").is_dir()]


def pictures_of(folder: Path) -> Iterator[tuple[Path, Path]]:
    """All pictures of a YOLO folder, each with the folder that has its images/ and labels/."""
    for root in roots(folder):
        yield from ((root, path) for path in pictures(root / "images"))


def label_of(root: Path, picture: Path) -> Path:
    """Where a picture's labels are: the same way below labels/ as it is below images/."""
    return root / "labels" / picture.relative_to(root / "images").with_suffix(".txt")


def label_rows(path: Path) -> np.ndarray:
    """(n, 5) shares of a file of labels; none where there is no file. ValueError, with the line,
    for what is no box."""
    if not path.is_file():
        return np.zeros((0, 5), np.float32)
    rows = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = [float(word) for word in line.split()]
            fits = (
                len(row) == 5 and row[0] == int(row[0]) and row[0] >= 0 and np.isfinite(row).all()
            )
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            said = {"path": path, "number": number, "line": line[:60]}
            raise ValueError(say("detection.data.line", **said))
        rows.append(row)
    return np.array(rows, np.float32).reshape(-1, 5)


def _text(path: Path) -> str:
    """What stands in a file, also if Windows' editor wrote it. ValueError: it is no text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(say("detection.data.text", path=path)) from None


def yaml_names(folder: Path) -> tuple[str, ...]:
    """The classes' names in data.yaml (or classes.txt, a line each, also beside the labels, where
    LabelImg writes it); () where there is none."""
    import yaml

    for plain in (folder / CLASSES, folder / "labels" / CLASSES):
        if plain.is_file():
            lines = [line.strip() for line in _text(plain).splitlines()]
            return tuple(line for line in lines if line)
    for path in (folder / "data.yaml", folder / "data.yml"):
        if path.is_file():
            try:
                content = yaml.safe_load(_text(path))
                names = content["names"]
                listed = [names[k] for k in sorted(names)] if isinstance(names, dict) else names
                return tuple(str(name) for name in listed)
            except (yaml.YAMLError, KeyError, TypeError) as error:
                raise ValueError(say("detection.data.yaml", path=path, reason=error)) from None
    return ()


def write_yolo(boxed: Boxed, folder: Path) -> None:
    """Copy the pictures to images/, and write labels/ and data.yaml. FileExistsError where the
    folder has something in it already."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(say("detection.data.full", folder=folder))
    taken: set[Path] = set()
    for sample in boxed.samples:
        part = {"validation": "val"}.get(sample.part, sample.part)
        place = Path(part) / sample.path.name
        while place in taken:  # two folders had pictures of the same name
            place = place.with_stem(place.stem + "_")
        taken.add(place)
        scale = np.array([*sample.size, *sample.size], np.float64)
        shares = to_centres(sample.boxes.astype(np.float64)) / scale
        lines = [
            f"{kind} " + " ".join(f"{n:.6f}" for n in row) + "\n"
            for kind, row in zip(sample.classes, shares, strict=True)
        ]
        for kind in ("images", "labels"):
            (folder / kind / part).mkdir(parents=True, exist_ok=True)
        (folder / "labels" / place.with_suffix(".txt")).write_text("".join(lines), "utf-8")
        shutil.copyfile(sample.path, folder / "images" / place)
    known = {s.part for s in boxed.samples}
    content: dict[str, Any] = {"path": ".", "names": dict(enumerate(boxed.names))}
    for name, part in (("train", "train"), ("val", "validation"), ("test", "test")):
        if part in known:
            content[name] = f"images/{name}"
    write(folder / "data.yaml", json.dumps(content, ensure_ascii=False, indent=1) + "\n")


# -- COCO, Pascal VOC ----------------------------------------------------------------------------


def read_coco(folder: Path, files: list[Path]) -> Boxed:
    """COCO's JSON: images, annotations with bbox (x, y, width, height in pixels), categories. Boxes
    around crowds are left out. A file called train..., val... or test... is that part."""
    samples: list[Sample] = []
    categories: dict[int, str] = {}
    read = []
    for file in files:
        try:
            content = json.loads(_text(file))
            known = {int(c["id"]): str(c["name"]) for c in content["categories"]}
            read.append((file, content["images"], content["annotations"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(say("detection.data.coco", path=file, reason=repr(error))) from None
        categories |= known
    order = {number: k for k, number in enumerate(sorted(categories))}
    places = {path.name: path for path in pictures(folder)}
    for file, images, marked in read:
        part = next((PARTS[p] for p in PARTS if p in file.stem), "")
        try:
            entries = list(_coco_entries(images, marked, order))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(say("detection.data.coco", path=file, reason=repr(error))) from None
        for name, boxes, kinds in entries:
            path = folder / name
            path = path if path.is_file() else places.get(Path(name).name, path)
            if not path.is_file():
                raise FileNotFoundError(say("detection.data.picture", path=path, file=file))
            samples.append(Sample(path, size_of(path), boxes, kinds, part))
    names = tuple(categories[number] for number in sorted(categories))
    return Boxed(names, tuple(samples))


def _coco_entries(
    images: list[dict[str, Any]], marked: list[dict[str, Any]], order: dict[int, int]
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """A picture's name in COCO's JSON, its boxes (n, 4), their classes (n,)."""
    own: dict[Any, list[dict[str, Any]]] = {}
    for one in marked:
        if not one.get("iscrowd"):
            own.setdefault(one["image_id"], []).append(one)
    for image in images:
        here = own.get(image["id"], [])
        boxes = np.array([one["bbox"] for one in here], np.float32).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        kinds = np.array([order[one["category_id"]] for one in here], np.int64)
        yield image["file_name"], boxes, kinds


def read_voc(folder: Path) -> Boxed:
    """Pascal VOC: Annotations/*.xml and JPEGImages/; ImageSets/Main/{train,val,test}.txt are the
    parts. Its first pixel is number 1. Classes in the order of the alphabet."""
    found = []
    for file in sorted((folder / "Annotations").glob("*.xml")):
        try:
            tree = ElementTree.parse(file).getroot()
            corners = ("xmin", "ymin", "xmax", "ymax")
            rows = [
                (str(o.findtext("name")), [float(o.find("bndbox").findtext(c)) for c in corners])  # type: ignore[union-attr,arg-type]
                for o in tree.iter("object")
            ]
            name = tree.findtext("filename") or file.stem + ".jpg"
        except (ElementTree.ParseError, AttributeError, TypeError, ValueError) as error:
            raise ValueError(say("detection.data.voc", path=file, reason=repr(error))) from None
        path = folder / "JPEGImages" / name
        if not path.is_file():
            raise FileNotFoundError(say("detection.data.picture", path=path, file=file))
        found.append((path, rows))
    if not found:
        raise ValueError(say("detection.data.empty", folder=folder / "Annotations"))
    parts = _voc_parts(folder)
    names = tuple(sorted({name for _, rows in found for name, _ in rows}))
    samples = []
    for path, rows in found:
        boxes = np.array([box for _, box in rows], np.float32).reshape(-1, 4)
        boxes[:, :2] -= 1  # its corners are pixels, both inside; ours are edges
        kinds = np.array([names.index(name) for name, _ in rows], np.int64)
        samples.append(Sample(path, size_of(path), boxes, kinds, parts.get(path.stem, "")))
    return Boxed(names, tuple(samples))


def _voc_parts(folder: Path) -> dict[str, str]:
    parts: dict[str, str] = {}
    for name in ("train", "val", "test"):
        listed = folder / "ImageSets" / "Main" / f"{name}.txt"
        if listed.is_file():
            parts |= dict.fromkeys(listed.read_text(encoding="utf-8").split(), PARTS[name])
    return parts


# -- pictures ------------------------------------------------------------------------------------


def pictures(folder: Path) -> Iterator[Path]:
    """All pictures below a folder, in the order of their names."""
    yield from (p for p in sorted(folder.rglob("*")) if p.suffix.lower() in SUFFIXES)


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) of a picture as it is seen upright, without unpacking it. ValueError: it is
    none."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            wide, high = picture.size
            turned = picture.getexif().get(274, 1) >= 5
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(say("detection.data.unreadable", path=path, reason=error)) from None
    return (high, wide) if turned else (wide, high)


def part_of(folder: Path, path: Path) -> str:
    """The part of the split that a picture of a YOLO folder lies in."""
    first, second = path.relative_to(folder).parts[:2]
    return PARTS.get(second if first == "images" else first, "")
