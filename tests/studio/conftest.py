"""A real studio, in a process of its own, and a client that can be as rude as it likes."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gobhir import course
from gobhir.lang import catalogue

PATIENCE = 90  # seconds; on a machine with much else to do everything takes long
START = "from gobhir.studio import serve; serve({arguments})"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Running:
    """A studio process: where it is, and requests to it with whatever credentials are wished."""

    process: subprocess.Popen[str]
    home: Path
    printed: list[str] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    reader: threading.Thread | None = None

    def listen(self) -> None:
        """Take down what the process prints, until it closes."""
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.printed.append(line.rstrip())

    @property
    def address(self) -> str:
        return re.findall(r"http://\S+", " ".join(self.printed))[0]

    @property
    def port(self) -> int:
        return int(re.findall(r":(\d+)/", self.address)[0])

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        json_body: Any = None,
        *,
        body: bytes | None = None,
        cookies: bool = True,
        xsrf: bool = True,
        **headers: str,
    ) -> Answer:
        """One request; a keyword like `X_Name="..."` becomes the header X-Name."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if cookies:
            self.log_in()
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if cookies and xsrf:
            sent["X-XSRFToken"] = self.cookies["_xsrf"]
        if json_body is not None:
            body = json.dumps(json_body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def said(self, key: str, lang: str = "en") -> bool:
        """Whether the terminal showed the sentence `key`, with whatever values in its holes."""
        words = re.split(r"\{\w+\}", catalogue(lang)[key].splitlines()[0])
        sentence = re.compile(".*".join(map(re.escape, words)))
        return any(sentence.search(line) for line in self.printed)

    def get(self, path: str, **headers: Any) -> Answer:
        return self.ask("GET", path, **headers)

    def put(self, path: str, json_body: Any, **headers: Any) -> Answer:
        return self.ask("PUT", path, json_body, **headers)

    def post(self, path: str, json_body: Any, **headers: Any) -> Answer:
        return self.ask("POST", path, json_body, **headers)

    def log_in(self) -> None:
        """What the browser does with the printed address: a cookie for the token."""
        if self.cookies:
            return
        first = self.ask("GET", f"/gobhir/?token={self.token}", cookies=False)
        assert first.status == 302 and first.headers["Location"] == "/gobhir/"
        self._take_cookies(first)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self._take_cookies(self.ask("GET", "/gobhir/", cookies=False, Cookie=cookie))

    def _take_cookies(self, answer: Answer) -> None:
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value

    def kill(self) -> None:
        """kill -9: no clean-up of any kind."""
        self.process.kill()
        self.process.wait()

    def interrupt(self) -> int:
        """One Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.end()

    def end(self) -> int:
        """Wait for the end; the exit status. All it said stands in `printed` then."""
        status = self.process.wait(timeout=PATIENCE)
        if self.reader:
            self.reader.join(timeout=PATIENCE)
        return status


Start = Callable[..., Running]


def environment(home: Path) -> dict[str, str]:
    """The surroundings of a learner with this folder, with no Jupyter of their own."""
    jupyter = home.parent / "jupyter"
    jupyter.mkdir(parents=True, exist_ok=True)
    return {
        **{k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")},
        "GOBHIR_HOME": str(home),
        "GOBHIR_LANG": "en",
        "JUPYTER_CONFIG_DIR": str(jupyter / "config"),
        "JUPYTER_DATA_DIR": str(jupyter / "data"),
        "JUPYTER_RUNTIME_DIR": str(jupyter / "runtime"),
        "PYTHONUTF8": "1",
    }


def start_studio(home: Path, arguments: str = "", wait: bool = True, **extra: str) -> Running:
    """Start a studio as a learner would, and wait for its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", START.format(arguments=arguments)],
        env={**environment(home), **extra},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    running = Running(process, home)
    running.reader = threading.Thread(target=running.listen, daemon=True)
    running.reader.start()
    deadline = time.monotonic() + PATIENCE
    while wait and not re.search(r"http://\S+", " ".join(running.printed)):
        ended = process.poll() is not None and not running.reader.is_alive()
        assert not ended and time.monotonic() < deadline, "\n".join(running.printed)
        time.sleep(0.02)
    return running


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts studios and sees to it that none stays."""
    started: list[Running] = []

    def begin(home: Path, arguments: str = "", **how: Any) -> Running:
        started.append(start_studio(home, arguments, **how))
        return started[-1]

    yield begin
    for running in started:
        if running.process.poll() is None:
            running.kill()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One studio for all tests of a module."""
    running = start_studio(tmp_path_factory.mktemp("learner") / "gobhir")
    yield running
    running.kill()


@pytest.fixture(scope="session")
def slug() -> str:
    """Day 9: it has every kind of block."""
    return next(day.slug for day in course.lessons() if day.number == 9)


@pytest.fixture(scope="session")
def lesson(slug: str) -> course.Lesson:
    return course.load(slug)
