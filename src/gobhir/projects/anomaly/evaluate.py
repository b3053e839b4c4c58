"""Does the camera raise as few false alarms as was wished for, and does it tell what is unusual?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from gobhir.evaluation import Estimate
from gobhir.lang import say, t
from gobhir.projects.anomaly.auc import auc, to_all
from gobhir.projects.anomaly.data import PARTS, Task, background, task
from gobhir.projects.anomaly.footage import some_pairs
from gobhir.projects.anomaly.oneclass import one_class as experiment
from gobhir.projects.anomaly.run import marked
from gobhir.projects.anomaly.scorer import ONNX, Camera, all_smoothed, open_camera
from gobhir.projects.anomaly.settings import Settings
from gobhir.projects.anomaly.tail import Tail, alarms, poisson
from gobhir.projects.film import hidden
from gobhir.projects.learning import history_file
from gobhir.projects.parts import Chart, Picture, Series, Words, png
from gobhir.projects.results import Card, Data, Model, Results, Table
from gobhir.projects.settings import of_training
from gobhir.training.logs import read_log

Scores = Callable[[np.ndarray], np.ndarray]
"""Frames (n, height, width) as the network sees them -> (n - 1,), not smoothed."""
WISHES = (0.1, 1.0, 10.0, 60.0)
SHOWN, POINTS = 4, 500


@dataclass(frozen=True)
class Method:
    """One way to score, with the threshold that the calibration footage gives it."""

    name: Words
    score: Scores
    tail: Tail


def evaluate(
    settings: Settings, folder: Path, *, one_class: Annotated[bool, "anomaly.told_apart"] = False
) -> Results:
    """Count the false alarms on normal footage that neither the network nor the threshold has seen,
    and, where there is labelled footage, measure the frame-level AUC. one_class: also tell each
    class of Fashion-MNIST from the others. The page of results and the card go to the folder."""
    path = of_training(folder / ONNX)
    todo, camera = task(settings), open_camera(path)
    own = Method(say("anomaly.autoencoder"), once(camera.scores), camera.watch.tail)
    others = [fitted(name, score, todo, settings) for name, score in simple(todo).items()]
    models = [Model(m.name, numbers(m, todo, settings)) for m in [own, *others]]
    tables = [calibration(own, todo, settings)]
    if todo.test:
        tables.append(_clips([own, *others], todo, settings))
    if one_class:
        tables.append(experiment(settings))
    results = Results(
        "anomaly",
        say("anomaly.title", data=Path(hidden(settings.data)).name),
        models[:1],
        models[1:],
        "auc" if todo.test else "false_alarms",
        about=say("anomaly.about"),
        tables=tables,
        charts=[_over_time(own, todo, settings)],
        pictures=_pictures(own, camera, todo),
        data=_origin(todo, settings),
        card=_card(settings),
    )
    log = read_log(history_file(folder))
    results.models[0].seconds = sum(row["seconds"] for row in log)
    page = results.trained(settings, log).save(folder)
    print(t("projects.command.saved", path=page))
    return results


def simple(todo: Task) -> dict[str, Scores]:
    """Scores to beat: how much moves, and how far the picture is from the empty scene."""
    empty = background(todo.learn).numpy()

    def mean(difference: Callable[[np.ndarray], np.ndarray]) -> Scores:
        return lambda greys: np.concatenate(
            [np.abs(difference(both)).mean((1, 2)).astype(float) for both in some_pairs(greys)]
        )

    return {
        "anomaly.motion": mean(lambda both: both[:, 0] - both[:, 1]),
        "anomaly.distance": mean(lambda both: both[:, 0] - empty),
    }


def once(score: Scores) -> Scores:
    """Each piece of footage is looked at once, however often its scores are asked for."""
    known: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # with the piece, so that its id stays its

    def asked(greys: np.ndarray) -> np.ndarray:
        if id(greys) not in known:
            known[id(greys)] = greys, score(greys)
        return known[id(greys)][1]

    return asked


def fitted(name: str, score: Scores, todo: Task, settings: Settings) -> Method:
    """A method whose threshold is set as the network's is."""
    rows = all_smoothed([score(piece) for piece in todo.calibrate], settings.window)
    return Method(say(name), once(score), Tail.fit(rows, settings.rate, settings.quiet))
    # keys: anomaly.motion, anomaly.distance


def numbers(method: Method, todo: Task, settings: Settings) -> dict[str, Estimate]:
    """False alarms an hour on unseen normal footage, and the AUC where there are labels."""
    rows = all_smoothed([method.score(piece) for piece in todo.check], settings.window)
    wished = method.tail.threshold(settings.alarms)
    count = sum(len(alarms(row, wished, settings.quiet)) for row in rows)
    found = {"false_alarms": poisson(count, hours(rows, settings), sum(map(len, rows)))}
    if todo.test:
        scores, unusual, clip = labelled(method, todo, settings)
        found["auc"] = auc(scores, unusual, clip)
    return found


def hours(rows: list[np.ndarray], settings: Settings) -> float:
    """How long so many scores last."""
    return sum(map(len, rows)) / settings.rate / 3600


def labelled(
    method: Method, todo: Task, settings: Settings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each frame of the test: its score, whether it is unusual, the number of its clip. The
    scores are as they come: not stretched from 0 to 1 clip by clip, which needs the whole clip and
    makes AUCs look better."""
    parts: list[tuple[np.ndarray, ...]] = []
    for k, one in enumerate(todo.test):
        (row,) = all_smoothed([method.score(one.greys)], settings.window)
        assert one.clip.labels is not None
        every = to_all(row, one.numbers, one.frames)
        parts.append((every, one.clip.labels, np.full(one.frames, k)))
    scores, unusual, clip = (np.concatenate(column) for column in zip(*parts, strict=True))
    if unusual.all() or not unusual.any():
        raise ValueError(say("anomaly.bad.one_kind", frames=len(unusual)))
    return scores, unusual, clip


def calibration(method: Method, todo: Task, settings: Settings) -> Table:
    """What was promised, and what came, for several numbers of false alarms an hour."""
    rows_ = all_smoothed([method.score(piece) for piece in todo.check], settings.window)
    lasted = hours(rows_, settings)
    rows: list[list[Any]] = []
    for wished in sorted({*WISHES, settings.alarms}):
        score = method.tail.threshold(wished)
        count = sum(len(alarms(row, score, settings.quiet)) for row in rows_)
        expected = method.tail.per_hour(score) * lasted
        rows.append(
            [f"{wished:g}", f"{score:.3f}", f"{expected:.2f}", count, poisson(count, lasted)]
        )
    head: list[Words] = [
        say("anomaly.table.wished"),
        say("anomaly.table.threshold"),
        say("anomaly.table.expected"),
        say("anomaly.table.counted"),
        say("anomaly.table.per_hour"),
    ]
    about = say("anomaly.table.about", minutes=f"{lasted * 60:.1f}")
    return Table(say("anomaly.table.title"), head, rows, about)


def _clips(methods: list[Method], todo: Task, settings: Settings) -> Table:
    """The AUC within each clip that has both kinds of frames, and its mean."""
    found = [labelled(method, todo, settings) for method in methods]
    rows: list[list[Any]] = []
    for k, one in enumerate(todo.test):
        labels = one.clip.labels
        if labels is None or labels.all() or not labels.any():
            continue
        inside = [(s[clip == k], u[clip == k]) for s, u, clip in found]
        values = [auc(s, u, np.zeros(len(u))).value for s, u in inside]
        rows.append([one.clip.name, *values])
    if rows:
        means = np.mean([row[1:] for row in rows], 0).tolist()
        rows.append([say("anomaly.clips.mean"), *means])
    head: list[Words] = [say("anomaly.clips.clip"), *(m.name for m in methods)]
    return Table(say("anomaly.clips.title"), head, rows, say("anomaly.clips.about"))


def _over_time(method: Method, todo: Task, settings: Settings) -> Chart:
    """The score on the unseen normal footage, and the threshold."""
    rows = all_smoothed([method.score(piece) for piece in todo.check], settings.window)
    scores = np.concatenate(rows)
    some = np.unique(np.linspace(0, len(scores) - 1, POINTS).round().astype(int))
    seconds = (some / settings.rate).tolist()
    wished = method.tail.threshold(settings.alarms)
    lines = [
        Series(method.name, seconds, np.round(scores[some], 4).tolist()),
        Series(say("anomaly.table.threshold"), [seconds[0], seconds[-1]], [wished, wished]),
    ]
    about = say("anomaly.chart.about")
    return Chart(say("anomaly.chart.title"), lines, say("anomaly.chart.seconds"), about)


def _pictures(own: Method, camera: Camera, todo: Task) -> list[Picture]:
    """The frames of the check, or of the labelled test, that are most unusual, with the squares
    that make them so."""
    pieces = [one.greys for one in todo.test] or todo.check
    best = max(pieces, key=lambda piece: float(own.score(piece).max()))
    scores = own.score(best)
    found: list[Picture] = []
    taken: list[int] = []
    for k in np.argsort(-scores):
        if len(found) < SHOWN and all(abs(k - other) > camera.watch.window for other in taken):
            taken.append(int(k))
            squares = camera.squares(best[k : k + 2])[0]
            shown = np.repeat(best[k + 1][..., None], 3, 2)
            title = say("anomaly.picture.title", score=f"{scores[k]:.2f}")
            found.append(Picture(title, png(marked(shown, squares))))
    return found


def _origin(todo: Task, settings: Settings) -> Data:
    parts = {shown: todo.count(name) for name, shown in PARTS.items()}
    if todo.test:
        parts["test"] = sum(one.frames for one in todo.test)
    split = say("anomaly.split", rate=f"{settings.rate:g}")
    if todo.dataset is not None:
        return Data.of(todo.dataset.card, parts, split)
    return Data(Path(hidden(settings.data)).name, "", "", "", parts, say("anomaly.own"), split)


def _card(settings: Settings) -> Card:
    run = [
        f"gobhir project anomaly train --data {hidden(settings.data)} --alarms {settings.alarms:g}",
        "gobhir project anomaly evaluate --one-class",
        "gobhir project anomaly run VIDEO.mp4 --to out",
    ]
    limits: list[Words] = [
        say("anomaly.card.light"),
        say("anomaly.card.moved"),
        say("anomaly.card.little"),
        say("anomaly.card.rare"),
    ]
    not_for: list[Words] = [say("anomaly.card.not_guilt"), say("anomaly.card.not_alone")]
    said = say("anomaly.card.model", side=settings.side, code=settings.code)
    return Card(say("anomaly.card.purpose"), not_for, limits, run, said)
