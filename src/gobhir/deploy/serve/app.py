"""The service: its pages and its API, as one Starlette application.

GET / a page to try the model; POST /predict; GET /docs, /openapi.json, /health, /metrics.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gobhir.deploy.serve import pages
from gobhir.deploy.serve.answer import answer
from gobhir.deploy.serve.batching import Batcher, Full
from gobhir.deploy.serve.body import example, received
from gobhir.deploy.serve.guard import Guard, Meters
from gobhir.deploy.serve.limits import Limits, Refused
from gobhir.deploy.serve.listening import LOCAL, spoken
from gobhir.deploy.serve.model import Served
from gobhir.deploy.serve.openapi import description
from gobhir.lang import say

PATHS = ("/", "/predict", "/docs", "/openapi.json", "/health", "/metrics")


class Service:
    """A model behind its limits; `app` is what uvicorn runs.

    hosts: the names under which it may be asked; None: any.
    """

    def __init__(self, model: Served, limits: Limits | None = None, hosts: set[str] | None = LOCAL):
        self.model, self.limits = model, limits or Limits()
        self.meters = Meters()
        self.ready = False
        self.batcher: Batcher | None = None
        routes = [
            Route("/", self._page),
            Route("/predict", self._predict, methods=["POST"]),
            Route("/docs", self._docs),
            Route("/openapi.json", self._openapi),
            Route("/health", self._health),
            Route("/metrics", self._metrics),
            Route("/static/{name:path}", self._static),
        ]
        inner = Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={
                Refused: _refused,
                HTTPException: _http,
                Exception: _failed,
            },
        )
        self.app = Guard(inner, self.meters, PATHS, hosts, _of_scope)

    @asynccontextmanager
    async def _lifespan(self, app: Any) -> AsyncIterator[None]:
        limits = self.limits
        self.batcher = Batcher(
            self.model.run,
            limits.max_batch,
            limits.max_wait_ms / 1000,
            limits.max_waiting,
            limits.workers,
            self.model.batched,
            self.meters.batches.observe,
        )
        self.meters.waiting.set_function(lambda: self.batcher.waiting if self.batcher else 0)
        self.batcher.start()
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            await self.batcher.close()

    async def _predict(self, request: Request) -> Response:
        began, model = time.perf_counter(), self.model
        if not self.ready or self.batcher is None:
            raise Refused(503, "stopping", say("deploy.refuse.stopping"), Retry_After="5")
        wish = request.query_params.get("activations", "0")
        if wish not in ("0", "1"):
            raise Refused(422, "input", say("deploy.input.activations", got=wish[:20]))
        media, body = await received(request, model, self.limits)
        try:
            async with asyncio.timeout(self.limits.timeout):
                given = await example(media, body, model, self.limits)
                outputs, size = await self.batcher.submit(given.rows)
        except Refused:
            raise
        except Full:
            raise Refused(503, "busy", say("deploy.refuse.busy"), Retry_After="1") from None
        except TimeoutError:
            late = say("deploy.refuse.late", seconds=self.limits.timeout)
            raise Refused(504, "late", late) from None
        except Exception as trouble:
            if model.about is None:  # the shapes fitted; what is in them, its author knows
                detail = str(trouble).splitlines()[0][:200]
                raise Refused(422, "input", say("deploy.refuse.run", detail=detail)) from None
            raise
        lang = spoken(request)
        said = answer(model.about, model.outputs, outputs, lang, wish == "1", given.note)
        took = round((time.perf_counter() - began) * 1000, 3)
        return _json({**said, "batch": size, "milliseconds": took}, lang)

    async def _page(self, request: Request) -> Response:
        return pages.page(self.model, self.limits, spoken(request))

    async def _docs(self, request: Request) -> Response:
        return pages.docs(self.model, spoken(request))

    async def _openapi(self, request: Request) -> Response:
        lang = spoken(request)
        return _json(description(self.model, self.limits, lang), lang)

    async def _health(self, request: Request) -> Response:
        states = {"status": "live", "ready": self.ready}
        return _json(states, spoken(request), 200 if self.ready else 503)

    async def _metrics(self, request: Request) -> Response:
        return Response(self.meters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _static(self, request: Request) -> Response:
        found = pages.static(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found


def service(path: str | Path, limits: Limits | None = None) -> Service:
    """The service of a model file, for localhost."""
    return Service(Served(path), limits)


def _json(content: Any, lang: str, status: int = 200, **headers: str) -> Response:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    headers = {"content-language": lang, "vary": "accept-language", **headers}
    body = text.encode("utf-8", "replace")  # half of a surrogate pair may come back in a name
    return Response(body, status, headers, "application/json")


async def _refused(request: Request, refused: Any) -> Response:
    lang = spoken(request)
    said = {"error": {"code": refused.code, "message": refused.message.text(lang)}}
    return _json(said, lang, refused.status, **refused.headers)


async def _http(request: Request, error: Any) -> Response:
    key = {404: "path", 405: "method"}.get(error.status_code, "other")
    message = say(f"deploy.refuse.{key}")  # keys: deploy.refuse.path, deploy.refuse.method
    refused = Refused(error.status_code, key, message)  # keys: deploy.refuse.other
    refused.headers = dict(error.headers or {})
    return await _refused(request, refused)


async def _failed(request: Request, error: Exception) -> Response:
    return await _refused(request, Refused(500, "failed", say("deploy.refuse.failed")))


def _of_scope(scope: Any, refused: Refused) -> Callable[..., Awaitable[None]]:
    async def respond(scope: Any, receive: Any, send: Any) -> None:
        response = await _refused(Request(scope), refused)
        await response(scope, receive, send)

    return respond
