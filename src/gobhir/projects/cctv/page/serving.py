"""The dashboard beside the supervisor: a thread of its process, behind a door that is opened before
any camera is, so that a port that is taken, or a password that is missing, is said at once."""

from __future__ import annotations

import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any

from gobhir.deploy.serve.listening import LOCAL, address, listening, names, strict
from gobhir.lang import say
from gobhir.projects.cctv.page.access import Access, kept
from gobhir.projects.cctv.page.app import Dashboard, Running

PATIENCE = 10.0
"""Seconds that a connection has for each thing that it does."""
PORT = 8765


class Door:
    """host: where to listen; port 0: any that is free; also: further names under which the
    dashboard is called. Beyond this machine a password is asked, and has to be there: ValueError.
    One that was made is asked here, too."""

    def __init__(
        self, folder: Path, host: str = "127.0.0.1", port: int = PORT, also: set[str] | None = None
    ) -> None:
        near = names(host)
        secret = kept(folder)
        if near is None and not secret:
            raise ValueError(say("dashboard.login.missing", host=host, folder=folder))
        self.folder = folder
        self._access = Access(folder, needed=near is None or bool(secret))
        hosts = near if near is not None else LOCAL | {host, *_machine()}
        self._hosts, self._addresses = hosts | (also or set()), near is None
        self._socket = listening(host, port)
        self.url = address(self._socket)
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def open(self, running: Running) -> None:
        """Answer, in a thread, until `close`."""
        import uvicorn

        app = Dashboard(self.folder, running, self._access, self._hosts, self._addresses).app
        settings = strict(
            app,
            PATIENCE,
            lifespan="off",
            log_level="critical",
            limit_concurrency=64,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(settings)
        work = partial(self._server.run, sockets=[self._socket])
        self._thread = threading.Thread(target=work, daemon=True, name="dashboard")
        self._thread.start()

    def close(self) -> None:
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(5.0)
        self._socket.close()


def _machine() -> set[str]:
    """What this machine is called in its network."""
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}
