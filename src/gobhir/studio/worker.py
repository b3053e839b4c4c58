"""A process beside the studio that works out what the playground asks for: a request a line as
JSON in, an answer a line out. What takes too long there is ended, and the studio never waits.

`python -m gobhir.studio.worker` is that process; Worker is its end in the studio.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from typing import Any

from gobhir.lang import LANGUAGES, Message, say

SECONDS = 30.0
MOST = 2
"""Processes at once: a weak laptop."""


class Worker:
    """One process; it is started by its first request, and again after it was ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: dict[str, Any], seconds: float = SECONDS) -> dict[str, Any]:
        """{"answer": ...} or {"message": {"bn": ..., "en": ...}}."""
        process = self._process
        if process is None or process.poll() is not None:
            process = self._process = _start()
        assert process.stdin is not None and process.stdout is not None
        limit = threading.Timer(seconds, process.kill)
        limit.start()
        line = ""
        try:
            with contextlib.suppress(OSError):  # it was ended just now
                process.stdin.write(json.dumps(request) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
        finally:
            limit.cancel()
        if not line.endswith("\n"):
            self.stop()
            return refused(say("play.slow", seconds=round(seconds)))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Workers:
    """So many workers, lent one by one; never asked for more at once."""

    def __init__(self, most: int = MOST) -> None:
        self._all = [Worker() for _ in range(most)]
        self._free = list(self._all)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer of whichever is free."""
        worker = self._free.pop()  # the one that was used last is warm
        try:
            return worker.ask(request)
        finally:
            self._free.append(worker)

    def stop(self) -> None:
        for worker in self._all:
            worker.stop()


def _start() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gobhir.studio.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )


def refused(message: Message) -> dict[str, Any]:
    return {"message": {lang: message.text(lang) for lang in LANGUAGES}}


def respond(request: dict[str, Any]) -> dict[str, Any]:
    """What the worker writes for a request."""
    from gobhir.studio.desk import told
    from gobhir.studio.playground import playground

    try:
        return {"answer": playground(request.pop("state")).answer(**request)}
    except Exception as error:
        if not any(isinstance(a, Message) for a in error.args):
            traceback.print_exc()  # a fault of ours: the terminal has the rest
        return told(error)


def main() -> None:
    """Answer until the studio closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the studio
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        out.write(json.dumps(respond(json.loads(line))) + "\n")
        out.flush()


if __name__ == "__main__":
    main()
