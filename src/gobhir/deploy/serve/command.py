"""`gobhir serve`: the service on a port, until it is told to stop."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from gobhir.deploy.serve.app import Service
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.listening import address, listening, names, strict
from gobhir.deploy.serve.model import Served
from gobhir.lang import t


def serve(path: str | Path, limits: Limits, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the model in the ONNX file `path` until SIGTERM or Ctrl+C: what is under way is
    finished, within `limits.grace` seconds, and nothing new is begun.

    port: 0 for any free one. ValueError for a file that is not served (see `Served`), a host or a
    port that cannot be listened on.
    """
    import uvicorn

    threads = 0 if limits.workers == 1 else max(1, (os.cpu_count() or 1) // limits.workers)
    service = Service(Served(path, threads), limits, names(host))
    door = listening(host, port)
    print(t("deploy.serve.running", path=path, url=address(door)), flush=True)
    # uvicorn hands the signal on once it has stopped: this is a good end, not a death.
    signal.signal(signal.SIGTERM, _nothing)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(service)).run(sockets=[door])
    print(t("deploy.serve.stopped"), flush=True)


def configuration(service: Service) -> Any:
    """How uvicorn runs it."""
    limits = service.limits
    return strict(
        service.app,
        limits.timeout,
        lifespan="on",
        log_level="warning",
        limit_concurrency=limits.max_waiting * 2 + 64,
        timeout_graceful_shutdown=max(1, round(limits.grace)),
    )


def _nothing(number: int, frame: Any) -> None:
    pass
