"""How good the detector is on pictures that it has never seen; with five folds, on all of them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np

from gobhir.datasets import read_picture
from gobhir.evaluation import Estimate, bootstrap
from gobhir.lang import say, t
from gobhir.projects.detection.average_precision import (
    AveragePrecision,
    average_precision,
    matched,
)
from gobhir.projects.detection.backbone import backbone
from gobhir.projects.detection.boxes import Detections, iou, resized
from gobhir.projects.detection.data import Task, task
from gobhir.projects.detection.draw import drawn
from gobhir.projects.detection.looks import LEAST, Looks
from gobhir.projects.detection.network import Network
from gobhir.projects.detection.onnx import Detector, open_detector
from gobhir.projects.detection.settings import FOLDS, Settings
from gobhir.projects.detection.train import ONNX, SHEET, train
from gobhir.projects.learning import history_file
from gobhir.projects.parts import Chart, Picture, Series, Words, png
from gobhir.projects.results import Card, Data, Model, Results, Table
from gobhir.projects.settings import of_training
from gobhir.training.logs import read_log

OVERLAP = 0.6
OTHER = "pedestrian_ssdlite"
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""Of so many runs, how many standard errors a 95 % interval reaches to each side."""


@dataclass(frozen=True)
class Seen:
    """What was found in some test pictures, and what is there; own: by the network that had not
    seen them; twice: by the same, when it looks twice."""

    rows: np.ndarray
    own: list[Detections]
    twice: list[Detections]
    truth: list[Detections]

    @classmethod
    def joined(cls, parts: Sequence[Seen]) -> Self:
        """All of several."""
        rows = np.concatenate([part.rows for part in parts])
        return cls(
            rows,
            *(
                [one for part in parts for one in getattr(part, name)]
                for name in ("own", "twice", "truth")
            ),
        )

    def measured(self, found: list[Detections]) -> AveragePrecision:
        return average_precision(found, self.truth)


def evaluate(
    settings: Settings, folder: Path, *, folds: Annotated[bool, "detection.folds"] = False
) -> Results:
    """Measure what was trained on its test pictures; the page of results and the model card go to
    the folder. folds: also train on the four other divisions, each with a seed of its own, in
    folders `fold-*`, and measure all pictures, each by the network that has not seen it."""
    of_training(folder / ONNX)
    runs = [(settings, folder)]
    if folds:
        todo = task(settings)
        if not todo.folds:
            raise ValueError(say("detection.bad.folds", data=settings.data))
        for k in (k for k in range(FOLDS) if k != settings.fold):
            other = replace(settings, fold=k, seed=settings.seed + k - settings.fold)
            runs.append((other, folder / f"fold-{k}"))
            train(*runs[-1], resume=True)
    parts = [_seen(own, place) for own, place in runs]
    seen = Seen.joined(parts)
    rows, own, truth = seen.rows, seen.own, seen.truth
    todo = task(settings)
    whole = seen.measured(own)
    detector = open_detector(folder / ONNX, threads=1)
    places = simple(todo, rows)
    beside = _beside(todo, rows)
    simple_ap = average_precision(places, truth)
    names = todo.boxed.names
    results = Results(
        "detection",
        say("detection.title", data=Path(settings.data).name),
        [
            Model(_name(settings, todo), numbers(whole)),
            Model(say("detection.looked_twice"), numbers(seen.measured(seen.twice))),
            *(
                [Model(OTHER, numbers(average_precision(beside, truth)))]
                if beside is not None
                else []
            ),
        ],
        [Model(say("detection.places"), numbers(simple_ap))],
        "ap50",
        about=say("detection.about"),
        gains=[_gain(whole, simple_ap)],
        charts=[_curves(own, beside, truth)],
        tables=[
            *([_folds(runs, parts)] if folds else []),
            *([_classes(names, whole)] if len(names) > 1 else []),
            _operating(own, truth),
            _speed(detector, todo, rows),
        ],
        pictures=_pictures(todo, rows, own, truth, folder),
        data=_origin(todo, settings, folds),
        card=_card(settings, todo),
    )
    log = read_log(history_file(folder))
    results.models[0].seconds = sum(row["seconds"] for row in log)
    page = results.trained(settings, log).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def _seen(settings: Settings, folder: Path) -> Seen:
    """What the network in the folder finds in its test pictures."""
    todo = task(settings)
    detector = open_detector(folder / ONNX, threshold=LEAST, overlap=OVERLAP)
    pixels = [read_picture(todo.boxed.samples[k].path) for k in todo.test]
    own, twice = ([look(one) for one in pixels] for look in (detector, Looks(detector, 0.0)))
    return Seen(todo.test, own, twice, todo.truth(todo.test))


def numbers(found: AveragePrecision) -> dict[str, Estimate]:
    """AP50, AP75 and AP, each with its interval over pictures."""
    each = found.estimates()
    at = [found.thresholds.index(level) for level in (0.5, 0.75)]
    return {"ap50": each[at[0]], "ap75": each[at[1]], "ap": each[-1]}


def _gain(one: AveragePrecision, other: AveragePrecision) -> Estimate:
    """How much more AP50 on the same pictures."""

    def more(weights: np.ndarray) -> np.ndarray:
        return one.measured(weights)[:, 0] - other.measured(weights)[:, 0]

    (found,) = bootstrap(more, len(one.matches[0].true), resamples=1000)
    return found


def simple(todo: Task, rows: np.ndarray, most: int = 20) -> list[Detections]:
    """Without looking: of the boxes that were learned from, as shares of their pictures, those that
    most others are like (IoU of at least 0.5), in every picture the same."""
    known = [todo.boxed.samples[k] for k in todo.train]
    shares = [s.boxes / np.array([*s.size, *s.size]) for s in known]
    boxes = np.concatenate(shares)[:4000]
    kinds = np.concatenate([s.classes for s in known])[:4000]
    alike = (iou(boxes, boxes) >= 0.5) & (kinds[:, None] == kinds[None])
    chosen: list[int] = []
    scores: list[float] = []
    free = np.ones(len(boxes), bool)
    while free.any() and len(chosen) < most:
        count = (alike & free[None]).sum(1) * free
        best = int(count.argmax())
        chosen.append(best)
        scores.append(count[best] / len(boxes))
        free &= ~alike[best]
    out = []
    for k in rows:
        scale = np.array([*todo.boxed.samples[k].size] * 2)
        out.append(Detections.of(boxes[chosen] * scale, scores, kinds[chosen]))
    return out


def _beside(todo: Task, rows: np.ndarray) -> list[Detections] | None:
    """What the detector of the catalogue finds, which others trained on other pictures of people;
    only where our own pictures are asked about."""
    if todo.dataset is None:
        return None
    detector = open_detector(OTHER, threshold=LEAST)
    return [detector(read_picture(todo.boxed.samples[k].path)) for k in rows]


def over_runs(values: Sequence[float]) -> Estimate:
    """The mean share of several trainings, and Student's interval for it."""
    mean = float(np.mean(values))
    if len(values) not in STUDENT:
        return Estimate(mean, n=len(values))
    half = STUDENT[len(values)] * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    low, high = max(0.0, mean - half), min(1.0, mean + half)  # there is no share beyond
    return Estimate(mean, low, high, len(values), method="student")


# -- the page ------------------------------------------------------------------------------------


def _folds(runs: list[tuple[Settings, Path]], parts: list[Seen]) -> Table:
    each = [
        {
            **numbers(part.measured(part.own)),
            **{f"twice_{key}": n for key, n in numbers(part.measured(part.twice)).items()},
        }
        for part in parts
    ]
    rows: list[list[Any]] = []
    for (own, _), part, found in zip(runs, parts, each, strict=True):
        name = say("detection.table.fold", fold=own.fold, seed=own.seed, pictures=len(part.rows))
        rows.append([name, *found.values()])
    means = [over_runs([found[key].value for found in each]) for key in each[0]]
    rows.append([say("detection.table.mean"), *means])
    names = ("AP50", "AP75", "AP")
    head: list[Words] = [say("detection.table.run"), *names]
    head += [say("detection.table.twice", name=name) for name in names]
    return Table(
        say("detection.table.folds"), head, rows, say("detection.table.about_folds"), "ap50"
    )


def _classes(names: Sequence[str], whole: AveragePrecision) -> Table:
    rows: list[list[Any]] = []
    at = [whole.thresholds.index(level) for level in (0.5, 0.75)]
    for column, kind in enumerate(whole.classes):
        count = int(whole.matches[column].true.sum())
        values = [float(whole.table[k, column]) for k in at]
        mean = float(whole.table[:, column].mean())
        rows.append([names[kind], count, *values, mean])
    head: list[Words] = [
        say("detection.table.class"),
        say("detection.table.boxes"),
        "AP50",
        "AP75",
        "AP",
    ]
    return Table(say("detection.table.classes"), head, rows)


def _operating(own: list[Detections], truth: list[Detections]) -> Table:
    """What one gets at thresholds of the score that one might choose."""
    rows: list[list[Any]] = []
    total = max(1, sum(len(one) for one in truth))
    kinds = sorted({int(k) for one in truth for k in one.classes})
    every = [matched(own, truth, (0.5,), kind) for kind in kinds]
    for level in (0.1, 0.3, 0.5, 0.7):
        given = sum(int((m.scores >= level).sum()) for m in every)
        right = sum(int(m.right[0][m.scores >= level].sum()) for m in every)
        precision, recall = right / max(1, given), right / total
        wrong = (given - right) / len(truth)
        rows.append([f"{level}", precision, recall, wrong])
    head: list[Words] = [
        say("detection.table.threshold"),
        say("detection.table.precision"),
        say("detection.table.recall"),
        say("detection.table.alarms"),
    ]
    return Table(say("detection.table.operating"), head, rows, say("detection.table.about_iou"))


def _speed(detector: Detector, todo: Task, rows: np.ndarray) -> Table:
    """Milliseconds of one thread for one picture, all in all."""
    some = [read_picture(todo.boxed.samples[k].path) for k in rows[:10]]
    for pixels in some[:2]:
        detector(pixels)
    before = time.process_time()
    for pixels in some:
        detector(pixels)
    each = 1000 * (time.process_time() - before) / len(some)
    head: list[Words] = [say("detection.table.what"), say("detection.table.milliseconds")]
    name = say("detection.table.onnx", size=detector.size[0])
    return Table(say("detection.table.speed"), head, [[name, each]])


def _curves(
    own: list[Detections], beside: list[Detections] | None, truth: list[Detections]
) -> Chart:
    """Precision against recall, of the first class."""
    lines = []
    kind = min((int(k) for one in truth for k in one.classes), default=0)
    drawn_: list[tuple[Words, list[Detections], float]] = [
        (say("detection.chart.own", level=0.5), own, 0.5),
        (say("detection.chart.own", level=0.75), own, 0.75),
    ]
    if beside is not None:
        drawn_.append((say("detection.chart.other", name=OTHER, level=0.5), beside, 0.5))
    for name, found, level in drawn_:
        recall, precision = matched(found, truth, (level,), kind).curve()
        kept = np.unique(np.linspace(0, max(0, len(recall) - 1), 150).round().astype(int))
        kept = kept[: len(recall)]
        x, y = (np.round(values[kept], 4).tolist() for values in (recall, precision))
        lines.append(Series(name, x, y))
    title, along = say("detection.chart.curve"), say("detection.table.recall")
    return Chart(title, lines, along, say("detection.chart.about"))


def _pictures(
    todo: Task, rows: np.ndarray, own: list[Detections], truth: list[Detections], folder: Path
) -> list[Picture]:
    """Some test pictures, those with the most mistakes, and what it learned from."""
    wrong = []
    for found, there in zip(own, truth, strict=True):
        sure = found[found.scores >= 0.3]
        one = average_precision([sure], [there], (0.5,)) if len(there) else None
        missed = 1.0 if one is None else 1 - one.at(0.5)
        wrong.append(missed if len(there) else float(len(sure)))
    worst = np.argsort(-np.array(wrong), kind="stable")[:6]
    found_ = []
    for which, key in ((range(min(6, len(rows))), "some"), (worst, "worst")):
        tiles = []
        for k in which:
            pixels = read_picture(todo.boxed.samples[rows[k]].path)
            shown = drawn(pixels, own[k][own[k].scores >= 0.3], todo.boxed.names, truth[k])
            tiles.append(_square(shown, 320))
        sheet = np.concatenate(
            [np.concatenate(tiles[n : n + 3], 1) for n in range(0, len(tiles) // 3 * 3, 3)]
            if len(tiles) >= 3
            else tiles
        )
        title = say(f"detection.picture.{key}")  # keys: detection.picture.*
        found_.append(Picture(title, png(sheet), say("detection.picture.about")))
    batch = folder / SHEET.format("mosaic")
    if batch.is_file():
        title = say("detection.picture.batch")
        found_.append(Picture(title, batch.read_bytes(), say("detection.picture.about_batch")))
    return found_


def _square(pixels: np.ndarray, side: int) -> np.ndarray:
    """The picture in a square of white."""
    scale = side / max(pixels.shape[:2])
    high, wide = (max(1, round(n * scale)) for n in pixels.shape[:2])
    out = np.full((side, side, 3), 255, np.uint8)
    out[:high, :wide] = resized(pixels, wide, high)
    return out


def _name(settings: Settings, todo: Task) -> Words:
    key = "own_pretrained" if settings.pretrained else "own"
    return say(f"detection.{key}", parameters=_parameters(settings, todo))
    # keys: detection.own, detection.own_pretrained


def _parameters(settings: Settings, todo: Task) -> str:
    model = Network(len(todo.boxed.names), backbone(settings.backbone))
    return f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f}"


def _origin(todo: Task, settings: Settings, folds: bool) -> Data:
    parts = {"train": len(todo.train), "test": len(todo.test)}
    key = "folds" if folds else "fold" if todo.folds else "own"
    split = say(f"detection.split.{key}", fold=settings.fold)  # keys: detection.split.*
    if todo.dataset is not None:
        return Data.of(todo.dataset.card, parts, split)
    return Data(Path(settings.data).name, "", "", "", parts, say("detection.own_data"), split)


def _card(settings: Settings, todo: Task) -> Card:
    run = [
        f"gobhir project detection train --data {settings.data} --size {settings.size}"
        f" --backbone {settings.backbone}",
        "gobhir project detection evaluate",
        "gobhir project detection run PICTURE.jpg FILM.mp4 --to found",
    ]
    key = "pretrained" if settings.pretrained else "model"
    told = {"size": settings.size, "parameters": _parameters(settings, todo)}
    said = say(
        f"detection.card.{key}", **told
    )  # keys: detection.card.model, detection.card.pretrained
    limits: list[Words] = [say("detection.card.small"), say("detection.card.elsewhere")]
    return Card(say("detection.card.purpose"), [say("detection.card.not_for")], limits, run, said)
