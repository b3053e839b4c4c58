"""Several cameras at once, each a process of its own, as `gobhir cctv run` starts them.

    python -m benchmarks.cctv_cameras --count 4 --to results/cctv-cameras.json

Every camera shows vtest at the pace at which it was filmed (10 frames a second, somebody in every
frame), with zones, lines, rules and clips. Said of each: frames processed and dropped. What else
the machine does counts with it: measure on a quiet one.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from gobhir import datasets
from gobhir.projects.cctv import config
from gobhir.projects.cctv.evaluate import FPS, camera
from gobhir.projects.cctv.supervisor import Supervisor
from gobhir.projects.surroundings import commit, machine, today


def measured(video: Path, count: int) -> dict[str, Any]:
    """`count` cameras on the film, from beginning to end."""
    own = camera()
    cameras = tuple(
        dataclasses.replace(own, name=f"{own.name}-{k}", source=str(video)) for k in range(count)
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        supervisor = Supervisor(Path(folder), config.System(cameras=cameras))
        supervisor.run()
        seconds = time.perf_counter() - begun
    each = []
    for worker in supervisor.workers:
        seen = worker.health
        there = seen.frames + seen.dropped
        each.append(
            {
                "frames": seen.frames,
                "dropped": seen.dropped / there,
                "fps": seen.frames / (there / FPS),
                "looks": seen.looks,
                "megabytes": seen.megabytes,
                "deaths": worker.deaths,
            }
        )
    return {"cameras": each, "seconds": seconds, "load_before": load}


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--count", type=int, default=4)
    asked.add_argument("--to", type=Path)
    given = asked.parse_args()
    found = measured(datasets.load("vtest_gt").paths["vtest.avi"], given.count)
    for one in found["cameras"]:
        print(" | ".join(f"{name} {value:.3g}" for name, value in one.items()))
    found["surroundings"] = {"machine": machine(), "commit": commit(), "date": today()}
    if given.to is not None:
        text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
        given.to.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
