"""All cameras of a folder: a process each, started again when it dies or falls silent; meanwhile
clips and events are kept within their limits, and somebody is told of what is new.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from gobhir.lang import Message, say
from gobhir.projects.cctv import clips, config
from gobhir.projects.cctv.clock import Clock, SystemClock
from gobhir.projects.cctv.process import Health, Order, Told, main
from gobhir.projects.cctv.retention import Retention
from gobhir.projects.cctv.sentences import packed
from gobhir.projects.cctv.store import Store
from gobhir.projects.cctv.webhook import Webhook
from gobhir.projects.film import hidden
from gobhir.projects.lock import Lock

SILENCE = 45.0
"""Seconds without a beat after which a camera's process is taken for dead."""
SOUND = 120.0
"""Seconds of life after which earlier deaths are forgotten."""
TIDY = 60.0
"""Seconds between two looks at what is kept."""
FINISH = 15.0
"""Seconds that a process has to finish what it writes."""
WAIT = 0.1
LONGEST = 60.0

Start = Callable[[Order], tuple[Any, Any]]


def start_process(order: Order) -> tuple[Any, Any]:
    """A process for one camera, and the supervisor's end of the pipe to it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(order, theirs), name=order.camera, daemon=True)
    with _undisturbed():
        process.start()
    theirs.close()  # the process's own end: so that we see it end
    return process, ours


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ctrl-C and an end of service go to every process: one that only begins takes no notice (it
    could but fall over it), and is asked to stop as the others are."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it lets signals through again where it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass
class Worker:
    """One camera as the supervisor sees it."""

    camera: config.Camera
    process: Any = None
    pipe: Any = None
    started: float = 0.0
    beaten: float = 0.0
    deaths: int = 0
    again: float = 0.0
    over: bool = False
    renew: bool = False
    gone: bool = False
    ending: float | None = None
    failure: Message | None = None
    health: Health = field(default_factory=Health)


@dataclass
class Supervisor:
    """Everything that runs for a folder; `run` returns when all cameras are over, or after `stop`.

    pace: read files at their own pace. begun: called once the folder is this system's. told: who
    hears of every event, trouble and death, by the camera's name. stay: go on until `stop`, also
    when all cameras are over. once: the cameras were named for this time, and are not those of
    cctv.toml.
    """

    folder: Path
    system: config.System
    pace: bool = True
    lang: str | None = None
    begun: Callable[[], None] = lambda: None
    told: Callable[[str, Message], None] = lambda camera, sentence: None
    clock: Clock = field(default_factory=SystemClock)
    start: Start = start_process
    stay: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._adopted = self.system
        self.workers = [Worker(camera) for camera in self.system.cameras]

    def stop(self) -> None:
        """Let all cameras finish what they write, then return from `run`."""
        self._stopped.set()

    def change(self, system: config.System) -> None:
        """From now on this one, from any thread: a camera for which something is another finishes
        what it has begun, events and clip, and starts anew; new ones begin, others end."""
        self.system = system

    def run(self) -> None:
        """ValueError when another system runs on this folder, OSError when it cannot be written."""
        lock = Lock(self.folder, "cctv.lock", "cctv.held")
        try:
            store = Store(self.folder, self.clock)
            clips.recover(self.folder)
            for worker in self.workers:
                store.tidy(worker.camera.name)
            webhook = Webhook(store, self.system.webhook, self.system.time_zone, self.clock)
            webhook.start(self._stopped)
            retention = Retention(store, self.system.keep, self.clock)
            tidied = -TIDY
            try:
                self.begun()
                while not self._stopped.is_set() and not self._over():
                    self._adopt(webhook, retention)
                    for worker in list(self.workers):
                        self._tend(worker, store)
                    if self.clock.monotonic() - tidied >= TIDY:
                        tidied = self.clock.monotonic()
                        with suppress(OSError):
                            retention.tidy()
                    self.clock.sleep(WAIT)
            finally:
                self._stopped.set()
                self._end(store)
                store.close()
        finally:
            lock.release()

    def _over(self) -> bool:
        if self.stay or self.system is not self._adopted:
            return False
        return all(w.over and not w.renew for w in self.workers)

    def _adopt(self, webhook: Webhook, retention: Retention) -> None:
        """Take up what `change` was given."""
        before, self._adopted = self._adopted, self.system
        if self._adopted is before:
            return
        system, known = self._adopted, {w.camera.name: w for w in self.workers}
        webhook.change(system.webhook, system.time_zone)
        retention.keep = system.keep
        renewed = config.renewed(before, system)
        for camera in system.cameras:
            if (worker := known.pop(camera.name, None)) is None:
                self.workers.append(Worker(camera))
                continue
            worker.camera = camera
            worker.renew |= camera.name in renewed or worker.gone
            worker.gone = False
        for worker in known.values():
            worker.gone = True

    # -- one camera ------------------------------------------------------------------------------

    def _tend(self, worker: Worker, store: Store) -> None:
        now = self.clock.monotonic()
        if worker.renew or worker.gone:
            self._renew(worker, store, now)
            return
        if worker.over:
            return
        if worker.process is None:
            if now >= worker.again:
                self._begin(worker, store)
            return
        self._listen(worker, store)
        if worker.over:
            return
        dead = not worker.process.is_alive()
        if dead or now - worker.beaten > SILENCE:
            self._bury(worker, "cctv.supervisor.died" if dead else "cctv.supervisor.silent")
        elif worker.deaths and now - worker.started > SOUND:
            worker.deaths = 0

    def _renew(self, worker: Worker, store: Store, now: float) -> None:
        """Ask the process to finish, wait for it, and let another one start, if one is wanted."""
        if worker.process is not None:
            if worker.ending is None:
                worker.ending = now + FINISH
                with suppress(OSError):
                    worker.pipe.send("stop")
            self._listen(worker, store)
            if worker.process.is_alive() and now < worker.ending:
                return
            killed = worker.process.is_alive() or bool(worker.process.exitcode)
            self._listen(worker, store)
            _kill(worker)
            worker.deaths = 1 if killed else 0  # what it has left open is tidied
        if worker.gone:
            if worker.deaths:
                self._tidy(worker, store)
            self.workers.remove(worker)
        worker.renew, worker.ending, worker.over, worker.failure = False, None, False, None
        worker.again = now

    def _begin(self, worker: Worker, store: Store) -> None:
        if worker.deaths:
            self._tidy(worker, store)
        text = config.as_toml(self._adopted)
        order = Order(str(self.folder), worker.camera.name, text, self.pace, self.lang)
        worker.process, worker.pipe = self.start(order)
        worker.started = worker.beaten = self.clock.monotonic()
        self._note(worker, Health(), store)  # it is starting, whatever was of the one before

    def _tidy(self, worker: Worker, store: Store) -> None:
        """After a death: finish what its process has left open."""
        clips.recover(self.folder / "clips" / worker.camera.name)
        with suppress(OSError):
            store.tidy(worker.camera.name)

    def _listen(self, worker: Worker, store: Store) -> None:
        try:
            while worker.pipe.poll():
                self._hear(worker, worker.pipe.recv(), store)
        except (EOFError, OSError):
            return  # it ended; whether well, `over` says

    def _hear(self, worker: Worker, told: Told, store: Store) -> None:
        name = worker.camera.name
        worker.beaten = self.clock.monotonic()
        if told.what == "event" and told.sentence is not None:
            self.told(name, told.sentence)
        elif told.what == "failed":
            worker.over, worker.failure = True, told.sentence
            self._note(worker, Health(trouble=told.sentence), store)
            if told.sentence is not None:
                self.told(name, told.sentence)
        elif told.what == "done":
            worker.over = True
        else:
            trouble, before = told.health.trouble, worker.health.trouble
            if trouble is not None and (before is None or before.key != trouble.key):
                self.told(name, trouble)
            self._note(worker, told.health, store)

    def _note(self, worker: Worker, health: Health, store: Store) -> None:
        worker.health = health
        trouble = packed(health.trouble) if health.trouble is not None else None
        kept = {**health.__dict__, "deaths": worker.deaths, "trouble": trouble}
        with suppress(OSError):  # the next beat is written again
            store.beat(worker.camera.name, hidden(worker.camera.source), kept)

    def _bury(self, worker: Worker, key: str) -> None:
        """Its process is dead, or is killed; another one comes, later each time."""
        code = worker.process.exitcode
        _kill(worker)
        worker.deaths += 1
        wait = min(2.0 ** (worker.deaths - 1), LONGEST)
        worker.again = self.clock.monotonic() + wait
        self.told(worker.camera.name, say(key, code=code, seconds=round(wait)))
        # keys: cctv.supervisor.died, cctv.supervisor.silent

    def _end(self, store: Store) -> None:
        """Ask all to finish, wait a little, end those that do not."""
        left = [w for w in self.workers if w.process is not None]
        for worker in left:
            with suppress(OSError):
                worker.pipe.send("stop")
        until = self.clock.monotonic() + FINISH
        for worker in left:
            while worker.process.is_alive() and self.clock.monotonic() < until:
                self._listen(worker, store)
                self.clock.sleep(WAIT)
            self._listen(worker, store)
            _kill(worker)


def _kill(worker: Worker) -> None:
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join(5.0)
    worker.pipe.close()
    worker.process = worker.pipe = None
