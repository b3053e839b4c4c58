"""A day of faults for the camera system, on a clock that jumps; outside `make test`.

    python -m benchmarks.cctv_faults              24 hours in some minutes; --hours 2: less
    python -m benchmarks.cctv_faults --to results/cctv-faults.json

One rendered camera, a frame a second, somebody walks by every few minutes; the real motion gate,
tracker, rules, store, clips and retention. Meanwhile, drawn with a seed: the camera is gone, the
disk is full, the database is locked, the process dies, the clock is set back or forward. Then real
processes are killed in the middle of a clip, and a file with damaged packets is read.

Held to: nothing raises; every announced event is in the database; every clip plays; memory after
the first quarter stays within 5 %.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from gobhir.projects.cctv import clips
from gobhir.projects.cctv.clips import ClipFile
from gobhir.projects.cctv.clock import SetClock
from gobhir.projects.cctv.config import Camera, Clips, Keeping, Looking, System
from gobhir.projects.cctv.journal import Journal
from gobhir.projects.cctv.look import Look
from gobhir.projects.cctv.process import memory
from gobhir.projects.cctv.retention import Retention
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.source import FileSource, Frame
from gobhir.projects.cctv.store import FILE, Store
from gobhir.projects.cctv.watch import Watch
from gobhir.projects.detection.boxes import Detections
from gobhir.projects.tracking.tracker import Tracker

SHAPE = (240, 320, 3)
FAULTS = ("gone", "full", "locked", "killed", "back", "forward")
SYSTEM = System(
    detector=Looking(tile=0, fps=5.0),
    clips=Clips(before=3, after=3, fps=5, longest=30),
    keep=Keeping(days=30, gigabytes=0.02, free=0),
    cameras=(Camera("day", "0", rules=(RULES["intrusion"](), RULES["loitering"](limit=20.0))),),
)


def sees_red(rgb: np.ndarray, regions: Any = None) -> Detections:
    """A detector of rendered people."""
    mask = ((rgb[..., 0] > 150) & (rgb[..., 1] < 90)).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(mask)
    return Detections.of([(x, y, x + w, y + h)] if w else [], [0.9] if w else [])


def picture(x: float | None) -> np.ndarray:
    """A frame in which somebody stands at x pixels, or nobody."""
    rgb = np.full(SHAPE, 110, np.uint8)
    if x is not None:
        rgb[120:180, max(0, round(x) - 12) : round(x) + 12] = (220, 30, 30)
    return rgb


class Day:
    """The camera of a day, as its process would run it."""

    def __init__(self, folder: Path, clock: SetClock) -> None:
        self.folder, self.clock = folder, clock
        self.announced: set[int] = set()
        self.deaths = 0
        self.begin()

    def begin(self) -> None:
        """A new process: what the supervisor and the camera do at their start."""
        clips.recover(self.folder)
        self.store = Store(self.folder, self.clock, patience=0, wait=0)
        self.store.tidy("day")
        journal = Journal("day", self.store, lambda event: self.announced.add(event.id or 0))
        self.watch = Watch(
            SYSTEM.cameras[0], SYSTEM, Look(sees_red), Tracker(), self.folder, journal
        )
        self.retention = Retention(self.store, SYSTEM.keep, self.clock)

    def die(self) -> None:
        """Without a word to anybody."""
        self.deaths += 1
        self.watch.recorder._clip = None
        self.store.close()
        gc.collect()


def day(folder: Path, hours: float, seed: int) -> dict[str, Any]:
    """So many hours, a frame a second, with a fault every quarter of an hour or so."""
    rng, clock = random.Random(seed), SetClock()
    own = Day(folder, clock)
    put, full, locked = ClipFile._put, False, None
    faults: Counter[str] = Counter()
    until, next_fault, gone = 0.0, 300.0, False
    rooms: list[float] = []
    walk = 0.0
    end = clock.run + hours * 3600

    def no_space(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    while clock.run < end:
        clock.sleep(1.0)
        now = clock.run
        if (full or locked or gone) and now >= until:  # the fault is over
            gone, full = False, False
            ClipFile._put = put  # type: ignore[method-assign]
            own.store._db.execute("pragma max_page_count = 1000000")
            if locked is not None:
                locked.close()
                locked = None
        if now >= next_fault and not (full or locked or gone):
            kind = rng.choice(FAULTS)
            faults[kind] += 1
            until, next_fault = now + rng.uniform(20, 240), now + rng.uniform(300, 1500)
            if kind == "gone":
                gone = True
            elif kind == "full":
                full = True
                ClipFile._put = no_space  # type: ignore[method-assign,assignment]
                pages = own.store._db.execute("pragma page_count").fetchone()[0]
                own.store._db.execute(f"pragma max_page_count = {pages}")
            elif kind == "locked":
                locked = sqlite3.connect(folder / FILE, isolation_level=None)
                locked.execute("begin immediate")
            elif kind == "killed":
                own.die()
                own.begin()
            else:
                clock.jump(rng.uniform(600, 90000) * (-1 if kind == "back" else 1))
        if walk <= 0 and rng.random() < 1 / 240:
            walk = 30.0
        if gone:
            own.watch.idle(now)
        else:
            x = None if walk <= 0 else 300 - 9 * walk
            own.watch.step(Frame(now, clock.now(), picture(x)))
        walk -= 1.0
        if round(now) % 60 == 0:
            try:
                own.retention.tidy()
            except OSError:
                faults["tidy put off"] += 1
        if round(now) % max(1, round(36 * hours)) == 0:
            gc.collect()
            rooms.append(memory() / 1e6)
    ClipFile._put = put  # type: ignore[method-assign]
    if locked is not None:
        locked.close()
    own.store._db.execute("pragma max_page_count = 1000000")
    own.watch.close()
    own.watch.journal.flush()  # type: ignore[union-attr]
    kept = {row.id for row in own.store.events()}
    rows = own.store.events()
    warm = rooms[len(rooms) // 4]
    return {
        "hours": hours,
        "faults": dict(faults),
        "announced": len(own.announced),
        "lost": len(own.announced - kept),
        "clips": sum(bool(r.clip) for r in rows),
        "clips_that_do_not_play": sum(not plays(folder / r.clip) for r in rows if r.clip),
        "strangers": strangers(folder, rows),
        "megabytes_warm": round(warm, 1),
        "megabytes_most_after": round(max(rooms[len(rooms) // 4 :]), 1),
        "growth": round(max(rooms[len(rooms) // 4 :]) / warm - 1, 4),
    }


def plays(path: Path) -> bool:
    """Whether every frame of the file can be read, and there is one."""
    try:
        with av.open(str(path)) as file:
            return sum(1 for _ in file.decode(video=0)) > 0
    except (OSError, av.FFmpegError):
        return False


def strangers(folder: Path, rows: list[Any]) -> int:
    """Clips of which no event knows: they would never be deleted."""
    known = {r.clip for r in rows} | {r.thumb for r in rows}
    there = {p.relative_to(folder).as_posix() for p in (folder / "clips").rglob("*.mp4")}
    return len(there - known)


# -- real processes, really killed ---------------------------------------------------------------


def child(folder: Path) -> None:
    """Watch a rendered camera for ever, as fast as possible; print every announced event."""
    store = Store(folder)
    clips.recover(folder)
    store.tidy("day")
    journal = Journal("day", store, lambda event: print(event.id, flush=True))
    watch = Watch(SYSTEM.cameras[0], SYSTEM, Look(sees_red), Tracker(), folder, journal)
    for frame in endless():
        watch.step(frame)


def endless() -> Iterator[Frame]:
    k = 0
    while True:
        phase = k % 200
        yield Frame(k / 5, 1_750_000_000 + k / 5, picture(20 + 2 * phase if phase < 140 else None))
        k += 1


def killed(folder: Path, times: int, seed: int) -> dict[str, Any]:
    """Processes killed at random moments of their work."""
    rng, announced = random.Random(seed), set()
    for _ in range(times):
        words = [sys.executable, "-m", "benchmarks.cctv_faults", "--child", str(folder)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        announced.add(int(process.stdout.readline()))  # it works
        time.sleep(rng.uniform(0.2, 2.0))
        process.send_signal(signal.SIGKILL)
        announced |= {int(line) for line in process.stdout.read().split()}
        process.wait()
    clips.recover(folder)
    store = Store(folder)
    store.tidy("day")
    rows = store.events()
    return {
        "kills": times,
        "strangers": strangers(folder, rows),
        "announced": len(announced),
        "lost": len(announced - {row.id for row in rows}),
        "clips": sum(bool(r.clip) for r in rows),
        "clips_that_do_not_play": sum(not plays(folder / r.clip) for r in rows if r.clip),
        "halves_left": len(list(folder.rglob("*.part"))),
        "open": sum(r.ended is None for r in rows),
    }


def damaged(folder: Path, seed: int) -> dict[str, Any]:
    """A film of which every tenth packet is overwritten with noise, read to its end."""
    rng = np.random.default_rng(seed)
    path = folder / "damaged.avi"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.height, stream.width = SHAPE[:2]
        stream.pix_fmt = "yuv420p"
        for k in range(300):
            frame = av.VideoFrame.from_ndarray(picture(k % 300), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    content = bytearray(path.read_bytes())
    for _ in range(60):
        start = int(rng.integers(6000, len(content) - 200))
        content[start : start + 60] = rng.integers(0, 256, 60, np.uint8).tobytes()
    path.write_bytes(content)
    source = FileSource(str(path))
    store = Store(folder)
    watch = Watch(
        SYSTEM.cameras[0], SYSTEM, Look(sees_red), Tracker(), folder, Journal("day", store)
    )
    for frame in source.frames():
        if frame is not None:
            watch.step(frame)
    watch.close()
    rows = store.events()
    return {
        "frames": source.counts.read,
        "broken_packets": source.counts.broken,
        "events": len(rows),
        "clips_that_do_not_play": sum(not plays(folder / r.clip) for r in rows if r.clip),
    }


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--hours", type=float, default=24.0)
    asked.add_argument("--kills", type=int, default=10)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--to", type=Path)
    asked.add_argument("--child", type=Path)
    given = asked.parse_args()
    if given.child is not None:
        child(given.child)
        return 0
    found: dict[str, Any] = {"seed": given.seed}
    begun, cpu = time.perf_counter(), time.process_time()
    for name, work in (
        ("day", lambda place: day(place, given.hours, given.seed)),
        ("killed", lambda place: killed(place, given.kills, given.seed)),
        ("damaged", lambda place: damaged(place, given.seed)),
    ):
        with tempfile.TemporaryDirectory() as place:
            found[name] = work(Path(place))
        print(name, json.dumps(found[name]), flush=True)
    found["seconds"] = round(time.perf_counter() - begun, 1)
    found["processor_seconds"] = round(time.process_time() - cpu, 1)
    bad = [
        f"{name}: {key} = {value}"
        for name in ("day", "killed", "damaged")
        for key, value in found[name].items()
        if key in ("lost", "clips_that_do_not_play", "strangers", "halves_left", "open") and value
    ]
    if found["day"]["growth"] > 0.05:
        bad.append(f"day: memory grew by {found['day']['growth']:.1%}")
    found["failed"] = bad
    if given.to is not None:
        given.to.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("\n".join(bad) or "all held")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
