"""What the pages ask the server for, as JSON: notes, progress, quiz, check, settings.

Every refusal is {"message": {"bn": ..., "en": ...}} with a status that says what kind it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from jupyter_server.base.handlers import APIHandler
from tornado import web

from gobhir.lang import LANGUAGES
from gobhir.learner import notes
from gobhir.learner.refusal import Refusal
from gobhir.studio.policy import StudioHandler, reason_of, wished_language

SMALL, LARGE = 250_000, 6 * notes.LIMIT + 1000  # bytes; JSON may write a byte of text as six
CODE_LIMIT = 100_000
NAME = re.compile(r"[A-Za-z0-9][\w.\-:]{0,119}", re.ASCII)
THEMES = ("auto", "light", "dark")
P = ParamSpec("P")
T = TypeVar("T")


@web.stream_request_body
class Api(StudioHandler, APIHandler):
    """A JSON handler: reads a checked body, answers or refuses."""

    limit = SMALL

    async def prepare(self) -> None:  # type: ignore[override]
        """Refuse at once what the server would hang up on. What is merely too long for this
        handler is read and dropped: a browser shows no answer that comes while it still sends."""
        self.received = bytearray()
        await super().prepare()
        length = int(self.request.headers.get("Content-Length") or 0)
        if length > self.studio.serverapp.max_body_size:
            raise self.too_large()

    def data_received(self, chunk: bytes) -> None:
        if len(self.received) <= self.limit:
            self.received += chunk

    def too_large(self) -> Refusal:
        return Refusal("large", limit=max(1, self.limit // 6_000_000))

    def fields(self, **wanted: type | tuple[type, ...]) -> dict[str, Any]:
        """The body's fields, each of its type; NoneType among its types: it may be absent."""
        if len(self.received) > self.limit:
            raise self.too_large()
        try:
            body = json.loads(self.received)
            json.dumps(body, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair
        except (ValueError, RecursionError) as error:
            raise Refusal("malformed", reason="JSON") from error
        if not isinstance(body, dict):
            raise Refusal("malformed", reason="JSON")
        for name, kinds in wanted.items():
            value = body.get(name)
            numeric = isinstance(value, bool) and kinds is not bool  # True is an int to Python
            if not isinstance(value, kinds) or numeric:
                raise Refusal("malformed", reason=name)
        return {name: body.get(name) for name in wanted}

    def lesson(self, slug: str) -> str:
        self.studio.lessons.entry(slug)
        return slug

    async def remember(self, slug: str, item: str, answer: Any, right: bool) -> dict[str, Any]:
        """Keep a try, and count the item as done once it was right. Where that cannot be saved
        the learner still gets the answer, with the reason under "unsaved"."""
        store = self.studio.store
        try:
            await self.studio.off_loop(store.add_answer, slug, item, answer, right)
            if right:
                await self.studio.off_loop(store.merge_progress, slug, {item: True})
        except Refusal as refusal:
            return {"unsaved": refusal.answer()["message"]}
        return {}

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None))[1]
        refusal = reason_of(status_code, error)
        self.set_status(refusal.status if isinstance(error, Refusal) else status_code)
        self.finish(json.dumps(refusal.answer(), ensure_ascii=False))

    def log_exception(self, *about: Any) -> None:
        if not isinstance(about[1], Refusal):
            super().log_exception(*about)

    def answer(self, value: Any) -> None:
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(value, ensure_ascii=False))


class NotesHandler(Api):
    """GET, PUT gobhir/api/notes/<slug>"""

    limit = LARGE

    def noted(self, slug: str) -> str:
        """What may have a note: a lesson, or the playground."""
        return slug if slug == notes.PLAYGROUND else self.lesson(slug)

    @web.authenticated
    async def get(self, slug: str) -> None:
        note = await self.studio.off_loop(self.studio.notes.read, self.noted(slug))
        self.answer({"text": note.text, "version": note.version, "saved_at": note.saved_at})

    @web.authenticated
    async def put(self, slug: str) -> None:
        given = self.fields(text=str, version=str)
        note = await self.studio.off_loop(
            self.studio.notes.write, self.noted(slug), given["text"], given["version"]
        )
        self.answer({"version": note.version, "saved_at": note.saved_at})


class ProgressHandler(Api):
    """GET, PUT gobhir/api/progress/<slug>"""

    @web.authenticated
    async def get(self, slug: str) -> None:
        self.answer(await self.studio.off_loop(self.studio.store.progress, self.lesson(slug)))

    @web.authenticated
    async def put(self, slug: str) -> None:
        absent = type(None)
        given = self.fields(
            done=(dict, absent), minutes=(int, float, absent), anchor=(str, absent),
            at=(int, float, absent),
        )  # fmt: skip
        done, minutes = given["done"] or {}, given["minutes"] or 0.0
        if not all(NAME.fullmatch(block) and _small(value) for block, value in done.items()):
            raise Refusal("malformed", reason="done")
        for name, number in (("minutes", minutes), ("at", given["at"] or 0.0)):
            if not (math.isfinite(number) and number >= 0):
                raise Refusal("malformed", reason=name)
        self.answer(
            await self.studio.off_loop(
                self.studio.store.merge_progress,
                self.lesson(slug), done, minutes, _name(given["anchor"], "anchor"), given["at"],
            )
        )  # fmt: skip


class QuizHandler(Api):
    """POST gobhir/api/quiz/<slug>/<item>"""

    @web.authenticated
    async def post(self, slug: str, item: str) -> None:
        from gobhir import course

        answer = self.fields(answer=(str, int, float, bool, list, dict))["answer"]
        try:
            graded = await aside(course.grade, self.lesson(slug), item, answer)
        except KeyError as error:
            raise Refusal("notfound") from error
        except (TypeError, ValueError) as error:
            raise Refusal("malformed", reason="answer") from error
        self.answer(graded | await self.remember(slug, item, answer, graded["correct"]))


class CheckHandler(Api):
    """POST gobhir/api/check/<slug>/<exercise>"""

    at_once = asyncio.Semaphore(2)  # a weak laptop; the others wait

    @web.authenticated
    async def post(self, slug: str, exercise: str) -> None:
        from gobhir import course

        code = self.fields(code=str)["code"]
        if len(code) > CODE_LIMIT:
            raise Refusal("large", limit=CODE_LIMIT / 1_000_000)
        settings = await self.studio.off_loop(self.studio.store.settings)
        lang = wished_language(self, settings)
        try:
            async with self.at_once:
                verdict = await aside(course.check, self.lesson(slug), exercise, code, lang)
        except KeyError as error:
            raise Refusal("notfound") from error
        kept = await self.remember(slug, exercise, code, verdict.passed)
        tries = await self.studio.off_loop(self.studio.store.tries)
        failed = sum(not right for right, _ in tries.get((slug, exercise), []))
        self.answer(verdict.to_json() | kept | {"failed": failed})


class WorkingHandler(Api):
    """POST gobhir/api/working/<slug>/<exercise>"""

    @web.authenticated
    async def post(self, slug: str, exercise: str) -> None:
        from gobhir.course.working import working_of

        given = self.fields(code=str, task=int, width=(int, type(None)))
        width = min(max(given["width"] or 80, 30), 100)
        if len(given["code"]) > CODE_LIMIT:
            raise Refusal("large", limit=CODE_LIMIT / 1_000_000)
        lang = wished_language(self, await self.studio.off_loop(self.studio.store.settings))
        slug = self.lesson(slug)
        try:
            async with CheckHandler.at_once:
                text = await aside(
                    working_of, slug, exercise, given["task"], given["code"], lang, width
                )
        except KeyError as error:
            raise Refusal("notfound") from error
        self.answer({"text": text})


class SettingsHandler(Api):
    """GET, PUT gobhir/api/settings"""

    @web.authenticated
    async def get(self) -> None:
        self.answer(await self.studio.off_loop(self.studio.store.settings))

    @web.authenticated
    async def put(self) -> None:
        absent = type(None)
        given = self.fields(lang=(str, absent), theme=(str, absent), resume=(dict, absent))
        if given["lang"] not in (None, *LANGUAGES):
            raise Refusal("malformed", reason="lang")
        if given["theme"] not in (None, *THEMES):
            raise Refusal("malformed", reason="theme")
        if given["resume"] is not None:
            place = given["resume"]
            given["resume"] = {
                "slug": self.lesson(str(place.get("slug"))),
                "anchor": _name(place.get("anchor"), "resume"),
            }
        changes = {name: value for name, value in given.items() if value is not None}
        self.answer(await self.studio.off_loop(self.studio.store.change_settings, changes))


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread that neither holds up the server nor, unlike an executor's, its end:
    Ctrl-C does not wait for a learner's program."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(settle: Callable[[Any], None], outcome: Any) -> None:
        if not done.done():
            settle(outcome)

    def run() -> None:
        try:
            settled: tuple[Callable[[Any], None], Any] = done.set_result, work(*args, **kwargs)
        except Exception as error:
            settled = done.set_exception, error
        with contextlib.suppress(RuntimeError):  # the server was stopped meanwhile
            loop.call_soon_threadsafe(finish, *settled)

    threading.Thread(target=run, name="gobhir-aside", daemon=True).start()
    return await done


def _name(value: Any, field: str) -> str | None:
    """An id of a block, or nothing."""
    if value in (None, ""):
        return None
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    raise Refusal("malformed", reason=field)


def _small(value: Any) -> bool:
    return isinstance(value, bool | int | float | str) and len(str(value)) <= 1000
