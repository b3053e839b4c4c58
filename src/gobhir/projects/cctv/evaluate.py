"""`gobhir cctv evaluate`: the whole system on annotated footage, from nothing but its video.

Footage: vtest (PETS 2009, S2.L1). Zones, lines and what happened follow from its boxes (truth.py).
Beside the system stands a baseline: the same rules on what merely moves, as cheap cameras do it.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gobhir import datasets
from gobhir.evaluation import Estimate
from gobhir.lang import t
from gobhir.projects.cctv import config
from gobhir.projects.cctv.events import Change
from gobhir.projects.cctv.journal import Journal
from gobhir.projects.cctv.look import Look
from gobhir.projects.cctv.process import build, memory
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.source import FileSource
from gobhir.projects.cctv.store import Store
from gobhir.projects.cctv.truth import Footage, Happening, Report, Score, score
from gobhir.projects.cctv.watch import Watch
from gobhir.projects.cctv.zones import Line, Zone
from gobhir.projects.detection.average_precision import average_precision
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.film import Film, frames
from gobhir.projects.keeping import plain
from gobhir.projects.settings import write
from gobhir.projects.surroundings import commit, machine, today
from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.metrics import measure
from gobhir.projects.tracking.pets import read_cvml

ZONES = (
    Zone("west", ((0.10, 0.33), (0.40, 0.33), (0.40, 0.56), (0.10, 0.47))),
    Zone("middle", ((0.40, 0.33), (0.66, 0.33), (0.66, 0.60), (0.40, 0.56))),
    Zone("east", ((0.66, 0.33), (0.97, 0.33), (0.97, 0.78), (0.66, 0.62))),
    Zone("lawn", ((0.0, 0.5), (0.35, 0.6), (0.62, 0.80), (0.62, 1.0), (0.0, 1.0))),
)
LINES = (
    Line("left", ((0.30, 0.62), (0.30, 0.30))),
    Line("right", ((0.62, 0.70), (0.62, 0.28))),
    Line("lane", ((0.74, 0.34), (0.97, 0.40))),
    Line("kerb", ((0.10, 0.50), (0.62, 0.74))),
)
SQUARE = Zone("square", ((0.10, 0.33), (0.97, 0.33), (0.97, 0.78), (0.40, 0.56), (0.10, 0.47)))
LIMITS = {**dict.fromkeys(ZONES, 8.0), SQUARE: 15.0}
"""Zones, and from how many seconds on somebody lingers there: the footage lasts 79 s."""
WAYS = {"west": 0.0, "middle": 180.0, "east": 0.0, "lawn": 180.0, "square": 180.0}
"""Zones, and which way (0: to the right) people should go there."""
MANY = {"west": 2, "middle": 2, "east": 3, "lawn": 2, "square": 6}
"""Zones, and from how many people on it is a crowd: vtest has eight at once at most."""
FPS = 10.0
"""The rate that the file states, and the boxes' frames count by."""
MEASURED = ("intrusion", "line", "loitering", "wrong_way", "crowding")
NEVER = ("running", "fall", "abandoned")
"""What nobody does in this footage: all that these rules say is false."""


@dataclass
class Outcome:
    """What was measured. rules: precision, recall and counts of each; false: what rules said of
    which the footage has none; speed: frames a second of processor time and of the clock."""

    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline: dict[str, dict[str, Any]] = field(default_factory=dict)
    second_half: dict[str, dict[str, Any]] = field(default_factory=dict)
    false: dict[str, int] = field(default_factory=dict)
    false_per_hour: float = 0.0
    detection: dict[str, float] = field(default_factory=dict)
    tracking: dict[str, float] = field(default_factory=dict)
    speed: dict[str, float] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    surroundings: dict[str, Any] = field(default_factory=dict)


@dataclass
class Seen:
    """What a run left: what was reported, what was detected and followed when, its cost."""

    reports: list[Report]
    looks: dict[int, tuple[Detections, list[Any]]]
    frames: int
    cpu: float
    wall: float
    counts: Counter[str]


def evaluate(to: Path | None = None) -> Outcome:
    """Measure it all, print it, and write it to the file `to` as JSON. LookupError or OSError where
    the footage is not there."""
    paths = datasets.load("vtest_gt").paths
    video, boxes = paths["vtest.avi"], paths["PETS2009-S2L1.xml"]
    footage = Footage(read_cvml(boxes), (576, 768), FPS)
    happened = truth_of(footage)
    system = config.System(cameras=(camera(),))
    seen = watched(system, video)
    outcome = Outcome(settings=dataclasses.asdict(system.detector))
    outcome.rules = judged(footage, happened, seen.reports)
    middle = footage.rows.frames.max() / FPS / 2
    late = [h for h in happened if h.first >= middle]
    outcome.second_half = judged(footage, late, [r for r in seen.reports if r.seconds >= middle])
    outcome.false = {kind: sum(r.kind == kind for r in seen.reports) for kind in NEVER}
    wrong = sum(int(outcome.rules[kind]["false"]) for kind in MEASURED)
    outcome.false_per_hour = wrong / (seen.frames / FPS / 3600)
    outcome.detection, outcome.tracking = followed(footage, seen)
    outcome.speed = {
        "frames": seen.frames,
        "fps_processor": seen.frames / seen.cpu,
        "fps_clock": seen.frames / seen.wall,
        "looks": seen.counts["looks"] + seen.counts["sweeps"],
        "megabytes": memory() / 1e6,
        **quiet(system, video),
        **started(video),
    }
    alone = watched(system, video, moving_alone)
    outcome.baseline = judged(footage, happened, alone.reports)
    outcome.surroundings = {"machine": machine(), "commit": commit(), "date": today()}
    show(outcome)
    if to is not None:
        write(to, json.dumps(plain(outcome), indent=1, ensure_ascii=False) + "\n")
        print(t("projects.command.saved", path=to))
    return outcome


def camera() -> config.Camera:
    """vtest's camera with its zones, lines and rules."""
    rules = [RULES["intrusion"](zone=zone.name) for zone in ZONES]
    rules += [RULES["loitering"](zone=zone.name, limit=limit) for zone, limit in LIMITS.items()]
    rules += [RULES["line"](line=line.name) for line in LINES]
    rules += [
        RULES["wrong_way"](zone=zone, degrees=way, enabled=True) for zone, way in WAYS.items()
    ]
    rules += [RULES["crowding"](zone=zone, count=n, enabled=True) for zone, n in MANY.items()]
    rules += [RULES[kind](enabled=True) for kind in NEVER]
    zones = (*ZONES, SQUARE)
    return config.Camera("vtest", "vtest.avi", zones=zones, lines=LINES, rules=tuple(rules))


def truth_of(footage: Footage) -> list[Happening]:
    found = [h for zone in ZONES for h in footage.intrusions(zone)]
    found += [h for line in LINES for h in footage.crossings(line)]
    found += [h for zone, limit in LIMITS.items() for h in footage.stays(zone, limit)]
    for zone in (*ZONES, SQUARE):
        found += footage.wrong_ways(zone, WAYS[zone.name])
        found += footage.crowds(zone, MANY[zone.name])
    return found


def watched(system: config.System, video: Path, change: Any = None) -> Seen:
    """Run the system on a video: with clips, thumbnails and database in a folder that goes."""
    own = system.cameras[0]
    reports: list[Report] = []
    looks: dict[int, tuple[Detections, list[Any]]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        journal = Journal(own.name, Store(folder))
        watch = build(system, own, folder=folder, journal=journal)
        watch.on_look = lambda s, found, tracks: looks.update({round(s * FPS): (found, tracks)})
        if change is not None:
            change(watch)
        cpu, wall, frames = time.process_time(), time.perf_counter(), 0
        for frame in FileSource(str(video)).frames():
            assert frame is not None
            frames += 1
            reports += _reports(frame.seconds, watch.step(frame))
        watch.close()
        journal.store.close()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Seen(reports, looks, frames, cpu, wall, watch.counts)


def _reports(seconds: float, changes: list[Change]) -> list[Report]:
    opened = [c.event for c in changes if c.what == "opened"]
    return [Report(e.kind, e.place, seconds, np.array(e.box)) for e in opened]


def moving_alone(watch: Watch) -> None:
    """The baseline: what moves, and is tall enough, is somebody."""

    class Moving(Look):
        def at(self, rgb: np.ndarray, regions: np.ndarray) -> Detections:
            now = watch.moving
            return self._people(Detections.of(now, np.full(len(now), 0.9)), rgb.shape[0])

    watch.look = Moving(watch.look.detector, smallest=watch.look.smallest)


def judged(
    footage: Footage, happened: list[Happening], reports: list[Report]
) -> dict[str, dict[str, Any]]:
    """Precision and recall of each measured rule, each with its interval, and what was counted."""
    found = {}
    for kind in MEASURED:
        own = [h for h in happened if h.kind == kind]
        one: Score = score(footage, own, [r for r in reports if r.kind == kind])
        shares: dict[str, Estimate] = {}
        if one.right + one.false:
            shares["precision"] = one.precision
        if one.right + one.missed:
            shares["recall"] = one.recall
        found[kind] = {**shares, **dataclasses.asdict(one)}
    return found


def followed(footage: Footage, seen: Seen) -> tuple[dict[str, float], dict[str, float]]:
    """Detection and tracking at the frames at which the detector was asked."""
    frames = sorted(seen.looks)
    truth = [footage.rows.detections(k) for k in frames]
    ap = average_precision([seen.looks[k][0] for k in frames], truth, thresholds=(0.5, 0.75))
    number = {k: row for row, k in enumerate(frames)}
    rows = Rows.of(
        (number[k], track.id, *track.box, track.score) for k in frames for track in seen.looks[k][1]
    )
    own = footage.rows[np.isin(footage.rows.frames, frames)]
    placed = np.array([number[int(k)] for k in own.frames])
    tally = measure(Rows(placed, own.ids, own.boxes, own.scores), rows)
    return (
        {"ap50": ap.at(0.5), "ap75": ap.at(0.75), "frames": len(frames)},
        {
            "mota": tally.mota,
            "idf1": tally.idf1,
            "switches": tally.switches,
            "misses": tally.misses,
            "false_positives": tally.false_positives,
        },
    )


def quiet(system: config.System, video: Path, busy: int = 80, still: int = 720) -> dict[str, float]:
    """Footage of which nine tenths are an empty scene with a sensor's noise: how fast, and how many
    events are made up there."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "quiet.mp4"
        shown = [frame.pixels for frame in frames(video)]
        empty: np.ndarray = np.median(np.stack(shown[::20]).astype(np.float32), axis=0)
        with Film(path, FPS, crf=20) as film:
            for k in range(busy + still):
                rgb = shown[k % len(shown)]
                if k >= busy:
                    noise = rng.normal(0, 2, (*empty.shape[:2], 1))
                    rgb = np.clip(empty + noise, 0, 255).astype(np.uint8)
                film.add(k / FPS, rgb)
        del shown
        seen = watched(system, path)
    settled = busy / FPS + 5
    made_up = sum(r.seconds > settled for r in seen.reports)
    return {
        "quiet_fps_processor": seen.frames / seen.cpu,
        "quiet_fps_clock": seen.frames / seen.wall,
        "quiet_events": made_up,
    }


def started(video: Path) -> dict[str, float]:
    """Seconds from the start of a process to its first processed frame."""
    program = (
        "import time, resource\n"
        "from pathlib import Path\n"
        "from gobhir.projects.cctv.evaluate import first_frame\n"
        f"first_frame(Path({str(video)!r}))\n"
        "print(time.process_time())\n"
    )
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    wall = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(done.stderr)
    return {"start_processor": float(done.stdout.split()[-1]), "start_clock": wall}


def first_frame(video: Path) -> None:
    """Build the system and process one frame."""
    system = config.System(cameras=(camera(),))
    watch = build(system, system.cameras[0])
    frame = next(FileSource(str(video)).frames())
    assert frame is not None
    watch.step(frame)


def show(outcome: Outcome) -> None:
    """What was measured, for people to read."""
    for kind in MEASURED:
        one, other = outcome.rules[kind], outcome.baseline[kind]
        said = {name: _percent(one.get(name)) for name in ("precision", "recall")}
        base = {f"{name}_0": _percent(other.get(name)) for name in ("precision", "recall")}
        print(t("cctv.evaluate.rule", kind=kind, **said, **base))
    d, m, s = outcome.detection, outcome.tracking, outcome.speed
    print(t("cctv.evaluate.false", hour=f"{outcome.false_per_hour:.0f}"))
    print(t("cctv.evaluate.seen", ap=f"{d['ap50']:.3f}", mota=f"{m['mota']:.3f}"))
    fps, still = f"{s['fps_processor']:.1f}", f"{s['quiet_fps_processor']:.1f}"
    start, room = f"{s['start_processor']:.1f}", f"{s['megabytes']:.0f}"
    print(t("cctv.evaluate.speed", fps=fps, quiet=still, start=start, megabytes=room))


def _percent(number: Estimate | None) -> str:
    if number is None:
        return "–"
    ends = "" if number.low is None else f" ({number.low:.2f} … {number.high:.2f})"
    return f"{number.value:.2f}{ends}"
