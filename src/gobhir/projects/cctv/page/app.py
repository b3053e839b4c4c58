"""The dashboard as one Starlette application: pages for people, and the API that they stand on.

GET / live, /events, /camera/NAME, /settings, /privacy, /login; everything else lies below /api/.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from gobhir.deploy.serve.limits import Refused
from gobhir.deploy.serve.listening import spoken
from gobhir.lang import say
from gobhir.projects.cctv import config
from gobhir.projects.cctv.clock import Clock, SystemClock
from gobhir.projects.cctv.live import note_of, want
from gobhir.projects.cctv.page import pages, settings, told
from gobhir.projects.cctv.page.access import LASTS, Access
from gobhir.projects.cctv.page.asked import body, content, number, ticked
from gobhir.projects.cctv.page.guard import COOKIE, Guard
from gobhir.projects.cctv.page.writing import Toml, checked, sentence
from gobhir.projects.cctv.rules import RULES
from gobhir.projects.cctv.store import Row, Store
from gobhir.projects.naming import composed

MOST = 100
"""Events of one answer."""
FRESH = 2.0
"""Seconds that a page waits for a camera's first picture."""


class Running(Protocol):
    """What the dashboard shows: a Supervisor, in the same process."""

    @property
    def system(self) -> config.System: ...

    @property
    def once(self) -> bool: ...

    def change(self, system: config.System) -> None: ...


class Dashboard:
    """What a folder's cameras see; `app` is what uvicorn runs."""

    def __init__(
        self,
        folder: Path,
        running: Running,
        access: Access,
        hosts: set[str],
        addresses: bool = False,
        clock: Clock | None = None,
    ) -> None:
        self.folder, self.running, self.access = folder, running, access
        self.clock, self.file = clock or SystemClock(), Toml(folder)
        self._one = threading.Lock()  # a database's connection, or a writer of cctv.toml
        routes = [
            Route("/", self._live),
            Route("/events", self._events_page),
            Route("/camera/{name}", self._camera_page),
            Route("/settings", self._settings_page),
            Route("/privacy", self._privacy),
            Route("/login", self._login_page, methods=["GET"]),
            Route("/login", self._login, methods=["POST"]),
            Route("/static/{name:path}", self._static),
            Route("/api/logout", self._logout, methods=["POST"]),
            Route("/api/cameras", self._cameras),
            Route("/api/cameras/{name}", self._marks, methods=["GET"]),
            Route("/api/cameras/{name}", self._change, methods=["PUT"]),
            Route("/api/cameras/{name}/picture", self._picture),
            Route("/api/settings", self._settings, methods=["GET"]),
            Route("/api/settings", self._set, methods=["PUT"]),
            Route("/api/events", self._events),
            Route("/api/events/seen", self._seen, methods=["POST"]),
            Route("/api/events/{id:int}/{what}", self._file),
        ]
        handlers: dict[Any, Any] = {Refused: refused, HTTPException: _http, Exception: _failed}
        inner = Starlette(routes=routes, exception_handlers=handlers)
        self.app = Guard(inner, access, hosts, addresses, refused)

    @cached_property
    def store(self) -> Store:
        """A connection of its own; a page waits for no locked database for long."""
        return Store(self.folder, self.clock, patience=2.0, wait=1.0)

    @property
    def zone(self) -> str:
        return self.running.system.time_zone

    def camera(self, request: Request) -> config.Camera:
        """The one that an address names."""
        name = composed(request.path_params["name"])
        for camera in self.running.system.cameras:
            if camera.name == name:
                return camera
        raise Refused(404, "camera", say("dashboard.refuse.camera", name=name[:60]))

    # -- pages -----------------------------------------------------------------------------------

    def _page(self, request: Request, name: str, **more: Any) -> Response:
        session = request.scope["visitor"]
        more = {"xsrf": session.xsrf if session else "", "locked": self.access.needed, **more}
        return pages.page(name, spoken(request), session is not None, **more)

    def _live(self, request: Request) -> Response:
        return self._page(request, "live")

    def _events_page(self, request: Request) -> Response:
        lang = spoken(request)
        kinds = {kind: told.kind_title(kind, lang) for kind in RULES}
        cameras = [camera.name for camera in self.running.system.cameras]
        return self._page(request, "events", kinds=kinds, cameras=cameras)

    def _camera_page(self, request: Request) -> Response:
        return self._page(request, "camera", camera=self.camera(request).name)

    def _settings_page(self, request: Request) -> Response:
        return self._page(request, "settings")

    def _privacy(self, request: Request) -> Response:
        return self._page(request, "privacy")

    def _login_page(self, request: Request) -> Response:
        if request.scope["visitor"] is not None:
            return RedirectResponse(f"/?lang={spoken(request)}", 303)
        return self._page(request, "login", wrong="")

    def _static(self, request: Request) -> Response:
        found = pages.static(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found

    # -- who is let in ---------------------------------------------------------------------------

    async def _login(self, request: Request) -> Response:
        sent = await body(request)
        given = parse_qs(sent.decode("utf-8", "replace"), max_num_fields=8)
        password = given.get("password", [""])[0]
        address = request.client.host if request.client else ""
        token, trouble = await run_in_threadpool(self.access.enter, password, address)
        lang = spoken(request)
        if trouble is not None:
            status = 401 if trouble.key == "dashboard.login.wrong" else 429
            page = self._page(request, "login", wrong=trouble.text(lang))
            page.status_code = status
            return page
        answer = RedirectResponse(f"/?lang={lang}", 303)
        answer.set_cookie(
            COOKIE,
            token,
            max_age=round(LASTS),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return answer

    def _logout(self, request: Request) -> Response:
        self.access.leave(request.cookies.get(COOKIE, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    # -- cameras ---------------------------------------------------------------------------------

    def _cameras(self, request: Request) -> Response:
        lang, now = spoken(request), self.clock.now()
        with self._one:
            beats = _kept(self.store.cameras)
        cameras = [
            told.health(camera, beats.get(camera.name), now, self.zone, lang)
            for camera in self.running.system.cameras
        ]
        return answer({"cameras": cameras}, lang)

    async def _picture(self, request: Request) -> Response:
        """The newest picture of a camera; who is in it stands in the header x-seen. 204: there is
        none yet, which is no error, and none in a browser's console."""
        camera = self.camera(request)
        try:
            path = want(self.folder, camera.name)
            before, waited = _dated(path), 0.0
            old = before is None or abs(self.clock.now() - before) > FRESH
            while old and _dated(path) == before and waited < FRESH:
                await asyncio.sleep(0.1)
                waited += 0.1
            if _dated(path) is None:
                return Response(status_code=204)
            picture = await run_in_threadpool(path.read_bytes)
        except OSError as error:
            reason = error.strerror or str(error)
            raise Refused(503, "disk", say("dashboard.refuse.disk", reason=reason)) from None
        stale = "1" if old and _dated(path) == before else "0"
        head = {"x-seen": json.dumps(note_of(picture).get("people", [])), "x-stale": stale}
        return Response(picture, headers=head, media_type="image/jpeg")

    def _marks(self, request: Request) -> Response:
        camera, lang = self.camera(request), spoken(request)
        text, version = self.file.read()
        known = camera.name in [c.name for c in checked(config.parse, text).cameras]
        return answer(told.marks(camera, lang) | {"version": version, "kept": known}, lang)

    async def _change(self, request: Request) -> Response:
        asked = content(await body(request))
        return await run_in_threadpool(self._changed, request, asked)

    def _changed(self, request: Request, asked: Any) -> Response:
        """Zones, lines and rules of a camera, taken up as soon as they are written."""
        lang = spoken(request)
        with self._one:
            before, camera = self.running.system, self.camera(request)
            saved = self.file.change(asked, lambda text: _edited(text, camera, asked))
            new = _marked(camera, _named(saved.system, camera.name))
            cameras = (new if c.name == new.name else c for c in before.cameras)
            after = dataclasses.replace(before, cameras=tuple(cameras))
            self.running.change(after)
        note = saved.note(before, after, lang)
        said = {"version": saved.version, "kept": True, "note": note}
        return answer(told.marks(new, lang) | said, lang)

    # -- settings --------------------------------------------------------------------------------

    def _settings(self, request: Request) -> Response:
        text, version = self.file.read()
        said = settings.shown(checked(config.parse, text), spoken(request))
        return answer(said | {"version": version, "once": self.running.once}, spoken(request))

    async def _set(self, request: Request) -> Response:
        asked = content(await body(request))
        return await run_in_threadpool(self._were_set, request, asked)

    def _were_set(self, request: Request, asked: Any) -> Response:
        """All settings of cctv.toml, taken up as soon as they are written; cameras that were named
        for this once stay as they are."""
        lang = spoken(request)
        with self._one:
            before = self.running.system
            saved = self.file.change(
                asked, lambda text: settings.edited(text, asked.get("settings"))
            )
            after = saved.system
            if self.running.once:
                after = dataclasses.replace(after, cameras=before.cameras)
            self.running.change(after)
        said = {"version": saved.version, "once": self.running.once}
        note = saved.note(before, after, lang)
        return answer(settings.shown(saved.system, lang) | said | {"note": note}, lang)

    # -- events ----------------------------------------------------------------------------------

    def _events(self, request: Request) -> Response:
        lang, asked = spoken(request), request.query_params
        known = (k for k in ("camera", "kind") if asked.get(k))
        wishes: dict[str, Any] = {k: composed(asked[k]) for k in known}
        if asked.get("day"):
            try:
                wishes["since"], wishes["until"] = told.day(asked["day"], self.zone)
            except (ValueError, OverflowError, OSError):
                said = say("dashboard.refuse.day", got=asked["day"][:40])
                raise Refused(422, "day", said) from None
        if asked.get("seen"):
            wishes["seen"] = asked["seen"] == "1"
        if asked.get("before"):
            wishes["before"] = number(asked["before"])
        limit = min(number(asked.get("limit", "30")), MOST)
        with self._one:
            rows = _kept(lambda: self.store.events(**wishes, limit=limit + 1))
        shown = [told.event(row, self.zone, lang) for row in rows[:limit]]
        more = shown[-1]["id"] if len(rows) > limit and shown else None
        return answer({"events": shown, "before": more}, lang)

    async def _seen(self, request: Request) -> Response:
        asked = content(await body(request))
        if not ticked(asked):
            raise Refused(422, "seen", say("dashboard.refuse.seen"))

        def tick() -> None:
            with self._one:
                _kept(lambda: self.store.look(asked["ids"], asked["seen"]))

        await run_in_threadpool(tick)
        return answer({"ids": asked["ids"], "seen": asked["seen"]}, spoken(request))

    def _file(self, request: Request) -> Response:
        """An event's clip, in the parts that a browser asks for, or its thumbnail."""
        what = request.path_params["what"]
        with self._one:
            row: Row | None = _kept(lambda: self.store.event(min(request.path_params["id"], 2**62)))
        name = {"clip": row.clip, "thumb": row.thumb}.get(what, "") if row else ""
        path = (self.folder / name).resolve()
        if not name or not path.is_relative_to((self.folder / "clips").resolve()):
            raise HTTPException(404)
        if not path.is_file():
            raise Refused(404, "gone", say("dashboard.refuse.gone"))
        media = "video/mp4" if what == "clip" else "image/jpeg"
        return Parts(path, media_type=media, filename=path.name, content_disposition_type="inline")


def _edited(text: str, camera: config.Camera, asked: Any) -> config.System:
    """The file's system with that camera marked as the page sends it."""
    system = config.parse(text)
    if camera.name not in [c.name for c in system.cameras]:
        raise Refused(409, "once", say("dashboard.refuse.once", name=camera.name))
    new = config.read_camera(told.camera_table(camera, asked), 1, {})
    kept = tuple(_marked(c, new) if c.name == new.name else c for c in system.cameras)
    return config.replace_cameras(system, kept)


def _marked(camera: config.Camera, new: config.Camera) -> config.Camera:
    """The one as the other is marked: a camera may run with another source than the file has."""
    return dataclasses.replace(camera, zones=new.zones, lines=new.lines, rules=new.rules)


def _named(system: config.System, name: str) -> config.Camera:
    return next(camera for camera in system.cameras if camera.name == name)


def _dated(path: Path) -> float | None:
    try:
        return path.stat().st_mtime_ns / 1e9
    except FileNotFoundError:
        return None


def _kept(ask: Any) -> Any:
    """What the store says; 503 where it cannot be asked."""
    try:
        return ask()
    except OSError as error:
        raise Refused(503, "store", sentence(error), Retry_After="5") from None


# -- answers ---------------------------------------------------------------------------------------


def answer(said: Any, lang: str, status: int = 200, **headers: str) -> Response:
    """JSON, in a language."""
    text = json.dumps(said, ensure_ascii=False, allow_nan=False)
    head = {"content-language": lang, "vary": "accept-language", **headers}
    return Response(text.encode("utf-8", "replace"), status, head, "application/json")


class Parts(FileResponse):
    """A file in the parts that are asked for; parts that it has not are refused like all else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message.get("status") in (400, 416):
                raise Refused(message["status"], "range", say("dashboard.refuse.range"))
            await send(message)

        await super().__call__(scope, receive, sending)


async def refused(request: Request, why: Any) -> Response:
    lang = spoken(request)
    error = {"code": why.code, "message": why.message.text(lang)}
    if why.message.key == "cctv.config.key":  # a page says it beside the field
        values = why.message.values
        error |= {"key": values["key"], "problem": values["problem"].text(lang)}
    said = {"error": error}
    if request.url.path.startswith("/api/"):
        return answer(said, lang, why.status, **why.headers)
    page = pages.page("refused", lang, False, wrong=why.message.text(lang))
    page.status_code = why.status
    return page


async def _http(request: Request, error: Any) -> Response:
    key = {404: "path", 405: "method"}.get(error.status_code, "other")
    message = say(f"deploy.refuse.{key}")
    return await refused(request, Refused(error.status_code, key, message))


async def _failed(request: Request, error: Exception) -> Response:
    return await refused(request, Refused(500, "failed", say("deploy.refuse.failed")))
