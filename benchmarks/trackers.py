"""Trackers side by side on one file of detections: vtest.avi, the first half to tune on, the second
to measure.

    GOBHIR_DATA=FOLDER python -m benchmarks.trackers --python PEERS/bin/python

PEERS is a virtual environment with the packages `trackers` and `norfair`, which need not have
Gobhir (and which Gobhir does not need): pip install trackers; pip install --no-deps norfair
filterpy. Every tracker, ours too, has the same number of settings drawn by chance, the first of
them as its makers set it, which are compared by (MOTA + IDF1) / 2, forwards and backwards through
the first half. Of a peer the best one, of ours what `gobhir project tracking train` makes of them,
is measured on the second half, beside the settings as they come. results/tracking-vtest.json keeps
what came out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.peers.following import NAMES
from gobhir.projects.surroundings import commit, machine, today
from gobhir.projects.tracking.data import Task, as_rows, follow, task
from gobhir.projects.tracking.evaluate import joined
from gobhir.projects.tracking.files import Rows
from gobhir.projects.tracking.metrics import Tally, measure
from gobhir.projects.tracking.settings import Settings
from gobhir.projects.tracking.tracker import Options, Tracker
from gobhir.projects.tracking.tune import backwards, tuned, worth

RESULT = Path(__file__).parent.parent / "results" / "tracking-vtest.json"
PEER = Path(__file__).parent / "peers" / "following.py"
COLUMNS = ("mota", "idf1", "switches", "false_positives", "misses", "fragmentations")
OURS, COLOURS = "gobhir", "gobhir with colours"
"""By boxes alone, as the peers; and told what people look like in the video, too."""


def columns(found: Tally) -> dict[str, Any]:
    """The numbers that are kept."""
    kept = {name: getattr(found, name) for name in COLUMNS}
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in kept.items()}


def asked(python: str, name: str, seen: Rows, part: range, trials: Any, seed: int) -> Any:
    """What a peer answers (see peers/following.py)."""
    now = seen.between(part.start, part.stop)
    rows = [
        [frame, *box, score]
        for frame, box, score in zip(
            now.frames.tolist(), now.boxes.tolist(), now.scores.tolist(), strict=True
        )
    ]
    request = {"rows": rows, "first": part.start, "end": part.stop, "tracker": name}
    request |= {"trials": trials, "seed": seed}
    run = subprocess.run(
        [python, str(PEER)], input=json.dumps(request), capture_output=True, text=True
    )
    if run.returncode:
        sys.exit(f"{name}: {run.stderr[-1000:]}")
    return json.loads(run.stdout)


def tracks(answer: Any) -> Rows:
    return Rows.of([(*row, 1.0) for row in answer["tracks"]])


def peer(python: str, name: str, todo: Task, trials: int, seed: int) -> dict[str, Any]:
    """One of the peers: tuned on the first half, measured on the second, beside its defaults."""
    part, truth, seen = todo.part("train"), todo.true("train"), todo.seen
    ways = [(truth, seen), (backwards(truth, part)[1], backwards(seen, part)[1])]
    answers = [asked(python, name, b, part, trials, seed) for _, b in ways]
    found = []
    for both in zip(*(one["trials"] for one in answers), strict=True):
        tallies = [measure(a, tracks(one)) for (a, _), one in zip(ways, both, strict=True)]
        found.append((worth(tallies), both[0]["wishes"], tallies[0]))
    best = max(found, key=lambda one: one[0])
    last = asked(python, name, seen, todo.part("test"), [{}, best[1]], seed)["trials"]
    measured = [columns(measure(todo.true("test"), tracks(one))) for one in last]
    return {
        "version": answers[0]["version"],
        "commit": commit(),
        "date": today(),
        "options": best[1],
        "train": columns(best[2]),
        "test": measured[1],
        "test_as_it_comes": measured[0],
        "frames_per_second": round(len(todo.part("test")) / last[1]["seconds"]),
    }


def ours(todo: Task, trials: int, seed: int) -> dict[str, Any]:
    """The same for Gobhir's tracker."""
    options, _ = tuned(todo, trials, seed)
    fitted = follow(todo.seen, todo.part("train"), options, todo.looks)

    def run(options: Options) -> tuple[dict[str, Any], float]:
        tracker, rows, part = Tracker(options), [], todo.part("test")
        frames = [todo.seen.detections(frame) for frame in part]
        looks: list[Any] = [None] * len(frames)
        if todo.looks is not None:
            looks = [todo.looks[todo.seen.frames == frame] for frame in part]
        start = time.process_time()
        for frame, now, look in zip(part, frames, looks, strict=True):
            rows += as_rows(frame, tracker.update(now, looks=look))
        seconds = time.process_time() - start
        return columns(measure(todo.true("test"), Rows.of(rows))), seconds

    (measured, seconds), (as_it_comes, _) = run(options), run(Options())
    return {
        "version": OURS,
        "commit": commit(),
        "date": today(),
        "options": dataclasses.asdict(options),
        "train": columns(measure(todo.true("train"), fitted)),
        "test": measured,
        "test_as_it_comes": as_it_comes,
        "frames_per_second": round(len(todo.part("test")) / seconds),
    }


def table(result: dict[str, Any]) -> list[str]:
    """The rows of the READMEs' table: tuned on the first half, measured on the second."""
    rows = []
    for name, one in result["trackers"].items():
        cells = one["test"]
        shares = [f"{cells[key] * 100:.1f} %" for key in COLUMNS[:2]]
        counts = [str(cells[key]) for key in COLUMNS[2:]]
        rows.append(f"| {' | '.join([name, *shares, *counts])} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", required=True, help="the Python that has the peers")
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", nargs="*", default=[OURS, COLOURS, *NAMES], help="keep the others' numbers"
    )
    parser.add_argument("--folder", type=Path, default=Path("gobhir-projects/tracking"))
    told = parser.parse_args()
    todo = task(Settings(), told.folder)
    plain = dataclasses.replace(todo, looks=None)
    print(f"{len(todo.seen)} detections in {todo.frames} frames", flush=True)
    still = joined(todo.seen, todo.part("test"))
    for name in told.only:
        if name in (OURS, COLOURS):
            one = ours(todo if name == COLOURS else plain, told.trials, told.seed)
        else:
            one = peer(told.python, name, todo, told.trials, told.seed)
        print(name, one["test"], flush=True)
        known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
        same = (told.trials, told.seed, len(todo.seen))
        if (known.get("trials"), known.get("seed"), known.get("detections")) != same:
            known = {}  # measured in another way: not to stand beside this one
        found = {**known.get("trackers", {}), name: one}
        result = {
            "data": "vtest.avi (PETS2009 S2.L1 View_001), PETS2009-S2L1.xml",
            "detector": "pedestrian_ssdlite, squares of 300 pixels, from score 0.05 on",
            "detections": len(todo.seen),
            "frames": {"train": len(todo.part("train")), "test": len(todo.part("test"))},
            "trials": told.trials,
            "seed": told.seed,
            "trackers": {k: found[k] for k in (OURS, COLOURS, *NAMES) if k in found},
            "joined": columns(measure(todo.true("test"), still)),
            "machine": machine()["en"],
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print("\n".join(table(result)))


if __name__ == "__main__":
    main()
