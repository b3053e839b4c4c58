"""Does the anomaly project keep its word on false alarms? Hours of normal footage, rendered, since
no public camera film is long enough: leaves move, the light drifts, people walk by at random.

    python -m benchmarks.anomaly_hours --hours 12 --to results/anomaly-hours.json

A fifth of the hours is learned from, half of the rest sets the thresholds, the rest checks them:
alarms that were promised beside alarms that came. Rendered footage says whether the calibration is
right, nothing about how good the network is on a real camera.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gobhir.projects import Project
from gobhir.projects.film import Film
from gobhir.projects.keeping import plain

HIGH, WIDE, RATE = 64, 96, 5
"""Pixels, and frames a second."""
EVERY = 40.0
"""Seconds between two people, on average."""


def yard(hours: float, seed: int) -> Iterator[np.ndarray]:
    """Frames (HIGH, WIDE, 3) of a path before a tree, RATE a second."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:HIGH, :WIDE]
    scene = 120.0 + 15 * np.sin(x / 9) * np.cos(y / 7)
    scene[44:60] -= 40
    tree = np.clip(1 - np.hypot(x - 78, y - 16) / 14, 0, 1)
    people: list[np.ndarray] = []  # where, how quick (pixels a frame), how wide, high, bright, low
    light = wind = 0.0
    for t in range(round(hours * 3600 * RATE)):
        light = 0.9995 * light + draw.normal(0, 0.3)
        wind = 0.97 * wind + draw.normal(0, 0.5)
        if draw.random() < 1 / (EVERY * RATE):
            way = draw.choice([-1.0, 1.0])
            size, shade = draw.uniform(0.7, 1.3), draw.uniform(150, 250)
            pace = way * draw.lognormal(0.3, 0.3)
            start = -8.0 if way > 0 else WIDE + 8.0
            people.append(np.array([start, pace, 5 * size, 16 * size, shade, draw.uniform(48, 58)]))
        frame = scene + light + tree * 12 * np.sin(wind + t / 3)
        for one in people:
            one[0] += one[1]
            left, right = (round(one[0] + side * one[2] / 2) for side in (-1, 1))
            low = round(one[5] + np.sin(t))
            frame[round(low - one[3]) : low, max(0, left) : max(0, right)] = one[4]
        people = [one for one in people if -10 < one[0] < WIDE + 10]
        frame += draw.normal(0, 2, frame.shape)
        yield np.repeat(frame.clip(0, 255).astype(np.uint8)[..., None], 3, 2)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--hours", type=float, default=12.0)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--to", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "yard.mp4"
        with Film(path, RATE, crf=20) as film:
            for k, frame in enumerate(yard(given.hours, given.seed)):
                film.add(k / RATE, frame)
        project = Project("anomaly")
        settings = project.settings(
            data=str(path),
            minutes=60 * given.hours,
            share=0.2,
            width=WIDE,
            height=HIGH,
            rate=RATE,
            epochs=2,
        )
        project.train(settings, Path(place) / "own")
        found = project.evaluate(Path(place) / "own")
    table = found.tables[0]
    kept = {"hours": given.hours, "seed": given.seed, "table": plain(table)}
    for row in table.rows:
        print(" | ".join(map(str, row)))
    if given.to is not None:
        text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
        given.to.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
