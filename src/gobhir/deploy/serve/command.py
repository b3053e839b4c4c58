"""`gobhir serve`: the service on a port, until it is told to stop."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from gobhir.deploy.serve.app import Service
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.listening import listening, names
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
    at = door.getsockname()
    shown = f"[{at[0]}]" if ":" in at[0] else at[0]
    print(t("deploy.serve.running", path=path, url=f"http://{shown}:{at[1]}/"), flush=True)
    # uvicorn hands the signal on once it has stopped: this is a good end, not a death.
    signal.signal(signal.SIGTERM, _nothing)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(configuration(service)).run(sockets=[door])
    print(t("deploy.serve.stopped"), flush=True)


def configuration(service: Service) -> Any:
    """How uvicorn runs it."""
    import uvicorn

    from gobhir.deploy.serve.patience import Patient

    limits = service.limits
    # The strict one: it refuses what could be read in two ways.
    protocol: Any = partial(Patient, seconds=limits.timeout)
    return uvicorn.Config(
        service.app,
        http=protocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=limits.max_waiting * 2 + 64,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=max(1, round(limits.grace)),
        h11_max_incomplete_event_size=32 * 1024,
    )


def _nothing(number: int, frame: Any) -> None:
    pass
