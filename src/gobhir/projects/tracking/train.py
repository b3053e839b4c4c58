"""Tuning the tracker to a camera, on the first part of an annotated video."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from gobhir.lang import say, t
from gobhir.projects.keeping import typed
from gobhir.projects.settings import write
from gobhir.projects.tracking.data import follow, task
from gobhir.projects.tracking.metrics import measure
from gobhir.projects.tracking.settings import Settings
from gobhir.projects.tracking.tracker import Options
from gobhir.projects.tracking.tune import tuned

TRACKER, TRIALS = "tracker.json", "trials.csv"


def train(settings: Settings, folder: Path) -> Options:
    """Find the thresholds that fit; they go to `tracker.json`, all that was tried to `trials.csv`.
    With 0 trials they stay as they come, and no annotated video is needed."""
    options = Options()
    if settings.trials:
        todo = task(settings, folder)
        settings.save(folder)
        options, tallies = tuned(todo, settings.trials, settings.seed, settings.overlap)
        lines = ["trial,way,mota,idf1,switches"]
        for k, ways in enumerate(tallies):
            for way, x in zip(("forwards", "backwards"), ways, strict=True):
                lines.append(f"{k},{way},{x.mota:.5f},{x.idf1:.5f},{x.switches}")
        write(folder / TRIALS, "\n".join(lines) + "\n")
        tracks = follow(todo.seen, todo.part("train"), options, todo.looks)
        first, now = tallies[0][0], measure(todo.true("train"), tracks, settings.overlap)
        said = {"mota": f"{now.mota:.3f}", "idf1": f"{now.idf1:.3f}"}
        said |= {"before": f"{first.mota:.3f}, {first.idf1:.3f}", "frames": str(todo.cut)}
        print(t("tracking.tuned", trials=len(tallies), **said))
    else:
        settings.save(folder)
    write(folder / TRACKER, json.dumps(dataclasses.asdict(options), indent=2) + "\n")
    return options


def kept(folder: Path) -> Options:
    """What `train` found. FileNotFoundError where it was not called, ValueError for other files."""
    path = folder / TRACKER
    try:
        return typed(Options, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise FileNotFoundError(say("projects.bad.untrained", folder=folder)) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(say("tracking.bad.tracker", path=path, reason=error)) from None
