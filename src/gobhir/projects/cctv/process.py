"""One camera in a process of its own: what it is given, what it tells, how it ends."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gobhir.lang import Message, say, use_language
from gobhir.projects.cctv import config
from gobhir.projects.cctv.clock import Clock, SystemClock, utc
from gobhir.projects.cctv.events import Event
from gobhir.projects.cctv.journal import Journal
from gobhir.projects.cctv.live import Live
from gobhir.projects.cctv.look import Look
from gobhir.projects.cctv.sentences import plain
from gobhir.projects.cctv.source import FileSource, LiveSource, open_source
from gobhir.projects.cctv.store import Store
from gobhir.projects.cctv.watch import Watch

BEAT = 1.0
"""Seconds between two reports of a camera's health."""


@dataclass(frozen=True)
class Order:
    """What a camera's process is told. text: cctv.toml; pace: read files at their own pace."""

    folder: str
    camera: str
    text: str
    pace: bool
    lang: str | None = None


@dataclass(frozen=True)
class Health:
    """How a camera is. fps: frames a second that were processed lately; frames, dropped, broken:
    since its process began; events: open ones; megabytes: the process's memory; adapted: whether
    the detector was fine-tuned on this camera; last: when its last frame came (UTC), "" for none
    yet."""

    fps: float = 0.0
    frames: int = 0
    dropped: int = 0
    broken: int = 0
    opened: int = 0
    people: int = 0
    events: int = 0
    looks: int = 0
    megabytes: float = 0.0
    adapted: bool = False
    last: str = ""
    trouble: Message | None = None


@dataclass(frozen=True)
class Told:
    """What a camera's process says: "beat" (health), "event" (sentence, when), "done" (its file is
    over), "failed" (why it will never work; it ends)."""

    what: str
    health: Health = field(default_factory=Health)
    sentence: Message | None = None
    wall: float = 0.0


def build(system: config.System, camera: config.Camera, **more: Any) -> Watch:
    """A Watch with the detector and the tracker that the settings name. ValueError where the
    detector is none, or finds no people."""
    from gobhir.projects.tracking.tracker import Tracker

    return Watch(camera, system, look_of(system.looking(camera)), Tracker(), **more)


def look_of(own: config.Looking) -> Look:
    """The detector of the settings, which finds people alone. ValueError as `build`."""
    from gobhir.projects.detection.onnx import open_detector

    detector = open_detector(
        own.model,
        kind=own.kind or None,
        size=own.size or None,
        threshold=own.score,
        threads=own.threads,
    )
    if len(detector.names) > 1:
        if own.person not in detector.names:
            known = ", ".join(detector.names[:20])
            said = {"model": own.model, "name": own.person, "known": known}
            raise ValueError(say("cctv.config.no_person", **said))
        detector = dataclasses.replace(detector, only=(detector.names.index(own.person),))
    return Look(detector, own.tile, smallest=own.smallest)


def main(order: Order, pipe: Any) -> None:
    """A camera's process. pipe: to the supervisor; when that is gone, the process ends."""
    for name in ("SIGINT", "SIGTERM"):  # they are the supervisor's, who asks to stop
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    use_language(order.lang)
    with pipe:
        try:
            watch_camera(order, pipe, SystemClock())
        except (BrokenPipeError, ConnectionError):
            sys.exit(1)
        except (OSError, ValueError) as error:
            if not error.args or not isinstance(error.args[0], Message):
                raise  # the supervisor sees that the process died, and starts it again
            pipe.send(Told("failed", sentence=plain(error.args[0])))


def watch_camera(order: Order, pipe: Any, clock: Clock) -> None:
    """Watch until the source ends or the supervisor says stop."""
    if pipe.poll():  # it is over before it began
        return
    system = config.parse(order.text)
    (camera,) = (c for c in system.cameras if c.name == order.camera)
    folder = Path(order.folder)

    def announce(event: Event) -> None:
        pipe.send(Told("event", sentence=plain(event.sentence), wall=event.wall))

    journal = Journal(camera.name, Store(folder, clock), announce)
    source = open_source(camera.source, clock, order.pace)
    watch = build(system, camera, folder=folder, journal=journal)
    live = Live(folder, camera)
    beaten, frames, seconds = clock.monotonic(), 0, 0.0
    stopped, last = False, ""
    for frame in source.frames():
        if frame is None:
            watch.idle(seconds)
        else:
            seconds, last = frame.seconds, utc(frame.wall)
            watch.step(frame)
            live.offer(clock.monotonic(), frame.rgb, watch)
        now = clock.monotonic()
        if now - beaten >= BEAT:
            done = watch.counts["frames"]
            pipe.send(Told("beat", health(watch, source, (done - frames) / (now - beaten), last)))
            beaten, frames = now, done
            if pipe.poll():  # "stop", or the supervisor is gone
                stopped = True
                break
    source.close()
    live.close()
    watch.close()
    journal.flush()
    pipe.send(Told("beat", health(watch, source, 0.0, last)))
    if not stopped:
        pipe.send(Told("done"))


def health(watch: Watch, source: FileSource | LiveSource, fps: float, last: str = "") -> Health:
    journal = watch.journal
    trouble = source.counts.trouble or (journal and journal.trouble) or watch.trouble
    return Health(
        fps=round(fps, 1),
        frames=watch.counts["frames"],
        dropped=source.dropped,
        broken=source.counts.broken,
        opened=source.counts.opened,
        people=len(watch.here),
        events=len(watch.events.open),
        looks=watch.counts["looks"] + watch.counts["sweeps"],
        megabytes=round(memory() / 1e6, 1),
        adapted=watch.looking.adapted,
        last=last,
        trouble=plain(trouble) if trouble else None,
    )


def memory() -> float:
    """Bytes of memory that this process holds now; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, AttributeError, ValueError):
        return 0.0
