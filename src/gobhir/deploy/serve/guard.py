"""What holds for every request: who may ask, what the browser may do with the answer, counting."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers, MutableHeaders

from gobhir.deploy.serve.limits import Refused
from gobhir.lang import say

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; "
        "img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Meters:
    """What /metrics shows, of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {"registry": self.registry, "namespace": "gobhir"}
        self.requests = Counter("requests", "Requests answered", ["path", "status"], **own)
        self.seconds = Histogram("request_seconds", "Time to answer", ["path"], **own)
        self.batches = Histogram(
            "batch_size", "Examples in a batch", buckets=(1, 2, 4, 8, 16, 32, 64, 128), **own
        )
        self.waiting = Gauge("queue_waiting", "Requests in the queue", **own)
        self.busy = Gauge("requests_in_progress", "Requests being answered", **own)

    def text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class Guard:
    """ASGI middleware: checks, security headers, meters. hosts: names under which the service may
    be asked; None: any. refuse: sends a Refused."""

    def __init__(
        self, app: Any, meters: Meters, paths: Collection[str], hosts: set[str] | None, refuse: Any
    ):
        self._app, self._meters, self._hosts = app, meters, hosts
        self._paths, self._refuse = frozenset(paths), refuse

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        path = scope["path"] if scope["path"] in self._paths else "other"

        async def sending(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        with self._meters.busy.track_inprogress():
            try:
                refused = self._stranger(Headers(scope=scope))
                if refused is None:
                    await self._app(scope, receive, sending)
                else:
                    await self._refuse(scope, refused)(scope, receive, sending)
            finally:
                self._meters.requests.labels(path, str(status)).inc()
                self._meters.seconds.labels(path).observe(time.perf_counter() - began)

    def _stranger(self, headers: Headers) -> Refused | None:
        """A page of another site must not use a visitor's browser to ask a service that listens
        on the visitor's own machine, under its own name or a name made up for that."""
        host = headers.get("host", "").rpartition("@")[2]
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        if self._hosts is not None and name.lower() not in self._hosts:
            return Refused(421, "host", say("deploy.refuse.host", got=host[:60]))
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != (
            "navigate"
        ):
            return Refused(403, "foreign", say("deploy.refuse.foreign"))
        return None
