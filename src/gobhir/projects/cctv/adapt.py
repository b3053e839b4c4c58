"""`gobhir cctv adapt`: a detector of ours goes on learning on the user's own camera.

    frames -> labels, corrected (draft.py) -> training -> measured on later frames -> cctv.toml

How good it then is there says nothing of any other camera: it is called adapted wherever its
numbers are shown. Only here, among what belongs to cctv, PyTorch is needed.
"""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gobhir.datasets import read_picture
from gobhir.evaluation import Estimate, bootstrap
from gobhir.lang import say, t
from gobhir.projects import Project
from gobhir.projects.cctv import config, rewriting
from gobhir.projects.cctv.draft import corrected, labelled, now_and_then
from gobhir.projects.cctv.process import look_of
from gobhir.projects.detection.average_precision import AveragePrecision, average_precision
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.detection.data import Batches, Task, task
from gobhir.projects.detection.formats import Boxed, read_boxed, write_yolo
from gobhir.projects.detection.losses import DetectionLoss
from gobhir.projects.detection.settings import Settings
from gobhir.projects.detection.train import ONNX, network
from gobhir.projects.film import frames, hidden
from gobhir.projects.learning import history_file, model_file
from gobhir.projects.parts import Card, Data, Model, Words
from gobhir.projects.results import Results
from gobhir.projects.settings import setting, write
from gobhir.training.logs import read_log

SURE = 0.4
"""What the present detector is less sure of is not drafted: a box is sooner drawn than missed."""
LEAST = 0.01
"""For average precision also what is hardly sure counts."""
BLOCKS = 10
"""Frames that follow one another are alike: intervals are over so many stretches of time."""
STEPS = 3
"""So many training steps are timed, to know how many there is time for."""


@dataclass(frozen=True)
class Plan:
    """How the frames are chosen and how long it learns."""

    minutes: float = setting(2.0, "cctv.adapt.minutes", low=0.001, high=10000)
    share: float = setting(0.7, "cctv.adapt.share", low=0.1, high=0.9)
    size: int = setting(416, "detection.setting.size", low=64, high=1280)
    every: float = setting(2.0, "cctv.adapt.every", low=0, high=86400)
    count: int = setting(200, "cctv.adapt.count", low=4, high=100000)
    seed: int = setting(0, "projects.setting.seed", low=0, high=2**31 - 1)


def place_of(folder: Path, name: str) -> Path:
    """Where all lies that belongs to adapting to this camera."""
    return folder / "adapted" / name


def of_name(folder: Path, name: str) -> tuple[config.Looking, config.Camera]:
    """The camera of that name in the folder's cctv.toml, and its detector."""
    system = config.load(folder)
    (camera,) = (one for one in system.cameras if one.name == name)
    return system.looking(camera), camera


def draft(folder: Path, name: str, labels: Path, plan: Plan) -> int:
    """Write frames of the camera, with what its present detector sees in them, into the folder
    `labels`; gives how many. OSError, ValueError: the camera gives none, or nobody is there."""
    own, camera = of_name(folder, name)
    look = look_of(replace(own, score=max(own.score, SURE)))
    shown = now_and_then(frames(camera.source), plan.every, plan.count)
    return labelled(shown, lambda one: look.everywhere(one.pixels), labels, own.person, draft=True)


def adapt(folder: Path, name: str, labels: Path, start: Path, plan: Plan | None = None) -> Results:
    """Let the detector in `start`, a folder of the project detection, learn from the labelled
    frames, measure it and the present one on later frames, and give it to the camera in
    cctv.toml, if it finds more there.

    ValueError where the labels are a draft that nobody corrected, are too few, or know no people;
    FileNotFoundError where nothing was trained in `start`.
    """
    plan, place = plan or Plan(), place_of(folder, name)
    looking, camera = of_name(folder, name)
    changed = corrected(labels)
    if changed is not None and not changed[0]:
        raise ValueError(say("cctv.adapt.uncorrected", folder=labels))
    if not model_file(start).is_file():
        raise FileNotFoundError(say("cctv.adapt.start", folder=start))
    boxed = divided(read_boxed(labels), labels, looking.person, plan.share)
    kind = Settings.load(start).backbone
    usual = {"size": plan.size, "seed": plan.seed, "start": str(start), "backbone": kind}
    project, data = Project("detection"), place / "data"
    shutil.rmtree(data, ignore_errors=True)
    write_yolo(boxed, data)
    settings = Settings(data=str(data), lr=0.001, **usual)  # type: ignore[arg-type]
    settings = replace(settings, epochs=epochs_in(settings, 60 * plan.minutes))
    todo = task(settings)
    present: Words = say("cctv.adapt.present", model=Path(looking.model).name)
    before = [(present, looking)]
    if (start / ONNX).is_file():
        unadapted = replace(looking, model=str(start / ONNX), tile=0, adapted=False)
        before.append((say("cctv.adapt.begun"), unadapted))
    measured = [(name, found_by(own, todo)) for name, own in before]
    training, ready = place / "training", place / "detector.onnx"
    project.train(settings, training)
    own = replace(looking, model=str((training / ONNX).resolve()), tile=0, adapted=True)
    results = compared(camera, todo, found_by(own, todo), measured)
    results.data = _origin(labels, todo, changed)
    results.card = _card(camera, plan)
    log = read_log(history_file(training))
    results.models[0].seconds = sum(row["seconds"] for row in log)
    page = results.trained(settings, log).save(place)
    print(results)
    print(t("projects.command.saved", path=page))
    if results.gains[0].value <= 0:
        print(t("cctv.adapt.kept"))
        return results
    write(ready, (training / ONNX).read_bytes())
    own = replace(own, model=str(ready.resolve()))
    now = config.load(folder)  # somebody may have changed it meanwhile
    cameras = (replace(c, detector=own) if c.name == name else c for c in now.cameras)
    rewriting.save(config.replace_cameras(now, tuple(cameras)), folder)
    print(t("cctv.adapt.written", path=folder / config.FILE, camera=name))
    return results


def divided(boxed: Boxed, folder: Path, person: str, share: float) -> Boxed:
    """The people alone, and divided in time, by the names of the pictures: the first ones (a share
    of them) are learned from, the later ones held back. A folder's own parts stay. ValueError where
    it has several classes, none of them called `person`."""
    if len(boxed.names) > 1 and person not in boxed.names:
        said = {"model": folder, "name": person, "known": ", ".join(boxed.names[:20])}
        raise ValueError(say("cctv.config.no_person", **said))
    kind = boxed.names.index(person) if len(boxed.names) > 1 else 0
    samples = sorted(boxed.samples, key=lambda one: _in_time(one.path.name))
    own = {sample.part for sample in samples} & {"test", "validation"}
    cut, found = round(share * len(samples)), []
    for number, one in enumerate(samples):
        mine = one.classes == kind
        part = one.part if own else "train" if number < cut else "test"
        kinds = np.zeros(int(mine.sum()), np.int64)
        found.append(replace(one, boxes=one.boxes[mine], classes=kinds, part=part))
    return Boxed((person,), tuple(found))


def _in_time(name: str) -> list[tuple[int, str]]:
    """So that frame-9 comes before frame-10."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def epochs_in(settings: Settings, seconds: float) -> int:
    """How many epochs fit into that time, at least one: a few steps are timed."""
    todo = task(settings)
    model, data = network(settings, todo).train(), Batches(todo, settings)
    loss, began = DetectionLoss(settings.size), 0.0
    for step in range(1 + STEPS):
        began = began or (time.perf_counter() if step else 0.0)  # the first one warms up
        x, y = next(iter(data))
        loss(model(x), y).backward()
    each = (time.perf_counter() - began) / STEPS
    return max(1, int(seconds / (each * len(data))))


# -- measuring -----------------------------------------------------------------------------------


def found_by(looking: config.Looking, todo: Task) -> list[Detections]:
    """What a detector finds in the frames that are held back, as the camera would use it."""
    look = look_of(replace(looking, score=LEAST))
    samples = [todo.boxed.samples[k] for k in todo.test]
    found = [look.everywhere(read_picture(one.path)) for one in samples]
    return [Detections.of(one.boxes, one.scores) for one in found]


def compared(
    camera: config.Camera,
    todo: Task,
    own: list[Detections],
    before: list[tuple[Words, list[Detections]]],
) -> Results:
    """The adapted detector beside those of before, on the same frames."""
    truth = todo.truth(todo.test)
    one = average_precision(own, truth, (0.5, 0.75))
    others = [(name, average_precision(found, truth, (0.5, 0.75))) for name, found in before]
    return Results(
        "cctv",
        say("cctv.adapt.title", camera=camera.name),
        [Model(say("cctv.adapt.own", camera=camera.name), _numbers(one))],
        [Model(name, _numbers(other)) for name, other in others],
        "ap50",
        about=say("cctv.adapt.about"),
        gains=[_gain(one, other) for _, other in others],
    )


def _stretches(found: AveragePrecision) -> np.ndarray:
    """Which stretch of time each frame belongs to."""
    count = len(found.matches[0].true)
    return np.arange(count) * BLOCKS // count if count > BLOCKS else np.arange(count)


def _numbers(found: AveragePrecision) -> dict[str, Estimate]:
    groups = _stretches(found)
    each = bootstrap(found.measured, len(groups), groups=groups, resamples=1000)
    return {"ap50": each[0], "ap75": each[1]}


def _gain(one: AveragePrecision, other: AveragePrecision) -> Estimate:
    def more(weights: np.ndarray) -> np.ndarray:
        return one.measured(weights)[:, 0] - other.measured(weights)[:, 0]

    groups = _stretches(one)
    (found,) = bootstrap(more, len(groups), groups=groups, resamples=1000)
    return found


def _origin(labels: Path, todo: Task, changed: tuple[int, int] | None) -> Data:
    parts = {"train": len(todo.train), "test": len(todo.test)}
    note: Words = ""
    if changed is not None:
        note = say("cctv.adapt.drafted", corrected=changed[0], count=changed[1])
    split = say("cctv.adapt.split")
    return Data(labels.name, "", "", "", parts, say("detection.own_data"), split, note)


def _card(camera: config.Camera, plan: Plan) -> Card:
    run = [
        f"gobhir cctv adapt {camera.name} --minutes {plan.minutes:g}",
        f"gobhir cctv run {hidden(camera.source)}",
    ]
    limits: list[Words] = [say("cctv.adapt.elsewhere"), say("cctv.adapt.alike")]
    return Card(say("cctv.adapt.purpose"), [say("detection.card.not_for")], limits, run)
