"""What the service puts up with, and how it refuses the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from gobhir.lang import Message, say


@dataclass(frozen=True)
class Limits:
    """All limits of a service. ValueError for one that is out of its range."""

    max_batch: int = 32
    max_wait_ms: float = 2.0
    max_waiting: int = 128
    """Requests in the queue; one more is answered 503."""
    max_body: int = 8 * 1024**2
    """Bytes."""
    timeout: float = 10.0
    """Seconds for a request's head, again for its body, and again for answering it."""
    workers: int = 1
    """Batches that are computed at the same time."""
    grace: float = 10.0
    """Seconds for what is under way when the service is stopped."""
    max_side: int = 10_000
    max_pixels: int = 40_000_000
    max_numbers: int = 1_000_000
    max_depth: int = 8
    max_text: int = 20_000

    def __post_init__(self) -> None:
        for f in fields(self):
            value, least = getattr(self, f.name), 0 if f.name == "max_wait_ms" else 1e-3
            whole = f.type == "int"
            fits = math.isfinite(value) and value >= (1 if whole else least)
            if not fits or (whole and value != int(value)):
                raise ValueError(say("deploy.serve.limit", name=f.name, value=value))


class Refused(Exception):
    """An answer other than 200: the status, a word for programs, a sentence for people."""

    def __init__(self, status: int, code: str, message: Message, **headers: str):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
