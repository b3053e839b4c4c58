"""Somebody is told: each new event as JSON by POST, again and again until it is taken, or was tried
too often. What was not told yet stands in the store, so nothing is forgotten when a process ends.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gobhir.lang import LANGUAGES
from gobhir.projects.cctv.clock import Clock, SystemClock, local, utc
from gobhir.projects.cctv.config import Telling
from gobhir.projects.cctv.store import Row, Store

Post = Callable[[str, bytes, float], None]
LONGEST = 300.0
"""Seconds between two attempts at most."""
NEWS = 86400.0
"""Seconds after which nobody is told any more."""


def body(row: Row, zone: str = "") -> dict[str, Any]:
    """What is told of an event: times in UTC and in the local time zone, its sentence in every
    language, its files as names in the system's folder."""
    return {
        "id": row.id,
        "camera": row.camera,
        "kind": row.kind,
        "place": row.place,
        "track": row.track,
        "began": row.began,
        "began_local": local(row.began, zone),
        "score": round(row.score, 3),
        "sentence": {lang: row.sentence.text(lang) for lang in LANGUAGES},
        "thumb": row.thumb,
    }


def post(url: str, content: bytes, timeout: float) -> None:
    """OSError for whatever goes wrong, also an answer that is not 2xx."""
    head = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "gobhir-cctv"}
    request = urllib.request.Request(url, content, head, method="POST")
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        answer.read(65536)


@dataclass
class Webhook:
    """Tells of what stands in the store; `step` once in a while, or a thread by `start`."""

    store: Store
    telling: Telling
    zone: str = ""
    clock: Clock = field(default_factory=SystemClock)
    post: Post = post
    failures: int = 0
    _again: float = 0.0

    def change(self, telling: Telling, zone: str) -> None:
        """From now on tell so; another address is tried at once."""
        if telling.url != self.telling.url:
            self.failures, self._again = 0, 0.0
        self.telling, self.zone = telling, zone

    def step(self) -> int:
        """Tell of what is new, in order; gives of how many. After a failure it waits, twice as long
        each time."""
        if not self.telling.url or self.clock.monotonic() < self._again:
            return 0
        told = 0
        since = utc(self.clock.now() - NEWS)
        for row in self.store.unsent(self.telling.tries, since):
            content = json.dumps(body(row, self.zone), ensure_ascii=False).encode()
            try:
                self.post(self.telling.url, content, self.telling.timeout)
            except (OSError, ValueError) as error:
                if _never(error):
                    self.store.told(row.id, False, tries=self.telling.tries)
                    continue
                self.store.told(row.id, False)
                self.failures += 1
                wait = min(2.0 ** min(self.failures, 16), LONGEST)
                self._again = self.clock.monotonic() + wait
                return told
            self.failures = 0
            self.store.told(row.id, True)
            told += 1
        return told

    def start(self, stopped: threading.Event) -> threading.Thread:
        """A thread that does so until `stopped`."""

        def work() -> None:
            while not stopped.wait(0.5):
                try:
                    self.step()
                except OSError:  # the store is locked or full; the supervisor says so
                    stopped.wait(5.0)

        thread = threading.Thread(target=work, daemon=True, name="webhook")
        thread.start()
        return thread


def _never(error: Exception) -> bool:
    """Whether the other side has understood, and will not take this event another time either."""
    code = error.code if isinstance(error, urllib.error.HTTPError) else 0
    return 400 <= code < 500 and code not in (408, 429)
