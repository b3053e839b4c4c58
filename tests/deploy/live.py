"""A service on a real port, in a thread, for as long as a test needs it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from gobhir.deploy.serve.app import Service
from gobhir.deploy.serve.command import configuration


@contextmanager
def running(service: Service) -> Iterator[int]:
    """The port on which it listens."""
    server = uvicorn.Server(configuration(service))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not service.ready:
            time.sleep(0.005)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
