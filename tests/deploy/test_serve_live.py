"""The service on a real port: its own description against it, raw requests, the end."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gobhir.deploy.serve.app import Service
from gobhir.deploy.serve.limits import Limits
from gobhir.deploy.serve.model import Served
from tests.deploy.live import running
from tests.deploy.serve_models import KINDS, text


@pytest.mark.parametrize("kind", ["drawing", "text", "numbers", "unknown"])
def test_nothing_that_fits_the_description_or_not_breaks_it(kind: str, tmp_path: Path) -> None:
    with running(Service(Served(KINDS[kind](tmp_path)))) as port:
        api = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json")
        tried = 0
        for operation in (found.ok() for found in api.get_all_operations()):
            for mode in GenerationMode:

                @given(case=operation.as_strategy(generation_mode=mode))
                @settings(max_examples=12, derandomize=True, deadline=None, **PATIENT)
                def check(case: Any) -> None:
                    nonlocal tried
                    tried += 1
                    # A schema cannot say that bytes are a picture, or that rows are equally long.
                    case.call_and_validate(excluded_checks=[positive_data_acceptance])

                with suppress(Unsatisfiable):  # GET /health has nothing that could be wrong
                    check()
        assert tried > 24


PATIENT: dict[str, Any] = {
    "database": None,
    "phases": [Phase.explicit, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


def exchange(port: int, *parts: bytes, half: bool = False) -> bytes:
    """What comes back to these bytes, until the service closes."""
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        for part in parts:
            line.sendall(part)
        if half:
            line.shutdown(socket.SHUT_WR)
        found = b""
        while more := line.recv(65536):
            found += more
        return found


HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_requests_that_could_be_read_in_two_ways(tmp_path: Path) -> None:
    body = b'{"text": "good"}'
    service = Service(Served(text(tmp_path)), Limits(timeout=0.3))
    with running(service) as port:
        both = (
            HEAD + b"Content-Length: 16\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        twice = HEAD + b"Content-Length: 16\r\nContent-Length: 17\r\n\r\n"
        for head in (both, twice, HEAD + b"Content-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            assert re.match(rb"HTTP/1.1 4\d\d ", exchange(port, head, body)), head
        assert exchange(port, HEAD + b"X: " + b"y" * 70_000).startswith(b"HTTP/1.1 4")
        # Half of a body, and then nothing more.
        assert b" 408 " in exchange(port, HEAD + b"Content-Length: 16\r\n\r\n", body[:5])
        exchange(port, HEAD + b"Content-Length: 16\r\n\r\n", body[:5], half=True)
        close = HEAD + b"Content-Length: 16\r\nConnection: close\r\n\r\n"
        assert b" 200 " in exchange(port, close, body)


def said_to(port: int, head: bytes, drip: bytes) -> bytes:
    """What the service says, until it closes, to a client that sends `head`, and then `drip` again
    and again. TimeoutError where it never closes."""
    said, end = b"", time.monotonic() + 20
    with socket.create_connection(("127.0.0.1", port), 10) as line, suppress(ConnectionError):
        line.sendall(head)
        line.settimeout(0.05)
        while time.monotonic() < end:
            with suppress(TimeoutError):
                if not (part := line.recv(1000)):
                    return said
                said += part
            line.sendall(drip)
        raise TimeoutError
    return said


def test_heads_and_bodies_that_trickle_in(tmp_path: Path) -> None:
    service = Service(Served(text(tmp_path)), Limits(timeout=0.4))
    with running(service) as port:
        head = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
        assert said_to(port, head, b"A").startswith(b"HTTP/1.1 408")
        assert said_to(port, b"", b"") == b""
        # Answered before its body has come: nobody waits for the rest.
        said = said_to(port, head + b"Content-Length: 99999\r\n\r\n", b"A")
        assert said.startswith(b"HTTP/1.1 200") and b"408" not in said
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(3):  # one connection, for longer than one wait in all
                assert client.get("/health").status_code == 200
                time.sleep(0.2)


def test_a_client_that_does_not_read_its_answer(tmp_path: Path) -> None:
    service = Service(Served(text(tmp_path)), Limits(timeout=0.3))
    service.meters.text = lambda: b"#" * 50_000_000  # type: ignore[method-assign]
    with running(service) as port, socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        end = time.monotonic() + 20
        for busy in (1, 0):  # it begins, and is given up
            while service.meters.busy._value.get() != busy:
                assert time.monotonic() < end
                time.sleep(0.01)


def test_too_late_too_many_and_stopping(tmp_path: Path) -> None:
    model, gate = Served(text(tmp_path)), threading.Event()
    run = model.run

    def slow(arrays: Any) -> Any:
        gate.wait(10)
        return run(arrays)

    model.run = slow  # type: ignore[method-assign]
    service = Service(model, Limits(timeout=0.4, max_batch=1, max_waiting=1))
    with running(service) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        found: list[httpx.Response] = []

        def ask() -> None:
            found.append(httpx.post(f"{client.base_url}/predict", json={"text": "good"}))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {r.status_code for r in found} == {503, 504}
        busy = next(r for r in found if r.status_code == 503)
        assert busy.headers["retry-after"] == "1" and busy.json()["error"]["code"] == "busy"
        gate.set()
        assert client.get("/health").status_code == 200
        service.ready = False
        assert client.get("/health").status_code == 503
        assert client.post("/predict", json={"text": "good"}).status_code == 503


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to stop by")
def test_sigterm_finishes_what_is_under_way(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "gobhir", "serve", str(text(tmp_path)), "--port", "0"]
    surroundings = os.environ | {"GOBHIR_LANG": "en", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=surroundings) as process:
        try:
            assert process.stdout is not None
            port = int(re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())[1])  # type: ignore[index]
            assert httpx.get(f"http://127.0.0.1:{port}/health", timeout=10).json()["ready"]
            with socket.create_connection(("127.0.0.1", port), 10) as line:
                line.sendall(HEAD + b'Content-Length: 16\r\nExpect: 100-continue\r\n\r\n{"text"')
                assert line.recv(1000).startswith(b"HTTP/1.1 100")  # it is reading
                process.send_signal(signal.SIGTERM)
                while True:  # until it has closed its door
                    try:
                        socket.create_connection(("127.0.0.1", port), 10).close()
                    except OSError:
                        break
                line.sendall(b': "good"}')
                assert b" 200 " in line.recv(65536)
            assert process.wait(15) == 0 and "finished" in process.stdout.read()
        finally:
            process.kill()


def test_the_load_test_measures_every_service(tmp_path: Path) -> None:
    from argparse import Namespace

    from benchmarks import serving

    path, body = KINDS["numbers"](tmp_path), b'{"numbers": [1, 2]}'
    request = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    told = Namespace(rounds=2, seconds=0.1, clients=3)
    with running(Service(Served(path))) as a, running(Service(Served(path))) as b:
        found = serving.measured({"a": (a, os.getpid()), "b": (b, os.getpid())}, request, told)
    assert all(rows.shape == (2, 4) and (rows[:, 0] > 1).all() for rows in found.values())
    assert all((rows[:, 1] <= rows[:, 2]).all() for rows in found.values())
    table = serving.table("t", found, told)
    assert "3 clients" in table and "| ratio |" in table
