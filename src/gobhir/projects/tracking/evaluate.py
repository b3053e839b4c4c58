"""How well the tracker follows people in the part of the video that it was not tuned on."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from gobhir.evaluation import Estimate, bootstrap
from gobhir.evaluation.report import blocks
from gobhir.lang import say, t
from gobhir.projects.results import Card, Data, Model, Results, Table, Words
from gobhir.projects.tracking.association import match, overlap
from gobhir.projects.tracking.data import Task, follow, task
from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.metrics import compare, tally
from gobhir.projects.tracking.settings import Settings
from gobhir.projects.tracking.tracker import Options
from gobhir.projects.tracking.train import kept

BLOCK = 30
"""Frames that are drawn together: mistakes of one moment come in one piece."""
NAMES = ("mota", "idf1", "precision", "recall")


def evaluate(settings: Settings, folder: Path) -> Results:
    """Measure the tuned tracker beside the one as it comes, and beside boxes that are joined where
    they overlap most, without any idea of motion; the page of results and the card go to the
    folder."""
    todo = task(settings, folder)
    part, start = todo.part("test"), time.process_time()
    found = {"tracking.tuned_one": follow(todo.seen, part, kept(folder), todo.looks)}
    speed = len(part) / max(time.process_time() - start, 1e-9)
    others = {
        "tracking.default_one": follow(todo.seen, part, None, todo.looks),
        "tracking.joined_one": joined(todo.seen, part),
    }
    truth = todo.true("test")
    models = [_model(name, truth, rows, settings) for name, rows in found.items()]
    baselines = [_model(name, truth, rows, settings) for name, rows in others.items()]
    results = Results(
        "tracking",
        say("tracking.title", data=Path(settings.data).name),
        models,
        baselines,
        "mota",
        about=say("tracking.about"),
        data=_origin(todo, settings),
        card=_card(settings),
        tables=[_counts(truth, {**found, **others}, settings)],
    )
    page = results.trained(settings).save(folder)
    print(t("projects.command.saved", path=page))
    print(t("tracking.speed", speed=f"{speed:.0f}"))
    return results


def joined(
    seen: Rows, part: range, least: float = Options.sure, gate: float = Options.gate
) -> Rows:
    """Tracks without any idea of motion: a box belongs to whose box it overlaps most in the frame
    before; who is not seen once is forgotten."""
    before, ids, names = np.empty((0, 4)), np.empty(0, np.int64), 0
    rows: list[tuple[float, ...]] = []
    for frame in part:
        now = seen.detections(frame)
        now = now[now.scores >= least]
        pairs = match(overlap(before, now.boxes), gate)
        new = np.empty(len(now), np.int64)
        new[pairs.columns] = ids[pairs.rows]
        new[pairs.free_columns] = names + 1 + np.arange(len(pairs.free_columns))
        names += len(pairs.free_columns)
        before, ids = now.boxes, new
        both = zip(ids.tolist(), now.boxes.tolist(), now.scores.tolist(), strict=True)
        rows += [(frame, who, *box, score) for who, box, score in both]
    return Rows.of(rows)


def intervals(truth: Rows, tracks: Rows, threshold: float) -> dict[str, Estimate]:
    """MOTA, IDF1, precision and recall, each with an interval from drawing pieces of 30 frames
    again. It tells how much hangs on these minutes, not how another camera would fare."""
    beside = compare(truth, tracks, threshold)
    n = len(beside.boxes)
    if n < 5 * BLOCK:
        values = beside.shares(np.ones((1, n)))[0].tolist()
        return {name: Estimate(v, n=n) for name, v in zip(NAMES, values, strict=True)}
    groups = blocks(n, BLOCK)
    found = bootstrap(beside.shares, n, groups=groups, method="percentile", resamples=1000)
    return dict(zip(NAMES, found, strict=True))


def _model(name: str, truth: Rows, tracks: Rows, settings: Settings) -> Model:
    return Model(say(name), intervals(truth, tracks, settings.overlap))
    # keys: tracking.tuned_one, tracking.default_one, tracking.joined_one


def _counts(truth: Rows, found: dict[str, Rows], settings: Settings) -> Table:
    """What is counted, not shared out."""
    rows = []
    for name, tracks in found.items():
        one = tally(compare(truth, tracks, settings.overlap))
        people = f"{one.mostly_tracked}/{one.people}"
        counts = [one.switches, one.fragmentations, one.misses, one.false_positives]
        rows.append(
            [say(name), *counts, people, "–" if math.isnan(one.motp) else f"{one.motp:.3f}"]
        )
    head: list[Words] = [
        say("tracking.table.tracker"),
        say("tracking.table.switches"),
        say("tracking.table.fragmentations"),
        say("tracking.table.misses"),
        say("tracking.table.false_positives"),
        say("tracking.table.mostly_tracked"),
        say("tracking.table.motp"),
    ]
    return Table(say("tracking.table.title"), head, rows, say("tracking.table.about"))


def _origin(todo: Task, settings: Settings) -> Data:
    parts = {name: len(todo.part(name)) for name in ("train", "test")}
    split = say("tracking.split", cut=todo.cut, frames=todo.frames)
    if todo.dataset is not None:
        return Data.of(todo.dataset.card, parts, split)
    return Data(Path(settings.data).name, "", "", "", parts, say("tracking.own"), split)


def _card(settings: Settings) -> Card:
    run = [
        f"gobhir project tracking train --data {settings.data}",
        "gobhir project tracking evaluate",
        "gobhir project tracking run VIDEO.mp4 --to tracks.txt --drawn tracks.mp4",
    ]
    limits: list[Words] = [
        say("tracking.card.one"),
        say("tracking.card.looks"),
        say("tracking.card.hidden"),
    ]
    said = say("tracking.card.model", detector=settings.detector)
    return Card(say("tracking.card.purpose"), [say("tracking.card.not_for")], limits, run, said)
